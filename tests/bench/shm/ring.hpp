#pragma once

// The limit: a ring of preallocated slots over shared memory, nothing else. One writer; each reader has a ring of its
// own.
//
// The writer owns the tail and fills slots [tail, head + depth); the reader owns the head and reads [head, tail).
// R1: the tail is stored after the slot was filled. R2: the head is stored after the slot was read.

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include "cell.hpp"
#include "doorbell.hpp"
#include "shared_area.hpp"

namespace bench {

struct RingHead {
  alignas(64) std::atomic<std::uint64_t> tail{0};  // W: writer
  alignas(64) std::atomic<std::uint64_t> head{0};  // W: reader
  Doorbell bell;
};

struct Ring {
  static constexpr bool kThreads = false;  // a process for each worker
  static constexpr bool drops() noexcept { return false; }

  /// What a worker opens first; a ring needs nothing.
  struct Session {
    Session(const Ring&, const Cell&) noexcept {}
  };

  /// One direction of a channel, made before the workers are forked.
  template <class T>
  class Link;
};

template <class T>
class Ring::Link {
  struct alignas(64) Slot {
    T message;
  };

  struct End {
    explicit End(const SharedArea& area) noexcept
        : shared(reinterpret_cast<RingHead*>(area.data())),
          slots(reinterpret_cast<Slot*>(area.data() + sizeof(RingHead))) {}

    RingHead* shared;
    Slot* slots;
    std::uint64_t other = 0;  // the head (or tail) of the other side, as it was last seen
  };

 public:
  Link(const Ring&, const Cell& cell, const std::string&) : depth_(std::bit_ceil(cell.depth)), bell_(cell.blocking) {
    for (unsigned i = 0; i < cell.readers; ++i) {
      ::new (areas_.emplace_back(sizeof(RingHead) + depth_ * sizeof(Slot)).data()) RingHead{};
    }
  }

  class Writer {
   public:
    Writer(const Link& link, Session&) : depth_(link.depth_), bell_(link.bell_) {
      for (const SharedArea& area : link.areas_) ends_.emplace_back(area);
    }

    void wait_for_readers() const noexcept {}  // whatever is sent waits for them

    /// Calls `fill(message)` for each reader and hands over; false if one has no room.
    template <class Fill>
    bool send(Fill&& fill) noexcept {
      for (End& end : ends_) {
        if (tail_ - end.other < depth_) continue;
        end.other = end.shared->head.load(std::memory_order_acquire);  // R2
        if (tail_ - end.other == depth_) return false;
      }
      for (End& end : ends_) {
        fill(end.slots[tail_ & (depth_ - 1)].message);
        if (bell_) {
          end.shared->tail.store(tail_ + 1, std::memory_order_seq_cst);  // R1, D1
          end.shared->bell.ring();
        } else {
          end.shared->tail.store(tail_ + 1, std::memory_order_release);  // R1
        }
      }
      ++tail_;
      return true;
    }

   private:
    const std::uint64_t depth_;
    const bool bell_;
    std::uint64_t tail_ = 0;
    std::vector<End> ends_;
  };

  class Reader {
   public:
    Reader(const Link& link, Session&, unsigned index) : depth_(link.depth_), end_(link.areas_[index]) {}

    /// Calls `read(message)` if there is one.
    template <class Read>
    bool take(Read&& read) noexcept {
      if (head_ == end_.other) {
        end_.other = end_.shared->tail.load(std::memory_order_acquire);  // R1
        if (head_ == end_.other) return false;
      }
      read(end_.slots[head_ & (depth_ - 1)].message);
      end_.shared->head.store(++head_, std::memory_order_release);  // R2
      return true;
    }

    void wait() noexcept {
      end_.shared->bell.wait([this] { return end_.shared->tail.load(std::memory_order_seq_cst) != head_; });  // D1
    }

   private:
    const std::uint64_t depth_;
    std::uint64_t head_ = 0;
    End end_;
  };

 private:
  const std::uint64_t depth_;
  const bool bell_;
  std::vector<SharedArea> areas_;
};

}  // namespace bench
