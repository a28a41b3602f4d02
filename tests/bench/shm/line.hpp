#pragma once

// The floor of latency: one cache line, which carries the message itself to and fro. It can only be answered, not
// streamed.

#include <array>
#include <atomic>
#include <cstdint>
#include <new>
#include <string>

#include "cell.hpp"
#include "doorbell.hpp"
#include "shared_area.hpp"

namespace bench {

/// The workers write in turns, so the line needs no more than the count of them. L1: `turn` is stored after the rest.
struct LineShared {
  alignas(64) std::atomic<std::uint64_t> turn{0};
  std::uint64_t number = 0;
  std::uint64_t checksum = 0;
  std::array<Doorbell, 2> bells;  // for who waits for the even turns, and the odd ones
};

struct Line {
  static constexpr bool kThreads = false;  // a process for each worker
  static constexpr bool drops() noexcept { return false; }

  Line() : area(sizeof(LineShared)), shared(::new (area.data()) LineShared{}) {}

  struct Session {
    Session(const Line& line, const Cell&) noexcept : shared(line.shared) {}

    LineShared* shared;
    std::uint64_t turn = 0;  // the last one that this worker wrote or saw
  };

  template <class T>
  class Link;

  SharedArea area;
  LineShared* shared;
};

template <class T>
class Line::Link {
 public:
  Link(const Line&, const Cell& cell, const std::string&) noexcept : bell_(cell.blocking) {}

  class Writer {
   public:
    Writer(const Link& link, Session& session) noexcept
        : shared_(session.shared), turn_(&session.turn), bell_(link.bell_) {}

    void wait_for_readers() const noexcept {}

    template <class Fill>
    bool send(Fill&& fill) noexcept {
      T message;
      fill(message);
      shared_->number = message.number;
      shared_->checksum = message.checksum;
      const std::uint64_t turn = ++*turn_;
      if (bell_) {
        shared_->turn.store(turn, std::memory_order_seq_cst);  // L1, D1
        shared_->bells[turn % 2].ring();
      } else {
        shared_->turn.store(turn, std::memory_order_release);  // L1
      }
      return true;
    }

   private:
    LineShared* shared_;
    std::uint64_t* turn_;
    const bool bell_;
  };

  class Reader {
   public:
    Reader(const Link&, Session& session, unsigned) noexcept : shared_(session.shared), turn_(&session.turn) {}

    template <class Read>
    bool take(Read&& read) noexcept {
      const std::uint64_t turn = shared_->turn.load(std::memory_order_acquire);  // L1
      if (turn == *turn_) return false;
      *turn_ = turn;
      T message;
      message.number = shared_->number;
      message.checksum = shared_->checksum;
      read(message);
      return true;
    }

    void wait() noexcept {
      shared_->bells[(*turn_ + 1) % 2].wait(
          [this] { return shared_->turn.load(std::memory_order_seq_cst) != *turn_; });  // D1
    }

   private:
    LineShared* shared_;
    std::uint64_t* turn_;
  };

 private:
  const bool bell_;
};

}  // namespace bench
