#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "baton/error.hpp"

namespace baton {
inline namespace v1 {

/// What happens to a message for which a subscriber has no room.
///
/// `drop_oldest` and `drop_newest` are a subscriber's choice and hold on its connection whatever the publisher says.
/// `reject` and `block` are a publisher's choice and concern its lossless subscribers: those that did not choose to
/// drop. Over a ring this holds while the capacity suffices; docs/qos.md says what else happens.
enum class Overflow : std::uint8_t {
  drop_oldest,  ///< the oldest queued message gives way; the reader sees the newest `depth`
  drop_newest,  ///< the message is not delivered to this reader
  reject,       ///< `publish` refuses: nobody gets the message, the loan stays valid, no sequence number is used
  block,        ///< `publish` waits for room, for `block_timeout` at most
};

/// Where a message's source stamp comes from.
enum class Stamp : std::uint8_t {
  tsc,        ///< the processor's invariant counter (about 2 ns); `monotonic` where the machine has none
  monotonic,  ///< CLOCK_MONOTONIC (about 20 ns)
  off,        ///< no stamp; `SampleInfo::stamp_ns` is 0
};

/// Defaults for what a topic is for. A profile takes the place of the built-in defaults, and so lies beneath every
/// setting that is given explicitly, in whatever layer; docs/qos.md has its values.
enum class Profile : std::uint8_t {
  sensor,   ///< the newest counts: short queues, the oldest gives way
  command,  ///< each counts: the publisher waits for room
  state,    ///< the last counts, for those that come later too: depth 1, history 1, latched
  log,      ///< long queues that never hold the publisher up
};

/// How a subscriber sleeps in `wait`, and so how its publishers wake it. They ring only who sleeps; one that is awake
/// costs them no system call.
enum class Notify : std::uint8_t {
  futex,      ///< a word of shared memory: the least work for both sides
  semaphore,  ///< a POSIX semaphore, where a futex word is not to be used
  socket,     ///< the datagram socket that is behind `fd`
  poll,       ///< not at all: it looks again and again, on a core of its own, and nobody rings it
};

/// What a publisher with a ring adds to each message, and its readers verify when they take it.
enum class Checksum : std::uint8_t {
  none,
  crc32c,
};

BATON_API std::string_view to_string(Checksum checksum) noexcept;
BATON_API std::string_view to_string(Notify notify) noexcept;
BATON_API std::string_view to_string(Overflow overflow) noexcept;
BATON_API std::string_view to_string(Stamp stamp) noexcept;
BATON_API std::string_view to_string(Profile profile) noexcept;

/// The settings of one port, complete: what every layer below left open has its default here.
struct Qos {
  static constexpr std::uint32_t kMaxDepth = 65'536;
  static constexpr std::uint32_t kMaxHistory = 65'536;
  static constexpr std::uint32_t kMaxHeld = 65'536;
  static constexpr std::uint32_t kMaxLoans = 1'024;
  static constexpr std::uint64_t kMinMemory = std::uint64_t{1} << 10;
  static constexpr std::uint64_t kMaxMemory = std::uint64_t{1} << 40;
  static constexpr std::uint64_t kMinCapacity = std::uint64_t{4} << 10;
  static constexpr std::uint64_t kMaxCapacity = std::uint64_t{1} << 40;
  static constexpr std::chrono::nanoseconds kMaxBlockTimeout = std::chrono::hours(1);
  static constexpr std::chrono::nanoseconds kMinDeadline = std::chrono::milliseconds(1);  ///< or 0
  static constexpr std::chrono::nanoseconds kMaxDeadline = std::chrono::hours(24);
  static constexpr std::chrono::nanoseconds kMaxLifespan = std::chrono::hours(24);
  static constexpr std::chrono::nanoseconds kMaxSpin = std::chrono::milliseconds(10);
  /// Of `spin`: up to 50 us, while messages come that close to each other.
  static constexpr std::chrono::nanoseconds kAdaptiveSpin{-1};

  std::string transport = "auto";             ///< a transport's name, or "auto"
  std::uint32_t depth = 8;                    ///< messages queued per connection
  Overflow overflow = Overflow::drop_oldest;  ///< when a queue is full
  std::chrono::nanoseconds block_timeout =
      std::chrono::milliseconds(100);  ///< the longest wait under `block`; else unused
  std::uint32_t history = 0;           ///< publisher: messages kept for late joiners; subscriber: wanted at most
  std::uint32_t max_held = 8;          ///< samples a subscriber may hold at a time
  std::uint32_t max_loans = 4;         ///< loans a publisher may have open at a time
  Stamp stamp = Stamp::tsc;
  std::uint64_t max_memory = std::uint64_t{1} << 30;  ///< bytes that a publisher's chunks may take; a reader for which
                                                      ///< that is not enough is refused
  std::chrono::nanoseconds deadline{0};               ///< the longest time between two messages of a publisher; 0: none
  std::chrono::nanoseconds lifespan{0};  ///< a message older than this is dropped instead of taken; 0: unlimited
  bool latched = false;                  ///< the publisher's history outlives it, until the topic's next publisher
  Notify notify = Notify::futex;         ///< subscriber: how `wait` sleeps
  std::chrono::nanoseconds spin = kAdaptiveSpin;     ///< subscriber: how long `wait` looks before it sleeps
  std::uint64_t capacity = std::uint64_t{64} << 20;  ///< publisher with a ring: bytes of its buffer, at
                                                     ///< most `max_memory`
  Checksum checksum = Checksum::none;                ///< publisher with a ring
};

/// Settings of one layer (code or file): what is not set is left to the layer below. Made with designated initialisers:
/// `{.depth = 4, .history = 1}`. Precedence, lowest first: built-in defaults, or those of the uppermost layer's
/// profile; the IDL (`@baton`); code; configuration file.
struct QosSettings {
  std::optional<std::string> transport = {};
  std::optional<std::uint32_t> depth = {};
  std::optional<Overflow> overflow = {};
  std::optional<std::chrono::nanoseconds> block_timeout = {};
  std::optional<std::uint32_t> history = {};
  std::optional<std::uint32_t> max_held = {};
  std::optional<std::uint32_t> max_loans = {};
  std::optional<Stamp> stamp = {};
  std::optional<std::uint64_t> max_memory = {};
  std::optional<std::chrono::nanoseconds> deadline = {};
  std::optional<std::chrono::nanoseconds> lifespan = {};
  std::optional<bool> latched = {};
  std::optional<Notify> notify = {};
  std::optional<std::chrono::nanoseconds> spin = {};
  std::optional<std::uint64_t> capacity = {};
  std::optional<Checksum> checksum = {};
  std::optional<Profile> profile = {};
};

/// Which of its settings a port asks of its peers: those that its code or the file gives it explicitly. A default, a
/// profile and a hint of the IDL ask for nothing.
struct QosAsks {
  bool overflow = false;  ///< false: a subscriber leaves the policy to the publisher
  bool history = false;   ///< false: a subscriber wants as much history as the publisher keeps and its queue holds
  bool deadline = false;
  bool lifespan = false;
  bool latched = false;

  friend bool operator==(const QosAsks&, const QosAsks&) = default;
};

/// What the explicit settings of a port ask for: code and file, laid over each other.
BATON_API QosAsks asks_of(const QosSettings& settings) noexcept;

/// Lays `upper` over `lower`: a setting that `upper` has wins.
BATON_API QosSettings overlay(const QosSettings& lower, const QosSettings& upper);

/// Fills what is open with the defaults of the profile, or else with `defaults`, and checks every range and that no two
/// settings contradict each other. A latched port whose history is left open has one message of it. `where` names the
/// port in the error.
BATON_API Result<Qos> resolve(const QosSettings& settings, std::string_view where, const Qos& defaults = {});

}  // namespace v1
}  // namespace baton
