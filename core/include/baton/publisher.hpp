#pragma once

#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "baton/port.hpp"

namespace baton {
inline namespace v1 {

class Node;
template <Message T>
class Publisher;

/// A chunk that a publisher is filling. Write the message in place, then `publish()`; destroying the loan discards it.
///
/// A loan stays on its publisher's thread. It may outlive the publisher object: the topic's port stays open until the
/// last loan has ended.
template <Message T>
class [[nodiscard]] Loan {
 public:
  Loan(Loan&& other) noexcept : port_(std::exchange(other.port_, nullptr)), chunk_(other.chunk_) {}
  Loan& operator=(Loan&& other) noexcept {
    Loan moved(std::move(other));
    std::swap(port_, moved.port_);
    std::swap(chunk_, moved.chunk_);
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
    const PublishResult result = port_->publish(chunk_, sizeof(T));
    if (result.status != PublishStatus::rejected) port_ = nullptr;
    return result;
  }

  /// Gives the chunk back unpublished.
  void discard() noexcept {
    PublisherPort* const port = std::exchange(port_, nullptr);
    if (port != nullptr) port->discard(chunk_);
  }

 private:
  friend class Publisher<T>;

  Loan(PublisherPort* port, Chunk chunk) noexcept : port_(port), chunk_(chunk) {}

  PublisherPort* port_;  // null: empty
  Chunk chunk_;
};

/// Publishes messages of one type on one topic. Made by `Node::publisher`; for one thread at a time. One that was moved
/// from may only be destroyed or assigned to.
template <Message T>
class Publisher {
 public:
  /// A loan whose message has the defaults of its IDL; every other byte is zero. Fails with `too_many_loans` when
  /// `max_loans` are open, `out_of_chunks` when readers hold every chunk, `closed` after `close`.
  [[nodiscard]] Result<Loan<T>> loan() noexcept {
    auto loan = loan_uninit();
    if (loan) set_defaults(loan->chunk_.payload);
    return loan;
  }

  /// A loan whose bytes are whatever the chunk held before: for messages that are written whole.
  [[nodiscard]] Result<Loan<T>> loan_uninit() noexcept {
    const Chunk chunk = port_->loan(sizeof(T));
    if (!chunk) [[unlikely]]
      return fail(port_->explain(chunk.reason<LoanStatus>()));
    return Loan<T>(port_.get(), chunk);
  }

  /// Publishes a copy of `message`.
  PublishResult publish(const T& message) noexcept {
    const Chunk chunk = port_->loan(sizeof(T));
    if (!chunk) [[unlikely]]
      return {refused(chunk.reason<LoanStatus>())};
    std::memcpy(chunk.payload, &message, sizeof(T));
    const PublishResult result = port_->publish(chunk, sizeof(T));
    if (result.status == PublishStatus::rejected) port_->discard(chunk);
    return result;
  }

  std::string_view topic() const noexcept { return port_->announcement().topic; }
  std::string_view transport() const noexcept { return port_->announcement().transport; }
  PublisherCounters counters() const { return port_->counters(); }

  /// Subscribers connected now.
  std::size_t subscriber_count() const noexcept { return port_->connection_count(); }

  /// Disconnects. What was published stays takable; later loans fail.
  void close() noexcept { port_->close(); }

 private:
  friend class Node;

  explicit Publisher(PublisherPortHandle port) noexcept : port_(std::move(port)) {}

  static PublishStatus refused(LoanStatus status) noexcept {
    switch (status) {
      case LoanStatus::too_many_loans: return PublishStatus::too_many_loans;
      case LoanStatus::closed: return PublishStatus::closed;
      default: return PublishStatus::out_of_chunks;
    }
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
