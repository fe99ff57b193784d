// `fanout compare --command`, and the files that `fanout compare` writes.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class CompareCommands : public testing::Test {
 protected:
  command_result compare(const std::string& command, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"compare",       "--command", command,         "--input-list", list_,
                                 "--repetitions", "2",         "--concurrency", "2"};
    all.insert(all.end(), more.begin(), more.end());
    return run_command(all);
  }

  temporary_directory place_;
  std::string list_ = place_.write("list", "one\ntwo\nthree\n");
};

TEST_F(CompareCommands, GiveEqualOutputOnAllSchedulers) {
  const command_result result = compare("echo {}", {"--schedulers", "serial,fanout,thread-rounds,thread-pool,async,task-arena"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_TRUE(result.out.ends_with("\nAll 6 competitors produced the same checksum.\n")) << result.out;
}

TEST_F(CompareCommands, ThatWriteSomethingElseEachTimeAreNamedByTheirLine) {
  // `two` writes one more byte in each run; the size of its file is the only thing that the runs share.
  const std::string count = place_.path("count");
  const command_result result =
      compare("if [ {} = two ]; then printf x >> " + count + "; cat " + count + "; fi", {"--shell"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.out.find("The results of fanout differ from those of serial's first run, first at two.\n"),
            std::string::npos)
      << result.out;
}

TEST_F(CompareCommands, HaveTheirWholeOutputCompared) {
  // 300,000 bytes do not fit into a pipe at once; the last one differs from run to run.
  const std::string count = place_.path("count");
  const std::string zeros = "head -c 300000 /dev/zero";
  EXPECT_EQ(compare(zeros + " # {}", {"--shell"}).exit_code, 0);
  const command_result result =
      compare("printf x >> " + count + "; " + zeros + "; wc -c < " + count + " # {}", {"--shell"});
  EXPECT_EQ(result.exit_code, 1) << result.out;
}

TEST_F(CompareCommands, AreNotComparedByOutputThatGoesElsewhere) {
  const std::string count = place_.path("count");
  const command_result result =
      compare("printf x >> " + count + "; cat " + count + " # {}", {"--shell", "--output", "null"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(CompareCommands, ThatFailEndTheComparisonAndAreNamed) {
  const command_result result = compare("test {} != two", {"--shell"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  ASSERT_EQ(result.error_lines().size(), 1U) << result.err;
  EXPECT_NE(result.err.find("line 2 of " + list_ + " ('two') ended with exit status 1"), std::string::npos)
      << result.err;
}

TEST_F(CompareCommands, ThatCannotBeComparedAreRefusedBeforeAnythingRuns) {
  const std::string mark = place_.path("mark");
  const std::vector<std::vector<std::string>> wrong{
      {"--workload", "sleep"}, {"--size", "9"},      {"--schedulers", "serial,serial"},
      {"--schedulers", "x"},   {"--output", "tape"}, {"--csv", place_.path("none/x")},
      {"--json", list_},       {"--page", "/"},      {"--csv", place_.path("same"), "--json", place_.path("same")},
      {"--csv", ""}};
  for (const std::vector<std::string>& more : wrong) {
    SCOPED_TRACE(testing::PrintToString(more));
    const command_result result = compare("touch " + mark + " {}", more);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
    EXPECT_FALSE(std::filesystem::exists(mark));
  }
  EXPECT_EQ(compare("touch " + mark + " {threads} {}").exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(mark));
}

TEST_F(CompareCommands, MayBeTakenAsAStream) {
  const command_result result = compare("echo {}", {"--stream", "--ahead", "3"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("\nthread-queue "), std::string::npos);
  EXPECT_EQ(compare("echo {}", {"--stream", "--schedulers", "serial"}).exit_code, 2);
}

TEST_F(CompareCommands, AreWrittenToFilesToo) {
  const std::string csv = place_.path("result.csv");
  const std::string json = place_.path("result.json");
  const std::string page = place_.path("result.html");
  const command_result result = compare("echo {}", {"--csv", csv, "--json", json, "--page", page});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("\nAll 4 competitors"), std::string::npos);
  EXPECT_TRUE(content_of(csv).starts_with("workload,input,"));
  const auto document = nlohmann::json::parse(content_of(json));
  EXPECT_EQ(document["workload"], "command");
  EXPECT_EQ(document["rows"].size(), 4U);
  const std::string html = content_of(page);
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
  EXPECT_NE(html.find("<td>thread-pool</td>"), std::string::npos);
  EXPECT_EQ(html.find("http"), std::string::npos);
}

TEST_F(CompareCommands, AnInputIsNotOverwritten) {
  const std::string input = place_.write("input/text", "a text");
  const command_result result = run_command({"compare", "--input", place_.path("input"), "--csv", input});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(content_of(input), "a text");
}

}  // namespace
}  // namespace tool
