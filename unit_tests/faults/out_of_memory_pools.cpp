#include "faults/out_of_memory_operations.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace support {

using fanout::error_policy;
using fanout::execute_in_parallel;

std::vector<operation> pools() {
  using fanout::pool_options;
  using fanout::resource_pool;
  using text_pool = resource_pool<std::string>;
  static const auto factory = [] { return long_text(0); };
  static const auto query = [](std::string& resource) { return resource + "!"; };
  static const auto is_answer = [](const std::string& text) { return text == long_text(0) + "!"; };

  return {
      {"Eager",
       [] {
         text_pool pool(factory, 3);
         expect(pool.idle() == 3 && *pool.acquire() == long_text(0));
       }},
      {"Lazy",
       [] {
         text_pool pool(factory, 3, {.lazy = true});
         const auto first = pool.acquire();
         const auto second = pool.try_acquire();
         expect(*first == long_text(0) && **second == long_text(0));
         expect(pool.statistics().created == 2 && pool.in_use() == 2);
       }},
      {"Discard",
       [] {
         text_pool pool(factory, 1);
         pool.acquire().discard();
         expect(*pool.acquire() == long_text(0) && pool.statistics().discarded == 1);
       }},
      {"Checked",
       [] {
         pool_options<std::string> options;
         bool bad = true;
         options.validate = [&](std::string&) { return !std::exchange(bad, false); };
         options.reset = [](std::string& each) { each.front() = 'x'; };
         options.lazy = true;
         text_pool pool(factory, 1, options);
         try {
           static_cast<void>(pool.acquire());
           throw wrong_result();
         } catch (const fanout::error& e) {
           expect(e.what() == std::string("a new resource failed its validation"));
         }
         expect(*pool.acquire() == long_text(0));
         bad = true;
         expect(*pool.acquire() == long_text(0));
       }},
      {"Outstanding",
       [] {
         pool_options<std::string> options;
         options.track_leases = true;
         text_pool pool(factory, 2, options);
         const auto lent = pool.acquire();
         expect(pool.outstanding().size() == 1);
       }},
      {"Timeout",
       [] {
         text_pool pool(factory, 1);
         const auto lent = pool.acquire();
         expect(!pool.try_acquire_for(10us).has_value());
         try {
           static_cast<void>(pool.acquire_for(10us));
         } catch (const fanout::pool_timeout&) {
           return;
         }
         throw wrong_result();
       }},
      {"Closed",
       [] {
         text_pool pool(factory, 1);
         pool.close();
         try {
           static_cast<void>(pool.acquire());
         } catch (const fanout::pool_closed&) {
           return;
         }
         throw wrong_result();
       }},
      {"WaitStopped",
       [] {
         text_pool pool(factory, 1);
         const auto lent = pool.acquire();
         std::stop_source source;
         source.request_stop();
         try {
           static_cast<void>(pool.acquire(source.get_token()));
         } catch (const fanout::operation_cancelled&) {
           return;
         }
         throw wrong_result();
       }},
      {"WaitForOneself",
       [] {
         text_pool pool(factory, 1);
         const auto twice = [&] {
           const auto first = pool.acquire();
           try {
             static_cast<void>(pool.acquire());
           } catch (const std::logic_error&) {
             return true;
           }
           return false;
         };
         expect(execute_in_parallel(std::vector(1, twice), 1).front());
       }},
      {"Waiting",
       [] {
         text_pool pool(factory, 1);
         const std::vector tasks(6, [&] { return pool.acquire()->size(); });
         expect(shared().execute(tasks) == std::vector<std::size_t>(6, long_text(0).size()));
       }},
      {"Execute",
       [] {
         text_pool pool(factory, 2, {.lazy = true});
         const auto answers = fanout::execute_with_pool(std::vector(8, query), pool);
         expect(answers.size() == 8 && std::all_of(answers.begin(), answers.end(), is_answer));
       }},
      {"ExecuteOnAnExecutor",
       [] {
         text_pool pool(factory, 2);
         const auto answers =
             shared().execute_with_pool(std::vector(8, query), pool, {.on_error = error_policy::run_all});
         expect(answers.size() == 8 && std::all_of(answers.begin(), answers.end(), is_answer));
       }},
      {"Map",
       [] {
         text_pool pool(factory, 2);
         const auto answers = fanout::map_with_pool(std::views::iota(0, 8), pool,
                                                    [](int, std::string& resource) { return query(resource); });
         expect(answers.size() == 8 && std::all_of(answers.begin(), answers.end(), is_answer));
       }},
  };
}

}  // namespace support
