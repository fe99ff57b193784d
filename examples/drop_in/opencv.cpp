// OpenCV on the threads of fanout: a stack of images is filtered, first one after another, then each in a task.

#include <fanout/adapters/opencv.hpp>
#include <fanout/fanout.hpp>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "threads_at_work.hpp"

cv::Mat filter(const cv::Mat& image) {
  cv::Mat smooth;
  cv::bilateralFilter(image, smooth, 9, 40, 40);
  cv::Mat blurred;
  cv::GaussianBlur(smooth, blurred, {0, 0}, 2.0);
  cv::Mat sharp;
  cv::addWeighted(smooth, 1.5, blurred, -0.5, 0, sharp);
  return sharp;
}

std::vector<cv::Mat> stack_of_images(std::size_t count) {
  std::vector<cv::Mat> images(count);
  cv::RNG random(2026);
  for (cv::Mat& each : images) {
    each.create(480, 640, CV_8UC3);
    random.fill(each, cv::RNG::UNIFORM, 0, 256);
  }
  return images;
}

bool same(const std::vector<cv::Mat>& left, const std::vector<cv::Mat>& right) {
  bool all = left.size() == right.size();
  for (std::size_t i = 0; all && i != left.size(); ++i) {
    all = left[i].size() == right[i].size() && left[i].type() == right[i].type() &&
          std::memcmp(left[i].data, right[i].data, left[i].total() * left[i].elemSize()) == 0;
  }
  return all;
}

int main() {
  const std::vector<cv::Mat> images = stack_of_images(48);
  const fanout::executor executor({.concurrency = 4});
  const std::size_t limit = executor.concurrency();
  cv::parallel::setParallelForBackend(std::make_shared<fanout::adapters::opencv_backend>(executor), false);

  // One image after another: OpenCV's loops have all threads of the executor.
  std::vector<cv::Mat> plain;
  const std::size_t alone = threads_at_work::during([&] {
    for (const cv::Mat& each : images) plain.push_back(filter(each));
  });

  // A batch of fanout whose tasks call OpenCV, which works on the executor of the batch.
  std::vector<cv::Mat> nested;
  const std::size_t shared = threads_at_work::during([&] { nested = executor.map(images, filter); });

  // The same batch, while OpenCV has its own backend. It must not keep the executor, which ends before OpenCV does.
  cv::parallel::setParallelForBackend(std::shared_ptr<cv::parallel::ParallelForAPI>());
  std::vector<cv::Mat> expected;
  const std::size_t own = threads_at_work::during([&] { expected = executor.map(images, filter); });

  std::printf("threads at work, with a limit of %zu:\n", limit);
  std::printf("  OpenCV on the executor:                            %zu\n", alone);
  std::printf("  a batch that calls OpenCV on its executor:         %zu\n", shared);
  std::printf("  a batch that calls OpenCV with threads of its own: %zu\n", own);
  const bool identical = same(nested, expected) && same(plain, expected);
  std::printf("the images are %s\n", identical ? "identical, bit for bit" : "different");
  return identical && alone <= limit && shared <= limit ? 0 : 1;  // how many threads its own backend runs, OpenCV decides
}
