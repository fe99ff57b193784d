#include "machine/affinity.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace fanout::detail {
namespace {

/// Empty if the thread has ended, or has more CPUs than fit.
cpu_set_t mask_of(pid_t thread) noexcept {
  cpu_set_t mask;
  if (::sched_getaffinity(thread, sizeof mask, &mask) != 0) CPU_ZERO(&mask);
  return mask;
}

void add(cpu_set_t& to, const cpu_set_t& more) noexcept { CPU_OR(&to, &to, &more); }

void add_masks_of_all_threads(cpu_set_t& to) noexcept {
  const auto close = [](DIR* directory) { ::closedir(directory); };
  const std::unique_ptr<DIR, decltype(close)> threads(::opendir("/proc/self/task"));
  if (threads == nullptr) return;
  while (const dirent* const entry = ::readdir(threads.get())) {
    const std::string_view name = entry->d_name;
    pid_t id = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), id).ec == std::errc{}) add(to, mask_of(id));
  }
}

// ── OpenMP ──────────────────────────────────────────────────────────────────────────────────────────────────────────

// No runtime of OpenMP is linked, and a program may have two: so these look for the libraries that are loaded.

/// Whether the environment asks for bound threads. Without that no runtime needs to be asked.
bool openmp_may_bind() noexcept {
  for (const char* const each : {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"})
    if (std::getenv(each) != nullptr) return true;
  return false;
}

std::vector<std::string> loaded_openmp_runtimes() {
  std::vector<std::string> paths;
  const auto look = [](dl_phdr_info* library, std::size_t, void* found) noexcept {
    const std::string_view path = library->dlpi_name;
    const std::string_view name = path.substr(path.rfind('/') + 1);
    const bool is_openmp = name.starts_with("libgomp") || name.starts_with("libomp") || name.starts_with("libiomp");
    if (!is_openmp) return 0;
    try {
      static_cast<std::vector<std::string>*>(found)->emplace_back(path);
    } catch (...) {  // no memory: the runtime is not asked
    }
    return 0;
  };
  ::dl_iterate_phdr(look, &paths);
  return paths;
}

/// LLVM's runtime initialises itself when it is first asked anything, reading the environment and the mask of the
/// thread that asks. That must stay the application's choice, so it is asked only if it has been initialised before:
/// since then it has an object with this name, in one of three places.
bool is_initialised_llvm_runtime() {
  const std::string name =
      "__KMP_REGISTERED_LIB_" + std::to_string(::getpid()) + "_" + std::to_string(::getuid());
  return ::access(("/dev/shm/" + name).c_str(), F_OK) == 0 || ::access(("/tmp/" + name).c_str(), F_OK) == 0 ||
         std::getenv(name.c_str()) != nullptr;
}

template <class Function>
Function* function_of(void* library, const char* name) {
  return reinterpret_cast<Function*>(::dlsym(library, name));
}

void add_places_of(void* runtime, cpu_set_t& to) {
  const bool is_llvm = ::dlsym(runtime, "__kmpc_fork_call") != nullptr;
  if (is_llvm && !is_initialised_llvm_runtime()) return;
  const auto proc_bind = function_of<int()>(runtime, "omp_get_proc_bind");
  const auto count_of_places = function_of<int()>(runtime, "omp_get_num_places");
  const auto count_of_cpus = function_of<int(int)>(runtime, "omp_get_place_num_procs");
  const auto cpus_of = function_of<void(int, int*)>(runtime, "omp_get_place_proc_ids");
  if (proc_bind == nullptr || count_of_places == nullptr || count_of_cpus == nullptr || cpus_of == nullptr) return;
  // LLVM's runtime binds each thread that asks it anything, so a thread of its own asks. A place may have CPUs that
  // the process may not use, or that the machine does not have: the kernel leaves them out of the mask of that
  // thread.
  std::thread([&] {
    if (proc_bind() == 0) return;
    cpu_set_t places;
    CPU_ZERO(&places);
    for (int place = 0; place != count_of_places(); ++place) {
      std::array<int, CPU_SETSIZE> cpus;
      const int count = count_of_cpus(place);
      if (count <= 0 || count > CPU_SETSIZE) continue;
      cpus_of(place, cpus.data());
      for (const int cpu : std::span(cpus.data(), static_cast<std::size_t>(count)))
        if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<std::size_t>(cpu), &places);
    }
    if (::sched_setaffinity(0, sizeof places, &places) == 0) add(to, mask_of(0));
  }).join();
}

void add_places_of_openmp(cpu_set_t& to) {
  for (const std::string& path : loaded_openmp_runtimes()) {
    const auto close = [](void* library) { ::dlclose(library); };
    const std::unique_ptr<void, decltype(close)> runtime(::dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD));
    if (runtime != nullptr) add_places_of(runtime.get(), to);
  }
}

}  // namespace

cpu_set_t process_affinity() noexcept {
  cpu_set_t mask = mask_of(::getpid());
  if (CPU_COUNT(&mask) == 0) return mask;
  if (openmp_may_bind()) {
    try {
      add_places_of_openmp(mask);
    } catch (...) {  // no memory, or no thread: the masks alone must do
    }
  }
  if (CPU_COUNT(&mask) == 1) add_masks_of_all_threads(mask);
  return mask;
}

widened_main_thread::widened_main_thread() noexcept : before_(mask_of(::getpid())) {
  const cpu_set_t all = process_affinity();
  if (CPU_COUNT(&all) > CPU_COUNT(&before_)) changed_ = ::sched_setaffinity(::getpid(), sizeof all, &all) == 0;
}

widened_main_thread::~widened_main_thread() {
  if (changed_) ::sched_setaffinity(::getpid(), sizeof before_, &before_);
}

}  // namespace fanout::detail
