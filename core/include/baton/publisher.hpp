#pragma once

#include <chrono>
#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "baton/port.hpp"
#include "baton/raw.hpp"
#include "baton/timeout.hpp"

namespace baton {
inline namespace v1 {

class Node;
template <Message T>
class Publisher;

/// A chunk that a publisher is filling. Write the message in place, then `publish()`; destroying the loan discards it.
///
/// A loan stays on its publisher's thread. It may outlive the publisher object: the topic's port stays open until the
/// last loan has ended.
///
/// Of a type with the layout `raw`, `->` leads to the head, and `data()` are the elements.
template <Message T>
class [[nodiscard]] Loan {
 public:
  Loan(Loan&& other) noexcept
      : port_(std::exchange(other.port_, nullptr)), chunk_(other.chunk_), count_(other.count_) {}
  Loan& operator=(Loan&& other) noexcept {
    Loan moved(std::move(other));
    std::swap(port_, moved.port_);
    std::swap(chunk_, moved.chunk_);
    std::swap(count_, moved.count_);
    return *this;
  }
  ~Loan() { discard(); }

  /// False once published, discarded or moved from.
  explicit operator bool() const noexcept { return port_ != nullptr; }

  const T& operator*() const noexcept { return *get(); }
  const T* operator->() const noexcept { return get(); }
  const T* get() const noexcept { return const_cast<Loan*>(this)->get(); }
  T& operator*() noexcept { return *get(); }
  T* operator->() noexcept { return get(); }
  T* get() noexcept { return port_ == nullptr ? nullptr : std::launder(reinterpret_cast<T*>(chunk_.payload)); }

  /// Hands the message over to every connected subscriber. The loan is empty afterwards, unless the result is
  /// `rejected`: then nobody got it, and it can be published again.
  PublishResult publish() noexcept {
    if (port_ == nullptr) return {PublishStatus::no_loan};
    std::size_t bytes = sizeof(T);
    if constexpr (RawMessage<T>) {
      RawParts<T>::set_count(chunk_.payload, count_);
      bytes = RawParts<T>::bytes(count_);
    }
    const PublishResult result = port_->publish(chunk_, bytes);
    if (result.status != PublishStatus::rejected) port_ = nullptr;
    return result;
  }

  /// The elements, as many as were asked for. Undefined until they are written. Empty in an empty loan.
  auto data() noexcept requires RawMessage<T> {
    return port_ == nullptr ? std::span<typename TypeTraits<T>::Element>()
                            : RawParts<T>::elements(chunk_.payload, count_);
  }

  /// Changes the number of elements. Those there are already keep their values, but `data()` may have moved: where the
  /// chunk has no room for more, the message moves to a larger one. Fails as a loan of that size does, and changes
  /// nothing then.
  [[nodiscard]] Result<void> resize(std::size_t count) noexcept requires RawMessage<T> {
    if (port_ == nullptr)
      return fail(Errc::invalid_argument, "resize", "the loan is empty", "resize before publishing");
    using Parts = RawParts<T>;
    const std::size_t bytes = Parts::bytes(count);
    if (count > count_ && (count > Parts::room(port_->capacity(chunk_)) || detail::is_too_large<T>(bytes))) {
      const Chunk larger = port_->exchange(chunk_, bytes, Parts::bytes(count_), 0);
      if (!larger) return fail(port_->explain(larger.template reason<LoanStatus>(), bytes));
      chunk_ = larger;
    }
    count_ = count;
    return {};
  }

  /// Gives the chunk back unpublished.
  void discard() noexcept {
    PublisherPort* const port = std::exchange(port_, nullptr);
    if (port != nullptr) port->discard(chunk_);
  }

 private:
  friend class Publisher<T>;

  struct None {
    None(std::size_t) noexcept {}  // NOLINT(google-explicit-constructor)
  };

  Loan(PublisherPort* port, Chunk chunk, std::size_t count) noexcept : port_(port), chunk_(chunk), count_(count) {}

  PublisherPort* port_;  // null: empty
  Chunk chunk_;
  [[no_unique_address]] std::conditional_t<RawMessage<T>, std::size_t, None> count_;  // of elements
};

namespace detail {

/// What a publish says that could not get a chunk.
inline PublishStatus not_published(LoanStatus status) noexcept {
  switch (status) {
    case LoanStatus::too_many_loans: return PublishStatus::too_many_loans;
    case LoanStatus::closed: return PublishStatus::closed;
    case LoanStatus::too_large: return PublishStatus::too_large;
    default: return PublishStatus::out_of_chunks;
  }
}

}  // namespace detail

/// Publishes messages of one type on one topic. Made by `Node::publisher`; for one thread at a time. One that was moved
/// from may only be destroyed or assigned to.
template <Message T>
class Publisher {
 public:
  /// A loan whose message has the defaults of its IDL; every other byte is zero. Fails with `too_many_loans` when
  /// `max_loans` are open, `out_of_chunks` when readers hold every chunk (over a ring under `block`, have held
  /// what is needed for `block_timeout`), `closed` after `close`.
  [[nodiscard]] Result<Loan<T>> loan() noexcept requires FixedMessage<T> {
    auto loan = loan_uninit();
    if (loan) set_defaults(loan->chunk_.payload);
    return loan;
  }

  /// A loan with room for `count` elements, whose head has the defaults of its IDL. The elements are undefined: write
  /// them all, or `resize` to as many as were written. Fails as above, with `out_of_chunks` also where `max_memory`
  /// allows no such chunk, and with `too_large` beyond the `max_size` of the IDL.
  [[nodiscard]] Result<Loan<T>> loan(std::size_t count) noexcept requires RawMessage<T> {
    const std::size_t bytes = RawParts<T>::bytes(count);
    const Chunk chunk = port_->loan(bytes);
    if (!chunk) [[unlikely]]
      return fail(port_->explain(chunk.reason<LoanStatus>(), bytes));
    set_defaults(chunk.payload);
    return Loan<T>(port_.get(), chunk, count);
  }

  /// A loan in which a table can be built, with room for so many bytes at first; it moves to a larger chunk by itself.
  /// Fails as above.
  [[nodiscard]] Result<Loan<T>> loan(std::size_t bytes) noexcept requires TableMessage<T> {
    const Chunk chunk = port_->loan(bytes);
    if (!chunk) [[unlikely]]
      return fail(port_->explain(chunk.reason<LoanStatus>(), bytes));
    return Loan<T>::make(*port_, chunk);
  }

  /// A loan whose bytes are whatever the chunk held before: for messages that are written whole.
  [[nodiscard]] Result<Loan<T>> loan_uninit() noexcept requires FixedMessage<T> {
    const Chunk chunk = port_->loan(sizeof(T));
    if (!chunk) [[unlikely]]
      return fail(port_->explain(chunk.reason<LoanStatus>(), sizeof(T)));
    return Loan<T>(port_.get(), chunk, 0);
  }

  /// Publishes a copy of `message`.
  PublishResult publish(const T& message) noexcept requires FixedMessage<T> {
    const Chunk chunk = port_->loan(sizeof(T));
    if (!chunk) [[unlikely]]
      return {detail::not_published(chunk.reason<LoanStatus>())};
    std::memcpy(chunk.payload, &message, sizeof(T));
    return hand_over_or_discard(chunk, sizeof(T));
  }

  /// Publishes a copy of a head and its elements.
  template <RawMessage Raw = T>
  PublishResult publish(const T& head, std::span<const typename TypeTraits<Raw>::Element> elements) noexcept {
    const std::size_t bytes = RawParts<T>::bytes(elements.size());
    const Chunk chunk = port_->loan(bytes);
    if (!chunk) [[unlikely]]
      return {detail::not_published(chunk.reason<LoanStatus>())};
    std::memcpy(chunk.payload, &head, sizeof(T));
    RawParts<T>::set_count(chunk.payload, elements.size());
    if (!elements.empty()) {
      std::memcpy(chunk.payload + RawParts<T>::kElementsOffset, elements.data(), elements.size_bytes());
    }
    return hand_over_or_discard(chunk, bytes);
  }

  std::string_view topic() const noexcept { return port_->announcement().topic; }
  std::string_view transport() const noexcept { return port_->announcement().transport; }
  PublisherCounters counters() const { return port_->counters(); }

  /// Subscribers connected now.
  std::size_t subscriber_count() const noexcept { return port_->connection_count(); }

  /// Sleeps until every connected subscriber has taken all that was published for it, or handed it to its callback;
  /// true then. False if `timeout` is over before, or the publisher closed. A subscriber that is hung is waited for,
  /// too. It looks every now and then, a millisecond apart at most. Zero or less only looks; the duration's `max()`
  /// waits for ever.
  template <class Rep, class Period>
  bool flush(std::chrono::duration<Rep, Period> timeout) noexcept {
    return port_->flush(to_timeout(timeout));
  }

  /// Whether the publisher's books agree with each other and with what it shares with its subscribers: empty, or a line
  /// for each thing that is wrong. For tests and for who suspects a defect of baton or damaged memory; it walks over
  /// all chunks.
  std::vector<std::string> audit() const { return port_->audit(); }

  /// Sleeps until at least `count` subscribers are connected at the same time: true. False when `timeout` is over, or
  /// the publisher is closed. Zero or less only looks; the duration's `max()` waits for ever. A node without a keeper
  /// is kept meanwhile: see `Node::keep`.
  template <class Rep, class Period>
  bool wait_for_subscribers(std::size_t count, std::chrono::duration<Rep, Period> timeout) noexcept {
    return port_->wait_for_connections(count, to_timeout(timeout));
  }

  /// Disconnects. What was published stays takable; later loans fail.
  void close() noexcept { port_->close(); }

 private:
  friend class Node;

  explicit Publisher(PublisherPortHandle port) noexcept : port_(std::move(port)) {}

  /// A copy that is rejected has no owner who could try again.
  PublishResult hand_over_or_discard(Chunk chunk, std::size_t bytes) noexcept {
    const PublishResult result = port_->publish(chunk, bytes);
    if (result.status == PublishStatus::rejected) port_->discard(chunk);
    return result;
  }

  static void set_defaults(std::byte* payload) noexcept {
    std::memset(payload, 0, sizeof(T));  // the padding too: a stale byte of another message must not travel
    if constexpr (!TypeTraits<T>::kZeroIsDefault) {
      asm volatile("" : : "r"(payload) : "memory");  // a constructor makes earlier stores dead to the optimiser
      ::new (static_cast<void*>(payload)) T{};
    }
  }

  PublisherPortHandle port_;
};

}  // namespace v1
}  // namespace baton
