#pragma once

// The limit of what lends chunks: a ring of indices to preallocated chunks over shared memory, and one that brings them
// back; nothing else. One writer; each reader has rings and chunks of its own.
//
// The writer owns the tail and the reader the head of the first ring, the other way round in the second.
// R1: a tail is stored after the entry, and the entry after the chunk was filled or read. R2: a head is stored after
// its entry was read.

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

/// One of the two rings: its positions, then 2^n indices.
struct IndexQueue {
  alignas(64) std::atomic<std::uint64_t> tail{0};  // W: who pushes
  alignas(64) std::atomic<std::uint64_t> head{0};  // W: who pops

  std::uint32_t* entries() noexcept { return reinterpret_cast<std::uint32_t*>(this + 1); }
};

struct IndexRing {
  static constexpr bool kThreads = false;  // a process for each worker
  static constexpr bool drops() noexcept { return false; }

  /// What a worker opens first; a ring needs nothing.
  struct Session {
    Session(const IndexRing&, const Cell&) noexcept {}
  };

  template <class T>
  class Link;
};

template <class T>
class IndexRing::Link {
  struct alignas(64) Chunk {
    T message;
  };

  /// An end of a queue, with what it last saw of the other's position. There are as many chunks as entries, so there is
  /// always room.
  class End {
   public:
    End(IndexQueue* queue, std::uint64_t entries, std::uint64_t position = 0) noexcept
        : queue_(queue), entries_(entries), own_(position) {}

    void push(std::uint32_t index, std::memory_order order) noexcept {
      queue_->entries()[own_ & (entries_ - 1)] = index;
      queue_->tail.store(++own_, order);  // R1
    }
    bool has_entry() noexcept {
      if (own_ != other_) return true;
      other_ = queue_->tail.load(std::memory_order_acquire);  // R1
      return own_ != other_;
    }
    std::uint32_t front() const noexcept { return queue_->entries()[own_ & (entries_ - 1)]; }
    void pop() noexcept { queue_->head.store(++own_, std::memory_order_release); }                   // R2
    bool is_empty() const noexcept { return queue_->tail.load(std::memory_order_seq_cst) == own_; }  // D1

   private:
    IndexQueue* queue_;
    std::uint64_t entries_;
    std::uint64_t own_ = 0;
    std::uint64_t other_ = 0;
  };

  struct Shared {
    Doorbell* bell;
    IndexQueue* there;
    IndexQueue* back;
    Chunk* chunks;
  };

  Shared shared(std::size_t index) const noexcept {
    std::byte* at = areas_[index].data();
    const std::size_t queue_bytes = sizeof(IndexQueue) + (depth_ * sizeof(std::uint32_t) + 63) / 64 * 64;
    return {reinterpret_cast<Doorbell*>(at), reinterpret_cast<IndexQueue*>(at + kBellBytes),
            reinterpret_cast<IndexQueue*>(at + kBellBytes + queue_bytes),
            reinterpret_cast<Chunk*>(at + kBellBytes + 2 * queue_bytes)};
  }

  static constexpr std::size_t kBellBytes = (sizeof(Doorbell) + 63) / 64 * 64;

 public:
  Link(const IndexRing&, const Cell& cell, const std::string&)
      : depth_(std::bit_ceil(cell.depth)), bell_(cell.blocking) {
    for (unsigned i = 0; i < cell.readers; ++i) {
      areas_.emplace_back(kBellBytes + 2 * (sizeof(IndexQueue) + depth_ * sizeof(std::uint32_t) + 64) +
                          depth_ * sizeof(Chunk));
      const Shared made = shared(i);
      ::new (made.bell) Doorbell{};
      ::new (made.there) IndexQueue{};
      ::new (made.back) IndexQueue{};
      for (std::uint32_t index = 0; index < depth_; ++index) made.back->entries()[index] = index;
      made.back->tail = depth_;  // all of them are free
    }
  }

  class Writer {
   public:
    Writer(const Link& link, Session&) : bell_(link.bell_) {
      for (std::size_t i = 0; i < link.areas_.size(); ++i) {
        const Shared shared = link.shared(i);
        ends_.push_back({shared, End(shared.there, link.depth_), End(shared.back, link.depth_)});
      }
    }

    void wait_for_readers() const noexcept {}  // whatever is sent waits for them

    /// Calls `fill(message)` for each reader and hands over; false if one has no chunk left.
    template <class Fill>
    bool send(Fill&& fill) noexcept {
      for (Outlet& end : ends_) {
        if (!end.back.has_entry()) return false;
      }
      for (Outlet& end : ends_) {
        const std::uint32_t index = end.back.front();
        end.back.pop();
        fill(end.shared.chunks[index].message);
        end.there.push(index, bell_ ? std::memory_order_seq_cst : std::memory_order_release);  // D1
        if (bell_) end.shared.bell->ring();
      }
      return true;
    }

   private:
    struct Outlet {
      Shared shared;
      End there;
      End back;
    };

    const bool bell_;
    std::vector<Outlet> ends_;
  };

  class Reader {
   public:
    Reader(const Link& link, Session&, unsigned index)
        : shared_(link.shared(index)),
          there_(shared_.there, link.depth_),
          back_(shared_.back, link.depth_, link.depth_) {}

    /// Calls `read(message)` if there is one.
    template <class Read>
    bool take(Read&& read) noexcept {
      if (!there_.has_entry()) return false;
      const std::uint32_t index = there_.front();
      read(shared_.chunks[index].message);
      there_.pop();
      back_.push(index, std::memory_order_release);
      return true;
    }

    void wait() noexcept {
      shared_.bell->wait([this] { return !there_.is_empty(); });
    }

   private:
    Shared shared_;
    End there_;
    End back_;
  };

 private:
  const std::uint64_t depth_;
  const bool bell_;
  std::vector<SharedArea> areas_;
};

}  // namespace bench
