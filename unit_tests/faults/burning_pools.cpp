#include "faults/burning.hpp"

#include <cstddef>
#include <vector>

namespace support {

using fanout::run_options;

std::vector<row> burning_pools() {
  using fanout::lease;
  using fanout::pool_options;
  using fanout::resource_pool;
  static const auto factory = [](fuse& with) {
    return [&with] {
      with.burn();
      return counted(1);
    };
  };
  static const auto calm = [] { return counted(1); };
  static const auto use = [](counted& each) { return each.value; };
  static const auto validating = [](fuse& with) {
    pool_options<counted> options;
    options.validate = [&with](counted&) {
      with.burn();
      return true;
    };
    return options;
  };
  static const auto resetting = [](fuse& with) {
    pool_options<counted> options;
    options.reset = [&with](counted&) { with.burn(); };
    return options;
  };
  /// Every resource can be had, and one more cannot.
  static const auto expect_all_to_be_had = [](resource_pool<counted>& pool) {
    std::vector<lease<counted>> all;
    for (std::size_t i = 0; i != pool.size(); ++i) all.push_back(pool.acquire());
    EXPECT_FALSE(pool.try_acquire().has_value());
  };

  return {
      {"Factory", arrival::as_it_is, [](fuse& with) { const resource_pool<counted> pool(factory(with), 4); }},
      {"LazyFactory", arrival::as_it_is,
       [](fuse& with) {
         resource_pool<counted> pool(factory(with), 4, {.lazy = true});
         try {
           expect_all_to_be_had(pool);
         } catch (const blown&) {
           expect_all_to_be_had(pool);
           throw;
         }
       }},
      {"FactoryForATask", arrival::task_error,
       [](fuse& with) {
         resource_pool<counted> pool(factory(with), 3, {.lazy = true});
         try {
           static_cast<void>(shared().execute_with_pool(std::vector(10, use), pool));
         } catch (...) {
           expect_all_to_be_had(pool);
           throw;
         }
       }},
      {"PooledTask", arrival::task_error,
       [](fuse& with) {
         resource_pool<counted> pool(calm, 3);
         const auto burn = [&](counted&) { with.burn(); };
         try {
           shared().execute_with_pool(std::vector(10, burn), pool);
         } catch (...) {
           expect_all_to_be_had(pool);
           throw;
         }
       }},
      {"PooledMapper", arrival::task_error,
       [](fuse& with) {
         resource_pool<counted> pool(calm, 3);
         fanout::map_with_pool(std::vector(10, 1), pool, [&](int, counted&) { with.burn(); });
       }},
      {"ValidationOfANewResource", arrival::as_it_is,
       [](fuse& with) {
         pool_options<counted> options = validating(with);
         options.lazy = true;
         resource_pool<counted> pool(calm, 4, options);
         try {
           expect_all_to_be_had(pool);
         } catch (const blown&) {
           expect_all_to_be_had(pool);
           throw;
         }
       }},
      {"ValidationOfAnIdleResource", arrival::nowhere,
       [](fuse& with) {
         resource_pool<counted> pool(calm, 4, validating(with));
         expect_all_to_be_had(pool);
         EXPECT_EQ(pool.statistics().discarded, with.has_blown() ? 1U : 0U);
       }},
      {"Reset", arrival::nowhere,
       [](fuse& with) {
         resource_pool<counted> pool(calm, 4, resetting(with));
         expect_all_to_be_had(pool);
         expect_all_to_be_had(pool);
         EXPECT_EQ(pool.statistics().discarded, with.has_blown() ? 1U : 0U);
       }},
      {"ResetAfterATask", arrival::nowhere,
       [](fuse& with) {
         resource_pool<counted> pool(calm, 2, resetting(with));
         EXPECT_EQ(fanout::execute_with_pool(std::vector(10, use), pool), std::vector(10, 1));
         EXPECT_EQ(pool.statistics().discarded, with.has_blown() ? 1U : 0U);
       }},
      {"MoveOfAFactory", arrival::as_it_is,
       [](fuse& with) {
         const auto plain = [] { return counted(1); };
         using kind = burns_when_moved<std::remove_const_t<decltype(plain)>>;
         const resource_pool<counted> pool(kind(with, plain), 2);
       }},
      {"CopyOfTheProgressCallback", arrival::as_it_is,
       [](fuse& with) {
         resource_pool<counted> pool(calm, 2);
         const auto tell = [](std::size_t, std::size_t) {};
         using kind = burns_when_moved<std::remove_const_t<decltype(tell)>>;
         run_options options;
         options.on_progress = kind(with, tell);
         static_cast<void>(fanout::execute_with_pool(std::vector(10, use), pool, options));
       }},
  };
}

}  // namespace support
