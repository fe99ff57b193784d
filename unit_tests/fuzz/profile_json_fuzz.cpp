// The reader of profiles, from text and from a file, and what a program makes of one.

#include <sys/mman.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>

#include "fanout/fanout.hpp"
#include "fanout/tuning.hpp"
#include "fuzz.hpp"

namespace {

using fanout::tuning_error;
using fanout::tuning_profile;
using fanout::tuning_recommendation;

/// A file in memory.
class memory_file {
 public:
  memory_file() : number_(memfd_create("fanout_profile", MFD_CLOEXEC)) {
    fuzz::promise(number_ >= 0, "the system has files in memory");
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(number_); }
  void write(std::string_view content) const {
    const bool written = ftruncate(number_, 0) == 0 &&
                         pwrite(number_, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size());
    fuzz::promise(written, "a file in memory can be written");
  }

 private:
  int number_;
};

void check_message(std::string_view message, std::size_t most) {
  fuzz::promise(message.size() < most, "an error quotes little of what it did not understand");
  fuzz::promise(!fuzz::steers_a_terminal(message, false), "an error steers no terminal");
}

void check_contents(const tuning_profile& profile) {
  const auto entries = profile.recommendations();
  for (std::size_t i = 0; i != entries.size(); ++i) {
    fuzz::promise(entries[i].concurrency > 0, "a recommendation is some threads, one at least");
    fuzz::promise(entries[i].confidence >= 0 && entries[i].confidence <= 1, "the confidence is a share");
    fuzz::promise(!entries[i].workload.empty(), "a workload has a name");
    fuzz::promise(i == 0 || entries[i - 1].workload < entries[i].workload, "names are in order, each occurs once");
    fuzz::promise(profile.find(entries[i].workload) == &entries[i], "what a profile holds can be found");
  }
  const std::string json = profile.to_json();
  const tuning_profile again = tuning_profile::from_json(json);
  fuzz::promise(again == profile, "a profile comes back from its JSON");
  fuzz::promise(again.to_json() == json, "the JSON of what JSON gave is the same");
}

/// What a program on this machine is told by a profile with the same recommendation.
void check_use(const tuning_recommendation& entry, const memory_file& file) {
  tuning_profile here;
  here.add(fanout::tuning_report({.workload = entry.workload,
                                  .machine = fanout::this_machine(),
                                  .rows = {{.concurrency = entry.concurrency, .repetitions = 1}},
                                  .recommended = entry.concurrency,
                                  .confidence = entry.confidence,
                                  .reason = entry.reason}));
  file.write(here.to_json());
  const bool fits = entry.concurrency <= fanout::max_concurrency();
  try {
    const std::size_t told = fanout::recommended_concurrency(file.path(), entry.workload, fanout::automatic);
    fuzz::promise(fits && told == entry.concurrency, "a program is told what the profile holds");
  } catch (const tuning_error&) {
    fuzz::promise(!fits, "nothing but too many threads is refused");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const memory_file file;
  const std::string_view text = fuzz::text_of(data, size);
  std::optional<tuning_profile> profile;
  try {
    profile = tuning_profile::from_json(text);
    check_contents(*profile);
  } catch (const tuning_error& error) {
    check_message(error.what(), 400);
  }

  file.write(text);
  try {
    const tuning_profile loaded = tuning_profile::load(file.path());
    fuzz::promise(profile && loaded == *profile, "a file is read as its text is");
  } catch (const tuning_error& error) {
    fuzz::promise(!profile, "a file is refused as its text is");
    check_message(error.what(), 450);
  }
  if (profile && !profile->recommendations().empty()) check_use(profile->recommendations().front(), file);
  return 0;
}
