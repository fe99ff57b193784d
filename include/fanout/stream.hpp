#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <ranges>
#include <utility>

#include "fanout/batch_progress.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/stream_item.hpp"
#include "fanout/detail/stream_mapping.hpp"
#include "fanout/detail/stream_places.hpp"
#include "fanout/stream_options.hpp"

namespace fanout {

/// The results of mapping the items of a source, one after another, while later items are being mapped: see
/// `stream_in_parallel`. A single-pass `std::ranges::input_range` of `R&`.
///
/// One thread at a time may read a stream. It may be moved to another object or thread while it is being read, and
/// its iterators remain valid.
template <class R>
class stream {
 public:
  /// Refers to the stream's current result.
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;  ///< It reads once.
    using value_type = R;                              ///< What the mapper returns.
    using difference_type = std::ptrdiff_t;            ///< As of any iterator.

    /// Only for assignment.
    iterator() noexcept = default;

    /// The current result. It may be changed and moved from; it is destroyed when the iterator advances.
    R& operator*() const noexcept { return places_->value(); }
    /// The same.
    R* operator->() const noexcept { return std::addressof(places_->value()); }

    /// The place in the source, from 0, of the item whose result this is.
    std::size_t index() const noexcept { return places_->index(); }

    /// Destroys the current result, gives its place back to the stream, and waits for the next one. Throws what has
    /// ended the stream: see `stream_in_parallel`.
    iterator& operator++() {
      places_->next();
      return *this;
    }
// g++ -Weffc++ wants a copy of the iterator to be returned, which could not be used.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Weffc++"
    /// The same.
    void operator++(int) { places_->next(); }
#pragma GCC diagnostic pop

    /// True at the end of the stream, and after an exception.
    friend bool operator==(const iterator& one, std::default_sentinel_t) noexcept { return one.places_->at_end(); }

   private:
    friend stream;
    explicit iterator(detail::stream_places<R>& places) noexcept : places_(std::addressof(places)) {}

    detail::stream_places<R>* places_ = nullptr;
  };

  /// For the library.
  explicit stream(std::unique_ptr<detail::stream_places<R>> places) noexcept : places_(std::move(places)) {}

  /// A stream that was moved from can only be destroyed or assigned to.
  stream(stream&&) noexcept = default;
  /// Ends this stream, as the destructor does.
  stream& operator=(stream&&) noexcept = default;

  /// Ends the stream: nothing more is read from the source, no item is started, running mappers see the stop in their
  /// `task_context`, and when they have returned, results that were not delivered are destroyed. A task of the stream
  /// must not do this: it would wait for itself, and the process is aborted with a message.
  ~stream() = default;

  /// Waits for the first result; a later call returns the current one. Throws what the increment throws.
  iterator begin() {
    places_->begin();
    return iterator(*places_);
  }
  /// The end.
  std::default_sentinel_t end() const noexcept { return {}; }

  /// How far the stream is. `total` is the number of items that were read from the source so far: of all, once it has
  /// ended. Any thread may call this while the stream exists. Costs a load for each worker.
  batch_progress progress() const noexcept { return places_->progress(); }

 private:
  std::unique_ptr<detail::stream_places<R>> places_;
};

namespace detail {

/// On `executor` or, if that is null, with workers of its own.
template <class Range, class F>
auto stream_on(executor_core* executor, Range&& source, F&& mapper, const stream_options& options) {
  detail::refuse_empty_mapper(mapper);
  using R = stream_result<F, Range>;
  return stream<R>(std::unique_ptr<stream_places<R>>(new mapped_stream<held_range_t<Range>, std::decay_t<F>, R>(
      executor, std::forward<Range>(source), std::forward<F>(mapper), options)));
}

inline stream_options stream_limited_to(concurrency_limit named) { return {.concurrency = named}; }

}  // namespace detail

/// Maps the items of a source that need not fit into memory, or never end, and returns the results as a range:
///
///     for (auto& page : fanout::stream_in_parallel(urls, fetch, {.concurrency = 8})) archive.add(std::move(page));
///
/// The workers begin at once. They read the source, one thread at a time, and map its items; the reader gets the
/// results in the order of the source, or as they are completed. **An item holds one of `ahead` places from when it
/// is read from the source until the reader has moved on from its result**: so the source is never read further ahead
/// than that, and memory is bounded.
///
/// *Requires*: `source` is an input range, also one that can be read only once, or that has no end. The stream owns
/// an rvalue and a view; an lvalue container must live as long as the stream, and not change meanwhile. `mapper` is
/// callable as `R(item)` or `R(item, const task_context&)`, by several threads at once, and belongs to the stream: an
/// rvalue is moved, an lvalue copied. It returns an object. Items of an lvalue container are passed as lvalues; items
/// of a container that the stream owns, and items that a range makes or that can be read only once, as rvalues.
///
/// *Guarantees*: never more than `concurrency` items are mapped at once. The reading thread maps nothing, so a slow
/// item holds back no other; the exception is a reader inside a task of a stream's own executor, which would hold the
/// slot that the stream needs: while it would wait, it maps items under that slot. As completed, a slow item does not
/// hold back any result either. Each result exists once, is never copied or moved, and is destroyed when the reader
/// moves on.
///
/// *Outcomes*: `begin()` and the increment throw `task_error` when the turn of a failed item comes, with its index
/// and the cause; everything before it has been delivered. What the source throws reaches the reader as it is, after
/// all results of the items before. After a stop they throw `operation_cancelled`, with the number of items that were
/// started and of those that were read. After an exception the stream is at its end, and nothing of it runs.
///
/// The call throws `std::invalid_argument` for bad options and for a mapper that is an empty function,
/// `resource_error` if the threads cannot be created, and `std::bad_alloc`; then nothing has run. It does not touch
/// the source.
///
/// *Costs*: see docs/streams.md. Memory for `ahead` items and results. Cheap items are read and mapped several at a
/// time, by fewer workers.
template <detail::stream_input Range, detail::stream_mapper<Range> F>
auto stream_in_parallel(Range&& source, F&& mapper, const stream_options& options = {}) {
  return detail::stream_on<Range>(nullptr, std::forward<Range>(source), std::forward<F>(mapper), options);
}

/// The same with only a limit: `stream_in_parallel(source, mapper, 8)`.
template <detail::stream_input Range, detail::stream_mapper<Range> F>
auto stream_in_parallel(Range&& source, F&& mapper, detail::limit auto concurrency) {
  return detail::stream_on<Range>(nullptr, std::forward<Range>(source), std::forward<F>(mapper),
                                  detail::stream_limited_to(concurrency));
}

}  // namespace fanout
