#pragma once

#include <dlfcn.h>

#include <gtest/gtest.h>

#include <cstddef>
#include <stdexcept>
#include <string>

#include "plugin.hpp"

/// Plugins as the programs of these tests use them.
namespace plugins {

inline const std::string one = PLUGIN_ONE;
inline const std::string other = PLUGIN_OTHER;

/// A plugin, loaded as long as this lives.
class loaded {
  template <class Function, class... Arguments>
  auto call(const char* name, Arguments... arguments) const {
    void* const function = ::dlsym(library_, name);
    if (function == nullptr) throw std::runtime_error(::dlerror());
    return reinterpret_cast<Function*>(function)(arguments...);
  }

 public:
  explicit loaded(const std::string& path) : library_(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) throw std::runtime_error(::dlerror());
  }
  loaded(const loaded&) = delete;
  loaded& operator=(const loaded&) = delete;
  ~loaded() { ::dlclose(library_); }

  bool free_call_reaches(std::size_t limit) const {
    return call<plugin::free_call_reaches>("free_call_reaches", limit);
  }
  bool executor_reaches(std::size_t limit) const { return call<plugin::executor_reaches>("executor_reaches", limit); }

  void* make_executor(std::size_t limit) const { return call<plugin::make_executor>("make_executor", limit); }
  void destroy_executor(void* made) const { call<plugin::destroy_executor>("destroy_executor", made); }

  bool use_executor_of_thread(std::size_t limit) const {
    return call<plugin::use_executor_of_thread>("use_executor_of_thread", limit);
  }

 private:
  void* const library_;
};

inline bool is_loaded(const std::string& path) {
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (library != nullptr) ::dlclose(library);
  return library != nullptr;
}

/// Uses a plugin in each way.
inline void use(const loaded& used) {
  EXPECT_TRUE(used.free_call_reaches(2));
  EXPECT_TRUE(used.free_call_reaches(4));
  EXPECT_TRUE(used.free_call_reaches(plugin::automatic));
  EXPECT_TRUE(used.executor_reaches(3));
  EXPECT_TRUE(used.executor_reaches(plugin::automatic));
}

}  // namespace plugins
