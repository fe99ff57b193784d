#include <taskflow/algorithm/pipeline.hpp>
#include <taskflow/taskflow.hpp>

#include <cstddef>
#include <vector>

#include "stream/question.hpp"

namespace {

/// Its pipeline has a serial last stage in order only, so there is no difference as completed.
class taskflow_pipeline {
 public:
  static constexpr const char* name = "taskflow_pipeline";
  explicit taskflow_pipeline(std::size_t concurrency) : executor_(concurrency) {}

  unsigned long sum(const stream::pipeline& wanted) {
    unsigned long sum = 0;
    long next = 0;
    std::vector<long> values(wanted.ahead);
    tf::Pipeline line(wanted.ahead,
                      tf::Pipe{tf::PipeType::SERIAL,
                               [&](tf::Pipeflow& flow) {
                                 if (next == wanted.items) {
                                   flow.stop();
                                 } else {
                                   values[flow.line()] = next++;
                                 }
                               }},
                      tf::Pipe{tf::PipeType::PARALLEL,
                               [&](tf::Pipeflow& flow) {
                                 values[flow.line()] = stream::map(values[flow.line()], wanted.links);
                               }},
                      tf::Pipe{tf::PipeType::SERIAL, [&](tf::Pipeflow& flow) { sum += static_cast<unsigned long>(values[flow.line()]); }});
    tf::Taskflow graph;
    graph.composed_of(line);
    executor_.run(graph).wait();
    return sum;
  }

 private:
  tf::Executor executor_;
};

const bool entered = [] {
  stream::enter<taskflow_pipeline>();
  return true;
}();

}  // namespace
