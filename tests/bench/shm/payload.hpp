#pragma once

// What is in the messages, and who checks it: every number once and in order, every payload whole.

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bench {

inline std::uint64_t mix(std::uint64_t value) noexcept { return (value + 1) * 0x9E37'79B9'7F4A'7C15; }

/// Writes a message: its head, and the body with `touch`.
template <class T>
void write(T& message, std::uint64_t number, std::uint64_t sent_ns, bool touch) noexcept {
  constexpr std::size_t kWords = sizeof(message.body) / sizeof(std::uint64_t);
  static_assert(kWords * sizeof(std::uint64_t) == sizeof(message.body));
  message.number = number;
  message.checksum = mix(number ^ sizeof(T));
  message.sent_ns = sent_ns;
  if (!touch) return;
  const std::uint64_t word = mix(number);
  auto* const body = reinterpret_cast<std::byte*>(message.body.data());
  for (std::size_t i = 0; i < kWords; ++i) std::memcpy(body + i * sizeof word, &word, sizeof word);
}

/// Whether a message is what `write` wrote for the number that it carries.
template <class T>
bool intact(const T& message, bool touch) noexcept {
  constexpr std::size_t kWords = sizeof(message.body) / sizeof(std::uint64_t);
  if (message.checksum != mix(message.number ^ sizeof(T))) return false;
  if (!touch) return true;
  // A sum, because the compiler can vectorise it; the words of two messages differ by an odd multiple each.
  const auto* const body = reinterpret_cast<const std::byte*>(message.body.data());
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kWords; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, body + i * sizeof word, sizeof word);
    sum += word;
  }
  return sum == kWords * mix(message.number);
}

/// A reader's account of what it got.
class Account {
 public:
  template <class T>
  void add(const T& message, bool touch) noexcept {
    if (!intact(message, touch)) {
      ++errors_;
      ++next_;  // who waits for the last message must not wait for ever
      return;
    }
    if (message.number < next_) {
      ++errors_;
      return;
    }
    lost_ += message.number - next_;
    next_ = message.number + 1;
    ++taken_;
  }

  std::uint64_t next() const noexcept { return next_; }
  std::uint64_t taken() const noexcept { return taken_; }
  std::uint64_t lost() const noexcept { return lost_; }
  std::uint64_t errors() const noexcept { return errors_; }

 private:
  std::uint64_t next_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t errors_ = 0;
};

}  // namespace bench
