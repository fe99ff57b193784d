// Runs `fanout tune` where its result means little, and looks at what it says of that.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

TEST(TuneReport, SaysThatThereWereFewTasksForEachThread) {
  const temporary_directory input;
  for (int i = 0; i != 3; ++i) input.write("file" + std::to_string(i), std::string(50'000, 'x'));
  const command_result result =
      run_command({"tune", "--input", input.path(), "--budget", "2s", "--sizes", "1,2,4", "--no-baselines"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("There were only 3 tasks for "), std::string::npos) << result.out;
}

}  // namespace
}  // namespace tool
