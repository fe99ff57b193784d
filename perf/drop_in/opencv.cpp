#include <fanout/adapters/opencv.hpp>
#include <fanout/executor.hpp>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#ifdef _OPENMP
#include <opencv2/core/parallel/backend/parallel_for.openmp.hpp>
#endif

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "drop_in/drop_in.hpp"

/// Filters of one frame of 1920 × 1080, and of 32 pictures of 640 × 480, each in a task.
namespace {

using backend = std::shared_ptr<cv::parallel::ParallelForAPI>;

const fanout::executor& executor() {
  static const fanout::executor made({.concurrency = drop_in::threads()});
  return made;
}

/// Gives OpenCV back its own backend.
struct replaced_backend {
  explicit replaced_backend(const backend& by, int threads) {
    cv::parallel::setParallelForBackend(by, false);
    cv::setNumThreads(threads);
  }
  replaced_backend(const replaced_backend&) = delete;
  replaced_backend& operator=(const replaced_backend&) = delete;
  ~replaced_backend() { cv::parallel::setParallelForBackend(backend(), false); }
};

struct filter {
  const char* name;
  void (*run)(const cv::Mat& from, cv::Mat& to);
};

constexpr filter filters[] = {
    {"color", [](const cv::Mat& from, cv::Mat& to) { cv::cvtColor(from, to, cv::COLOR_BGR2HSV); }},
    {"blur", [](const cv::Mat& from, cv::Mat& to) { cv::GaussianBlur(from, to, {9, 9}, 2.0); }},
    {"bilateral", [](const cv::Mat& from, cv::Mat& to) { cv::bilateralFilter(from, to, 7, 50, 50); }},
};

class job {
 public:
  job(const filter& by, std::size_t count, cv::Size size) : filter_(by), to_(count), expected_(count) {
    const replaced_backend none(backend(), 1);
    cv::RNG random(17);
    for (std::size_t i = 0; i != count; ++i) {
      from_.emplace_back(size, CV_8UC3);
      random.fill(from_.back(), cv::RNG::UNIFORM, 0, 256);
      filter_.run(from_[i], expected_[i]);
    }
  }

  void run(std::size_t i) { filter_.run(from_[i], to_[i]); }

  void run() { from_.size() == 1 ? run(0) : executor().map(from_.size(), [this](std::size_t i) { run(i); }); }

  bool is_right() const {
    for (std::size_t i = 0; i != to_.size(); ++i) {
      if (to_[i].size() != expected_[i].size() ||
          std::memcmp(to_[i].data, expected_[i].data, to_[i].total() * to_[i].elemSize()) != 0)
        return false;
    }
    return true;
  }

 private:
  const filter& filter_;
  std::vector<cv::Mat> from_;
  std::vector<cv::Mat> to_;
  std::vector<cv::Mat> expected_;
};

template <class Backend>
void enter(const std::string& workload, const char* competitor, const std::shared_ptr<std::unique_ptr<job>>& measured,
           const filter& by, std::size_t count, cv::Size size, int threads, Backend made) {
  const auto begin = [=, &by] {
    if (!*measured) *measured = std::make_unique<job>(by, count, size);
    return std::make_unique<replaced_backend>(made(), threads);
  };
  drop_in::enter(workload, competitor, begin, [=] { (*measured)->run(); }, [=] { return (*measured)->is_right(); });
}

void enter(const std::string& workload, const filter& by, std::size_t count, cv::Size size) {
  const auto measured = std::make_shared<std::unique_ptr<job>>();
  const auto add = [&](const char* competitor, int threads, auto made) {
    enter(workload, competitor, measured, by, count, size, threads, made);
  };
  const int cores = static_cast<int>(drop_in::threads());
  add("fanout", cores, [] { return std::make_shared<fanout::adapters::opencv_backend>(executor()); });
  add("own_tbb", cores, [] { return backend(); });
#ifdef _OPENMP
  add("openmp", cores, [] { return std::make_shared<cv::parallel::openmp::ParallelForBackend>(); });
#endif
  add("serial", 1, [] { return backend(); });
}

const bool entered = [] {
  for (const filter& each : filters) {
    enter(std::string("opencv_") + each.name, each, 1, {1920, 1080});
    enter(std::string("opencv_") + each.name + "_nested", each, 32, {640, 480});
  }
  return true;
}();

}  // namespace
