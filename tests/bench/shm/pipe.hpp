#pragma once

// The peer that every machine has: a pipe for each reader. Polling means reading from it without blocking.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cell.hpp"

namespace bench {

struct Pipe {
  static constexpr bool kThreads = false;  // a process for each worker
  static constexpr bool drops() noexcept { return false; }

  struct Session {
    Session(const Pipe&, const Cell&) noexcept {}
  };

  template <class T>
  class Link;
};

/// A pipe's two descriptors, as large as an unprivileged user may make it.
class PipeEnds {
 public:
  explicit PipeEnds(bool blocking) {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    ::fcntl(writer(), F_SETPIPE_SZ, 1 << 20);
    if (!blocking) ::fcntl(reader(), F_SETFL, O_NONBLOCK);
  }
  PipeEnds(PipeEnds&& other) noexcept : ends_(std::exchange(other.ends_, {-1, -1})) {}
  PipeEnds& operator=(PipeEnds&&) = delete;
  ~PipeEnds() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }

  int reader() const noexcept { return ends_[0]; }
  int writer() const noexcept { return ends_[1]; }

 private:
  std::array<int, 2> ends_ = {-1, -1};
};

template <class T>
class Pipe::Link {
 public:
  Link(const Pipe&, const Cell& cell, const std::string&) {
    for (unsigned i = 0; i < cell.readers; ++i) pipes_.emplace_back(cell.blocking);
  }

  class Writer {
   public:
    Writer(const Link& link, Session&) : link_(&link), message_(std::make_unique<T>()) {}

    void wait_for_readers() const noexcept {}

    template <class Fill>
    bool send(Fill&& fill) {
      fill(*message_);
      for (const PipeEnds& pipe : link_->pipes_) {
        const auto* const bytes = reinterpret_cast<const std::byte*>(message_.get());
        for (std::size_t done = 0; done < sizeof(T);) {
          const ssize_t result = ::write(pipe.writer(), bytes + done, sizeof(T) - done);
          if (result < 0) throw std::system_error(errno, std::generic_category(), "write to a pipe");
          done += static_cast<std::size_t>(result);
        }
      }
      return true;
    }

   private:
    const Link* link_;
    std::unique_ptr<T> message_;
  };

  class Reader {
   public:
    Reader(const Link& link, Session&, unsigned index)
        : pipe_(link.pipes_[index].reader()), message_(std::make_unique<T>()) {}

    template <class Read>
    bool take(Read&& read) {
      auto* const bytes = reinterpret_cast<std::byte*>(message_.get());
      do {
        const ssize_t result = ::read(pipe_, bytes + got_, sizeof(T) - got_);
        if (result < 0 && errno == EAGAIN) return false;
        if (result <= 0) throw std::system_error(errno, std::generic_category(), "read from a pipe");
        got_ += static_cast<std::size_t>(result);
      } while (got_ < sizeof(T));
      got_ = 0;
      read(*message_);
      return true;
    }

    void wait() const noexcept {}  // `take` waits

   private:
    int pipe_;
    std::size_t got_ = 0;
    std::unique_ptr<T> message_;
  };

 private:
  std::vector<PipeEnds> pipes_;
};

}  // namespace bench
