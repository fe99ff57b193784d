#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "fanout/tuning.hpp"
#include "support.hpp"
#include "tuning/example_results.hpp"

namespace {

namespace fs = std::filesystem;
using fanout::recommended_concurrency;
using fanout::tuning_error;
using fanout::tuning_profile;
using fanout::tuning_report;

/// A directory for each test, and a profile in it that is not there yet.
class TuningProfile : public testing::Test {
 protected:
  TuningProfile() {
    std::string name = (fs::temp_directory_path() / "fanout-profile-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory can be made");
    directory = name;
    file = directory / "profile.json";
  }
  ~TuningProfile() override { fs::remove_all(directory); }

  void write(std::string_view text) const { std::ofstream(file) << text; }
  std::string content() const {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }

  /// What is said of the file when a recommendation is asked for, without its name.
  std::string refusal(std::string_view workload = "compress") const {
    const auto message =
        support::message_of<tuning_error>([&] { static_cast<void>(recommended_concurrency(file, workload)); });
    const std::string prefix = "profile " + file.string() + ": ";
    return message.substr(0, prefix.size()) == prefix ? message.substr(prefix.size()) : "without name: " + message;
  }

  fs::path directory;
  fs::path file;
};

tuning_report report_of(const std::string& workload, std::size_t recommended = 2) {
  fanout::tuning_results results = support::some_results();
  results.workload = workload;
  results.recommended = recommended;
  results.machine = fanout::this_machine();
  return tuning_report(results);
}

tuning_report report_of_another_machine() {
  fanout::tuning_results results = support::some_results();
  results.machine = fanout::this_machine();
  results.machine.cores += 4;
  return tuning_report(results);
}

TEST_F(TuningProfile, RecommendsWhatWasMeasured) {
  fanout::add_to_profile(file, report_of("compress"));
  EXPECT_EQ(recommended_concurrency(file, "compress"), 2u);
  EXPECT_EQ(recommended_concurrency(file, "compress", 7), 2u);
  fanout::executor executor({.concurrency = recommended_concurrency(file, "compress")});
  EXPECT_EQ(executor.concurrency(), 2u);
}

TEST_F(TuningProfile, KeepsWhatItHoldsOfOtherWorkloads) {
  fanout::add_to_profile(file, report_of("compress", 2));
  fanout::add_to_profile(file, report_of("archive", 1));
  fanout::add_to_profile(file, report_of("compress", 1));
  const tuning_profile profile = tuning_profile::load(file);
  ASSERT_EQ(profile.recommendations().size(), 2u);
  EXPECT_EQ(profile.recommendations()[0].workload, "archive");
  EXPECT_EQ(profile.find("archive")->concurrency, 1u);
  EXPECT_EQ(profile.find("compress")->concurrency, 1u);
  EXPECT_EQ(profile.find("other"), nullptr);
}

TEST_F(TuningProfile, HoldsTheSameIfEachMemberOfItsRecommendationsIs) {
  const fanout::tuning_recommendation one{.workload = "a", .concurrency = 2, .confidence = 0.5, .reason = "b"};
  EXPECT_EQ(one, fanout::tuning_recommendation(one));
  for (const auto change : {+[](fanout::tuning_recommendation& it) { it.workload += "?"; },
                            +[](fanout::tuning_recommendation& it) { ++it.concurrency; },
                            +[](fanout::tuning_recommendation& it) { it.confidence = 1; },
                            +[](fanout::tuning_recommendation& it) { it.reason.clear(); }}) {
    fanout::tuning_recommendation changed = one;
    change(changed);
    EXPECT_FALSE(changed == one);
  }
  tuning_profile compress;
  compress.add(report_of("compress"));
  tuning_profile archive;
  archive.add(report_of("archive"));
  EXPECT_FALSE(archive == compress);
  archive = compress;
  EXPECT_EQ(archive, compress);
}

TEST_F(TuningProfile, ComesBackFromJsonAsItWas) {
  tuning_profile profile;
  profile.add(report_of("b \"quoted\" …"));
  profile.add(report_of("a"));
  EXPECT_EQ(tuning_profile::from_json(profile.to_json()), profile);
  EXPECT_EQ(tuning_profile::from_json(tuning_profile().to_json()), tuning_profile());
}

TEST_F(TuningProfile, SaysThatThereIsNoFile) {
  EXPECT_EQ(refusal(), "it cannot be read: No such file or directory");
  EXPECT_EQ(recommended_concurrency(file, "compress", fanout::automatic), fanout::automatic);
}

TEST_F(TuningProfile, SaysThatItDoesNotKnowAWorkload) {
  fanout::add_to_profile(file, report_of("compress"));
  EXPECT_EQ(refusal("archive"), "it does not know the workload \"archive\"");
  EXPECT_EQ(recommended_concurrency(file, "archive", 3), 3u);
}

TEST_F(TuningProfile, IsRefusedOnAMachineOfAnotherShape) {
  fanout::add_to_profile(file, report_of_another_machine());
  EXPECT_EQ(refusal().substr(0, 32), "it was made on another machine (") << refusal();
  EXPECT_EQ(recommended_concurrency(file, "compress", 3), 3u);
}

TEST(TuningMachineShape, NamesTheAvailableConcurrencyIfTheOthersDoNotSayIt) {
  using fanout::machine_shape;
  EXPECT_EQ((machine_shape{.cores = 2, .available = 2}.to_string()), "2 cores");
  EXPECT_EQ((machine_shape{.cores = 2, .available = 1}.to_string()), "2 cores, available concurrency 1");
  EXPECT_EQ((machine_shape{.cores = 4, .quota = 1.5, .available = 2}.to_string()), "4 cores, CPU quota 1.5 cores");
  EXPECT_EQ((machine_shape{.cores = 2, .quota = 9, .available = 2}.to_string()), "2 cores, CPU quota 9 cores");
  EXPECT_EQ((machine_shape{.cores = 4, .quota = 1.5, .available = 4}.to_string()),
            "4 cores, CPU quota 1.5 cores, available concurrency 4");
}

TEST_F(TuningProfile, IsNotOverwrittenByAReportOfAnotherMachine) {
  fanout::add_to_profile(file, report_of("compress"));
  const std::string before = content();
  EXPECT_THROW(fanout::add_to_profile(file, report_of_another_machine()), tuning_error);
  EXPECT_EQ(content(), before);
}

TEST_F(TuningProfile, RefusesAReportWithoutANameOfItsWorkload) {
  EXPECT_THROW(fanout::add_to_profile(file, report_of("")), std::invalid_argument);
  EXPECT_FALSE(fs::exists(file));
}

TEST_F(TuningProfile, IsNeverReadWhenDamagedNotEvenWithAFallback) {
  fanout::add_to_profile(file, report_of("compress"));
  const std::string text = content();
  for (std::size_t length = 0; length + 2 < text.size(); length += 7) {
    write(text.substr(0, length));
    EXPECT_EQ(refusal().substr(0, 14), "it is not JSON") << length;
    EXPECT_THROW(static_cast<void>(recommended_concurrency(file, "compress", 3)), tuning_error);
    EXPECT_THROW(fanout::add_to_profile(file, report_of("compress")), tuning_error);
  }
  EXPECT_NE(content(), text);
}

TEST_F(TuningProfile, NamesTheFieldThatIsWrong) {
  fanout::add_to_profile(file, report_of("compress"));
  const std::string text = content();
  const auto refusal_with = [&](const std::string& old, const std::string& replacement) {
    std::string changed = text;
    changed.replace(changed.find(old), old.size(), replacement);
    write(changed);
    return refusal();
  };
  EXPECT_EQ(refusal_with("\"version\": 1", "\"version\": 7"),
            "version is 7, this library reads version 1: it is too old");
  EXPECT_EQ(refusal_with("fanout-tuning-profile", "fanout-tuning"),
            "schema must be \"fanout-tuning-profile\", got \"fanout-tuning\"");
  EXPECT_EQ(refusal_with("\"concurrency\": 2", "\"concurrency\": 0"), "workloads[0].concurrency must be at least 1");
  EXPECT_EQ(refusal_with("\"concurrency\": 2", "\"concurrency\": -1"),
            "workloads[0].concurrency must be a whole number that is not negative");
  EXPECT_EQ(refusal_with("\"concurrency\": 2", "\"concurrency\": 999999").substr(0, 37),
            "it recommends 999999 for \"compress\", ");
  EXPECT_EQ(refusal_with("\"confidence\": 0.9995", "\"confidence\": -1"),
            "workloads[0].confidence must be between 0 and 1");
  EXPECT_EQ(refusal_with("\"cores\": ", "\"cores\": \"many\", \"old\": "),
            "machine.cores must be a whole number that is not negative");
  EXPECT_EQ(refusal_with("\"workloads\": [", "\"workloads\": [{}, "), "workloads[0].workload is missing");
}

TEST_F(TuningProfile, RefusesAWorkloadThatOccursTwice) {
  fanout::add_to_profile(file, report_of("compress"));
  std::string text = content();
  const auto first = text.find('{', 1 + text.find("workloads"));
  const std::string entry = text.substr(first, text.find('}', first) + 1 - first);
  write(text.insert(first, entry + ","));
  EXPECT_EQ(refusal(), "workloads[1].workload occurs twice");
}

TEST_F(TuningProfile, LeavesNothingBesideItself) {
  fanout::add_to_profile(file, report_of("a"));
  fanout::add_to_profile(file, report_of("b"));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 1);
}

