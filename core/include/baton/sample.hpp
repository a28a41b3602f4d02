#pragma once

#include <cstddef>
#include <new>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "baton/port.hpp"
#include "baton/raw.hpp"

namespace baton {
inline namespace v1 {

template <Message T>
class Subscriber;

/// A message that a subscriber holds: read-only, and unchanged until the sample is destroyed, whoever closes or dies
/// meanwhile. Destroying it releases the chunk.
///
/// `take()` returns an empty one, false in a condition, when there was nothing to give; `status()` says why. A sample
/// may be moved to another thread and destroyed there; it outlives its subscriber and node.
template <Message T>
class [[nodiscard]] Sample {
 public:
  Sample() = default;
  Sample(Sample&& other) noexcept
      : port_(std::exchange(other.port_, nullptr)),
        chunk_(other.chunk_),
        message_(other.message_),
        status_(other.status_),
        lent_(other.lent_) {
    other.status_ = TakeStatus::empty;
  }
  Sample& operator=(Sample&& other) noexcept {
    Sample(std::move(other)).swap(*this);
    return *this;
  }
  ~Sample() { release(); }

  explicit operator bool() const noexcept { return port_ != nullptr; }

  /// `ok` for a message; otherwise why there is none: `empty`, `held_limit` or `closed`.
  TakeStatus status() const noexcept { return status_; }

  /// The message. Only for a sample that holds one.
  const T& operator*() const noexcept { return *get(); }
  const T* operator->() const noexcept { return get(); }
  const T* get() const noexcept {
    if (port_ == nullptr) return nullptr;
    if constexpr (TableMessage<T>) {
      return message_.found;
    } else {
      return std::launder(reinterpret_cast<const T*>(chunk_.payload));
    }
  }

  /// Where the message comes from, and when. Only for a sample that holds one.
  SampleInfo info() const noexcept { return port_->info(chunk_); }

  /// The elements of a message of the layout `raw`, as long as the sample is held. Empty in an empty sample.
  auto data() const noexcept requires RawMessage<T> {
    return port_ == nullptr ? std::span<const typename TypeTraits<T>::Element>()
                            : RawParts<T>::elements_of_peer(chunk_.payload, port_->capacity(chunk_));
  }

  /// Gives the chunk back now instead of at destruction; the sample is empty then.
  void release() noexcept {
    SubscriberPort* const port = std::exchange(port_, nullptr);
    status_ = TakeStatus::empty;
    if (port != nullptr && !lent_) port->release(chunk_);
  }

  void swap(Sample& other) noexcept {
    std::swap(port_, other.port_);
    std::swap(chunk_, other.chunk_);
    std::swap(message_, other.message_);
    std::swap(status_, other.status_);
    std::swap(lent_, other.lent_);
  }

 private:
  friend class Subscriber<T>;

  /// Where in its chunk the message is: a table's was looked for, and checked.
  struct AtTheStart {};
  struct Found {
    const T* found = nullptr;
  };
  using Where = std::conditional_t<TableMessage<T>, Found, AtTheStart>;

  explicit Sample(TakeStatus status) noexcept : status_(status) {}
  Sample(SubscriberPort* port, Chunk chunk, bool lent, Where message) noexcept
      : port_(port), chunk_(chunk), message_(message), status_(TakeStatus::ok), lent_(lent) {}

  /// The message of a taken chunk; nothing, and reported, if what the chunk holds is none.
  static std::optional<Where> open(SubscriberPort& port, Chunk chunk) noexcept {
    if constexpr (TableMessage<T>) {
      const T* const found = TypeTraits<T>::open(chunk.payload, port.capacity(chunk), port.bytes(chunk));
      if (found != nullptr) [[likely]]
        return Found{found};
      port.report_damaged(chunk);
      return std::nullopt;
    } else {
      return AtTheStart{};
    }
  }

  SubscriberPort* port_ = nullptr;  // null: holds nothing
  Chunk chunk_;
  [[no_unique_address]] Where message_;
  TakeStatus status_ = TakeStatus::empty;
  bool lent_ = false;  // a callback's sample: the transport releases it when the callback returns
};

}  // namespace v1
}  // namespace baton
