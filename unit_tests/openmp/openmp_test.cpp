#include <gtest/gtest.h>

#include <sched.h>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "fanout/fanout.hpp"

/// What fanout makes of the masks of threads that an OpenMP runtime has bound.
namespace {

struct seen {
  int cpus = 0;  // of the main thread, before fanout was used
  std::size_t available = 0;
  bool reached = false;  // by the tasks of an automatic batch
  bool kept = false;     // the main thread's mask
};

/// Runs a program in an environment, and returns what it said.
seen run(const std::string& command) {
  const auto close = [](std::FILE* pipe) { ::pclose(pipe); };
  const std::unique_ptr<std::FILE, decltype(close)> pipe(::popen(command.c_str(), "re"));
  seen said;
  int reached = 0;
  int kept = 0;
  if (pipe == nullptr || std::fscanf(pipe.get(), "cpus=%d available=%zu reached=%d kept=%d", &said.cpus,
                                     &said.available, &reached, &kept) != 4)
    ADD_FAILURE() << command << " said nothing";
  said.reached = reached == 1;
  said.kept = kept == 1;
  return said;
}

/// The mask of this process with the first of its CPUs alone, as `taskset -c` reads it.
std::string first_cpu() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  EXPECT_EQ(::sched_getaffinity(0, sizeof mask, &mask), 0);
  std::size_t cpu = 0;
  while (!CPU_ISSET(cpu, &mask)) ++cpu;
  return std::to_string(cpu);
}

struct runtime {
  const char* name;
  std::string program;

  /// For GoogleTest, which otherwise shows the bytes of the object as the parameter of the test.
  friend void PrintTo(const runtime& shown, std::ostream* to) { *to << shown.name; }
};

class BoundByOpenMp : public testing::TestWithParam<runtime> {
 protected:
  void SetUp() override {
    if (fanout::available_concurrency() == 1) GTEST_SKIP() << "on one core nothing can be bound";
  }

  const std::string& program() const { return GetParam().program; }

  /// After a parallel region the main thread is bound, whichever runtime there is.
  void expect_all_cores(const std::string& environment, const std::string& arguments = "parallel") const {
    const std::string command = environment + " '" + program() + "' " + arguments;
    const seen said = run(command);
    EXPECT_EQ(said.available, fanout::available_concurrency()) << command;
    EXPECT_TRUE(said.reached) << command;
    EXPECT_TRUE(said.kept) << command;
  }
};

TEST_P(BoundByOpenMp, AMainThreadIsBoundIndeed) {
  EXPECT_EQ(run("OMP_PROC_BIND=true OMP_PLACES=threads '" + program() + "' parallel").cpus, 1);
}

TEST_P(BoundByOpenMp, AProcessHasAllItsCores) {
  for (const char* const how : {"true", "close", "spread", "master"}) {
    expect_all_cores(std::string("OMP_PROC_BIND=") + how);
    expect_all_cores(std::string("OMP_PROC_BIND=") + how, "");
  }
  expect_all_cores("OMP_PLACES=threads");
  expect_all_cores("OMP_PLACES=cores OMP_PROC_BIND=close");
}

// Then no other thread says by its mask where the process may run.
TEST_P(BoundByOpenMp, AProcessWithOneThreadOfOpenMpHasAllItsCores) {
  expect_all_cores("OMP_NUM_THREADS=1 OMP_PROC_BIND=true OMP_PLACES=threads");
  expect_all_cores("OMP_NUM_THREADS=1 OMP_PROC_BIND=spread OMP_PLACES=threads", "parallel from_a_thread");
}

TEST_P(BoundByOpenMp, AProcessWithANamedListOfCpusHasThese) {
  expect_all_cores("GOMP_CPU_AFFINITY=" + first_cpu() + "-63 2>/dev/null");  // which the machine need not have
}

TEST_P(BoundByOpenMp, AProcessThatMayUseOneCpuHasOne) {
  const std::string on_one = "taskset -c " + first_cpu() + " '" + program() + "' ";
  for (const char* const environment : {"", "OMP_PROC_BIND=true ", "OMP_PROC_BIND=spread OMP_PLACES=threads "}) {
    for (const char* const arguments : {"", "parallel", "parallel from_a_thread"}) {
      const seen said = run(environment + on_one + arguments);
      EXPECT_EQ(said.available, 1U) << environment << arguments;
      EXPECT_TRUE(said.reached && said.kept) << environment << arguments;
    }
  }
}

TEST_P(BoundByOpenMp, AProcessThatOpenMpDoesNotBindIsAsWithout) {
  expect_all_cores("");
  expect_all_cores("OMP_PROC_BIND=false");
}

std::vector<runtime> runtimes() {
  return {{"ByTheCompilersRuntime", PROGRAM},
#ifdef PROGRAM_WITH_LLVM
          {"ByTheRuntimeOfLlvm", PROGRAM_WITH_LLVM}
#endif
  };
}

INSTANTIATE_TEST_SUITE_P(Runtimes, BoundByOpenMp, testing::ValuesIn(runtimes()),
                         [](const auto& given) { return given.param.name; });

}  // namespace