TEST_F(TuningProfile, ReplacesTheFileThatALinkPointsTo) {
  const fs::path link = directory / "link.json";
  fanout::add_to_profile(file, report_of("a"));
  fs::create_symlink(file, link);
  fanout::add_to_profile(link, report_of("b"));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(tuning_profile::load(file).recommendations().size(), 2u);
}

TEST_F(TuningProfile, CreatesTheFileThatALinkPointsTo) {
  fs::create_directory(directory / "below");
  const fs::path link = directory / "link.json";
  const fs::path target = directory / "below" / "profile.json";
  fs::create_symlink("second.json", link);
  fs::create_symlink(target, directory / "second.json");
  fanout::add_to_profile(link, report_of("a"));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_TRUE(fs::is_symlink(directory / "second.json"));
  EXPECT_EQ(tuning_profile::load(target).recommendations().size(), 1u);
}

TEST_F(TuningProfile, IsNotSavedWhereLinksFormACircle) {
  fs::create_symlink("other.json", file);
  fs::create_symlink(file, directory / "other.json");
  EXPECT_EQ(support::message_of<tuning_error>([&] { tuning_profile().save(file); }),
            "profile " + file.string() + ": it cannot be written: Too many levels of symbolic links");
  EXPECT_TRUE(fs::is_symlink(file));
}

