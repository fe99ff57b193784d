// What a caller can learn about tasks that fail: one by one, all at once, or as data.
#include <fanout/fanout.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

int to_number(const std::string& text) {
  return std::stoi(text);  // throws std::invalid_argument for what is no number
}

}  // namespace

int main() {
  const std::vector<std::string> texts = {"1", "two", "3", "four"};
  int seen = 0;

  // The first failure ends the batch. It says which task, and carries the cause.
  try {
    fanout::map_in_parallel(texts, to_number);
  } catch (const fanout::task_error& e) {
    std::printf("%s (text \"%s\")\n", e.what(), texts[e.index()].c_str());
    try {
      e.rethrow_nested();
    } catch (const std::invalid_argument&) {
      ++seen;  // the cause, of its own type
    }
  }

  // Or everything runs, and all failures come together.
  try {
    fanout::map_in_parallel(texts, to_number, {.on_error = fanout::error_policy::run_all});
  } catch (const fanout::aggregate_error& e) {
    for (const fanout::task_error& each : e.errors()) std::printf("%s\n", each.what());
    seen += static_cast<int>(e.errors().size());
  }

  // Or failures are data.
  std::vector<std::function<int()>> tasks;
  for (const std::string& text : texts) tasks.emplace_back([&text] { return to_number(text); });
  for (const fanout::outcome<int>& each : fanout::settle_in_parallel(tasks)) {
    if (each) seen += *each;
  }

  return seen == 1 + 2 + (1 + 3) ? 0 : 1;
}
