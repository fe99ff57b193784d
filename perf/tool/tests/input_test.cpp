// Runs the program on directories that are not as they should be.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

namespace fs = std::filesystem;

class Input : public testing::Test {
 protected:
  void make_unreadable(const std::string& path) {
    fs::permissions(path, fs::perms::none);
    made_unreadable_.push_back(path);
  }

  ~Input() override {
    for (const std::string& path : made_unreadable_) fs::permissions(path, fs::perms::owner_all);
  }

  command_result run(const std::string& format = "table") const {
    command_setting setting;
    setting.permissions_count = true;
    return run_command(
        {"compare", "--input", directory_.path(), "--repetitions", "1", "--concurrency", "3", "--format", format},
        setting);
  }

  temporary_directory directory_;

 private:
  std::vector<std::string> made_unreadable_;
};

#define REQUIRE_THAT_PERMISSIONS_CAN_COUNT() \
  if (!permissions_can_count()) GTEST_SKIP() << "root cannot give up reading every file here"

TEST_F(Input, AnUnreadableFileIsAnErrorAndTheRestIsDone) {
  REQUIRE_THAT_PERMISSIONS_CAN_COUNT();
  directory_.write("a", "first");
  const std::string path = directory_.write("b", "second");
  directory_.write("c", "third");
  make_unreadable(path);
  const command_result result = run();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.error_lines(), (std::vector<std::string>{"fanout: cannot read '" + path + "': Permission denied",
                                                            "fanout: 1 of 3 files could not be read"}));
  EXPECT_NE(result.out.find("All 4 competitors produced the same checksum."), std::string::npos);
}

TEST_F(Input, AnUnreadableDirectoryIsAnErrorAndTheRestIsDone) {
  REQUIRE_THAT_PERMISSIONS_CAN_COUNT();
  directory_.write("a", "first");
  directory_.write("b/file", "second");
  make_unreadable(directory_.path("b"));
  const command_result result = run();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.error_lines(),
            (std::vector<std::string>{"fanout: cannot read '" + directory_.path("b") + "': Permission denied",
                                      "fanout: 1 directory or entry could not be looked at"}));
  EXPECT_NE(result.out.find("All 4 competitors produced the same checksum."), std::string::npos);
}

TEST_F(Input, JsonHoldsTheErrors) {
  REQUIRE_THAT_PERMISSIONS_CAN_COUNT();
  directory_.write("a", "first");
  make_unreadable(directory_.write("file \xff", "second"));
  directory_.write("z/file", "third");
  make_unreadable(directory_.path("z"));
  const command_result result = run("json");
  EXPECT_EQ(result.exit_code, 1);
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["parameters"]["tasks"], 2);
  EXPECT_EQ(report["completed"], 1);
  EXPECT_EQ(report["checksum_equal"], true);
  ASSERT_EQ(report["errors"].size(), 2U);
  EXPECT_EQ(report["errors"][0], (nlohmann::json{{"path", directory_.path("z")}, {"reason", "Permission denied"}}));
  EXPECT_EQ(report["errors"][1],
            (nlohmann::json{{"path", directory_.path("file \xef\xbf\xbd")}, {"reason", "Permission denied"}}));
}

TEST_F(Input, AFileNameCannotBreakTheMessage) {
  REQUIRE_THAT_PERMISSIONS_CAN_COUNT();
  directory_.write("a", "first");
  make_unreadable(directory_.write("two\nlines\x1b[2J", "second"));
  const command_result result = run();
  ASSERT_EQ(result.error_lines().size(), 2U);
  EXPECT_NE(result.err.find("/two\\nlines\\x1b[2J'"), std::string::npos);
}

TEST_F(Input, NothingButUnreadableFilesStillGivesAReport) {
  REQUIRE_THAT_PERMISSIONS_CAN_COUNT();
  make_unreadable(directory_.write("a", "first"));
  const command_result result = run("json");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(nlohmann::json::parse(result.out)["completed"], 0);
}

TEST_F(Input, AnUnreadableDirectoryCannotBeTheInput) {
  REQUIRE_THAT_PERMISSIONS_CAN_COUNT();
  make_unreadable(directory_.path());
  const command_result result = run();
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
}

TEST_F(Input, WithoutRegularFilesIsRefused) {
  fs::create_directory(directory_.path("empty"));
  fs::create_symlink("nowhere", directory_.path("link"));
  ASSERT_EQ(mkfifo(directory_.path("pipe").c_str(), 0600), 0);
  const command_result result = run();
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
}

TEST_F(Input, LinksAndPipesAreLeftOut) {
  const std::string file = directory_.write("file", "content");
  fs::create_symlink(file, directory_.path("link"));
  fs::create_directory_symlink("/", directory_.path("link_to_everything"));
  ASSERT_EQ(mkfifo(directory_.path("pipe").c_str(), 0600), 0);
  const command_result result = run("json");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(nlohmann::json::parse(result.out)["parameters"]["tasks"], 1);
}

}  // namespace
}  // namespace tool
