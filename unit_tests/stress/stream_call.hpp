#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>

#include "fanout/stream.hpp"
#include "observer.hpp"
#include "payload.hpp"
#include "plan.hpp"
#include "record.hpp"

/// How a batch that is a stream gets its items, and what its reader does.
namespace stress {

/// What the source of a stream throws.
struct source_failure {};

/// Thrown where a call returns its results, if the reader left the stream.
struct stream_left {};

/// Reads one stream as the plan says, and notes what its source and its reader see.
class stream_reader {
 public:
  stream_reader(const batch_plan& what, observer& seen, stream_record& notes, handle_record& looks)
      : what_(what), seen_(seen), notes_(notes), looks_(looks) {
    notes_.as_completed = what.stream.as_completed;
    notes_.ahead = what.look_ahead();
    notes_.source_size = what.stream.source_throws ? what.size / 2 : what.size;
    notes_.leaves_after = what.stream.leaves_after;
  }

  /// The numbers from 0 to the size of the batch. Each reading is noted.
  class source {
   public:
    class iterator {
     public:
      using iterator_concept = std::input_iterator_tag;
      using value_type = std::size_t;
      using difference_type = std::ptrdiff_t;

      explicit iterator(stream_reader& reader) : reader_(&reader), end_(reader.what_.size) { reader_->step(0); }
      std::size_t operator*() const { return reader_->item(at_); }
      iterator& operator++() {
        reader_->step(++at_);
        return *this;
      }
      void operator++(int) { ++*this; }
      friend bool operator==(const iterator& one, std::default_sentinel_t) { return one.at_ == one.end_; }

     private:
      stream_reader* reader_;
      std::size_t end_;
      std::size_t at_ = 0;
    };

    explicit source(stream_reader& reader) : reader_(&reader) {}
    iterator begin() { return iterator(*reader_); }
    std::default_sentinel_t end() const { return {}; }

   private:
    stream_reader* reader_;
  };

  /// Reads the stream that `make` returns. Throws what the stream throws, or `stream_left`.
  template <class Make>
  void read(const Make& make) {
    bool was_left = false;
    {
      auto results = make(source(*this));
      pause();
      was_left = what_.stream.leaves_after == 0 || !read_results(results);
    }
    if (was_left) {
      note_end();
      throw stream_left();
    }
  }

  /// Requires that the stream has been destroyed. The number of items that were read.
  std::size_t items_read() {
    notes_.most_in_source = static_cast<std::size_t>(in_source_.most());
    return items_read_;
  }

 private:
  /// False if the reader has left.
  template <class R>
  bool read_results(fanout::stream<R>& first) {
    std::optional<fanout::stream<R>> second;
    fanout::stream<R>* results = &first;
    typename fanout::stream<R>::iterator at;
    ask(*results, [&] { at = results->begin(); });
    while (at != results->end()) {
      const std::size_t index = at.index();
      notes_.delivered.push_back({index, index_of<R>(*at, index)});
      notes_.most_results = std::max(notes_.most_results, static_cast<std::size_t>(seen_.results_alive.load()));
      if (notes_.delivered.size() == what_.stream.leaves_after) return false;
      if (index % 16 == 3) look(*results, false);
      if (index % 8 == 5) pause();
      if (what_.stream.is_moved && !second) results = &second.emplace(std::move(first));
      ++given_back_;
      ask(*results, [&] { ++at; });
    }
    note_end();
    look(*results, true);
    return true;
  }

  template <class Stream, class Ask>
  void ask(const Stream& results, const Ask& call) {
    notes_.asked_at = seen_.now();
    try {
      call();
    } catch (...) {
      note_end();
      look(results, true);
      throw;
    }
  }

  void note_end() { notes_.in_flight_at_end = seen_.in_flight(); }

  template <class Stream>
  void look(const Stream& results, bool is_over) {
    looks_.looks.push_back(seen_.look_at(results, is_over));
  }

  void pause() const {
    if (what_.stream.reader_pause.count() != 0) std::this_thread::sleep_for(what_.stream.reader_pause);
  }

  bool throws_at(std::size_t item) const { return what_.stream.source_throws && item == notes_.source_size; }

  // On the threads of the stream, one after the other. No locks, so that the thread sanitizer sees it if they are
  // not.
  void step(std::size_t to) {
    const support::gauge::visit inside(in_source_);
    notes_.steps.push_back({given_back_, seen_.now()});
    if (what_.stream.source_pauses && to % 7 == 6) std::this_thread::sleep_for(std::chrono::microseconds(100));
    if (throws_at(to) && what_.size % 2 == 0) fail();
  }
  std::size_t item(std::size_t at) {
    const support::gauge::visit inside(in_source_);
    if (throws_at(at)) fail();
    ++items_read_;
    return at;
  }
  [[noreturn]] void fail() {
    notes_.source_threw = true;
    throw source_failure();
  }

  const batch_plan& what_;
  observer& seen_;
  stream_record& notes_;  // of it, the source writes `steps` and `source_threw`, and the reader the rest
  handle_record& looks_;
  support::gauge in_source_;
  std::atomic<std::size_t> given_back_{0};  // written by the reader before it moves on, read by the source
  std::size_t items_read_ = 0;              // written by the source
};

}  // namespace stress