TEST_F(TuningProfile, KeepsThePermissionsOfTheFile) {
  fanout::add_to_profile(file, report_of("a"));
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  fanout::add_to_profile(file, report_of("b"));
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0640u);
}

TEST_F(TuningProfile, SaysWhyItCannotBeWritten) {
  const fs::path nowhere = directory / "missing" / "profile.json";
  EXPECT_EQ(support::message_of<tuning_error>([&] { fanout::add_to_profile(nowhere, report_of("a")); }),
            "profile " + nowhere.string() + ": it cannot be written: No such file or directory");
}

TEST_F(TuningProfile, LeavesTheOldFileWhereTheNewCannotTakeItsPlace) {
  fs::create_directory(file);  // a directory cannot be replaced by a file
  std::ofstream(file / "inside") << "x";
  EXPECT_THROW(tuning_profile().save(file), tuning_error);
  EXPECT_TRUE(fs::exists(file / "inside"));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 1);
}

TEST_F(TuningProfile, RefusesADirectory) {
  fs::create_directory(file);
  EXPECT_EQ(refusal(), "it cannot be read: Is a directory");
}

TEST_F(TuningProfile, ReadsNoMoreThanItWouldTake) {
  if (!fs::exists("/dev/zero")) GTEST_SKIP() << "there is no /dev/zero here";
  EXPECT_EQ(support::message_of<tuning_error>([] { tuning_profile::load("/dev/zero"); }),
            "profile /dev/zero: it is larger than 16 MiB");
}

}  // namespace
