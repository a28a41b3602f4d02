#include "baton/qos.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "duration.hpp"
#include "qos_ranges.hpp"
#include "quoted.hpp"
#include "size.hpp"

namespace baton {
inline namespace v1 {
namespace {

template <class T>
std::optional<T> first_set(const std::optional<T>& upper, const std::optional<T>& lower) {
  return upper ? upper : lower;
}

Result<void> check_count(std::string_view where, std::string_view key, std::uint32_t value, CountRange range) {
  if (value >= range.min && value <= range.max) return {};
  return fail(Errc::invalid_argument, where, fmt::format("{} is {}", key, value),
              fmt::format("allowed are {} to {}", range.min, range.max));
}

// An enum that arrives from a cast is checked too: everything below relies on it being one of the known values.
template <class Enum, std::size_t kCount>
Result<void> check_enum(std::string_view where, std::string_view key, Enum value,
                        const std::array<Enum, kCount>& known) {
  std::string names;
  for (const Enum candidate : known) {
    if (candidate == value) return {};
    if (!names.empty()) names += ", ";
    names += to_string(candidate);
  }
  return fail(Errc::invalid_argument, where, fmt::format("{} is the number {}", key, static_cast<unsigned>(value)),
              "allowed are " + names);
}

Result<void> check_duration(std::string_view where, std::string_view key, std::chrono::nanoseconds value,
                            std::chrono::nanoseconds most) {
  if (value >= std::chrono::nanoseconds::zero() && value <= most) return {};
  return fail(Errc::invalid_argument, where, fmt::format("{} is {}", key, to_text(value)),
              fmt::format("allowed are 0 to {}", to_text(most)));
}

Result<void> check_durations(const Qos& qos, std::string_view where) {
  if (!is_deadline(qos.deadline)) {
    return fail(
        Errc::invalid_argument, where, fmt::format("deadline is {}", to_text(qos.deadline)),
        fmt::format("allowed are 0, for none, and {} to {}", to_text(Qos::kMinDeadline), to_text(Qos::kMaxDeadline)));
  }
  return check_duration(where, "block_timeout", qos.block_timeout, Qos::kMaxBlockTimeout)
      .and_then([&] { return check_duration(where, "lifespan", qos.lifespan, Qos::kMaxLifespan); })
      .and_then([&]() -> Result<void> {
        if (qos.spin == Qos::kAdaptiveSpin) return {};
        return check_duration(where, "spin", qos.spin, Qos::kMaxSpin);
      });
}

/// What each setting may be by itself.
Result<void> check_values(const Qos& qos, std::string_view where) {
  if (!is_transport_name(qos.transport)) {
    return fail(Errc::invalid_argument, where, fmt::format("transport is {}", quoted(qos.transport)),
                "a transport's name is lower-case letters, digits and '_', and begins with a letter");
  }
  if (qos.max_memory < Qos::kMinMemory || qos.max_memory > Qos::kMaxMemory) {
    return fail(Errc::invalid_argument, where, fmt::format("max_memory is {}", size_text(qos.max_memory)),
                fmt::format("allowed are {} to {}", size_text(Qos::kMinMemory), size_text(Qos::kMaxMemory)));
  }
  if (qos.capacity < Qos::kMinCapacity || qos.capacity > Qos::kMaxCapacity) {
    return fail(Errc::invalid_argument, where, fmt::format("capacity is {}", size_text(qos.capacity)),
                fmt::format("allowed are {} to {}", size_text(Qos::kMinCapacity), size_text(Qos::kMaxCapacity)));
  }
  return check_count(where, "depth", qos.depth, kDepthRange)
      .and_then([&] { return check_count(where, "history", qos.history, kHistoryRange); })
      .and_then([&] { return check_count(where, "max_held", qos.max_held, kMaxHeldRange); })
      .and_then([&] { return check_count(where, "max_loans", qos.max_loans, kMaxLoansRange); })
      .and_then([&] { return check_enum(where, "overflow", qos.overflow, kOverflows); })
      .and_then([&] { return check_enum(where, "stamp", qos.stamp, kStamps); })
      .and_then([&] { return check_enum(where, "notify", qos.notify, kNotifies); })
      .and_then([&] { return check_enum(where, "checksum", qos.checksum, kChecksums); })
      .and_then([&] { return check_durations(qos, where); });
}

/// What no port can have together. That the two may be from different layers is why both are named.
Result<void> check_together(const Qos& qos, const QosSettings& settings, std::string_view where) {
  const auto needs_stamps = [&](std::string_view key, std::chrono::nanoseconds value) -> Result<void> {
    if (value == std::chrono::nanoseconds::zero() || qos.stamp != Stamp::off) return {};
    return fail(Errc::invalid_argument, where,
                fmt::format("{} is {} and stamp is off, but it needs stamps", key, to_text(value)),
                fmt::format("set stamp to tsc or monotonic, or {} to 0", key));
  };
  if (qos.latched && qos.history == 0) {
    return fail(Errc::invalid_argument, where,
                fmt::format("latched is true{} and history is 0: there would be nothing to keep",
                            settings.latched ? "" : fmt::format(", by profile {},", to_string(*settings.profile))),
                "set history to at least 1, or latched to false");
  }
  return needs_stamps("deadline", qos.deadline).and_then([&] { return needs_stamps("lifespan", qos.lifespan); });
}

/// What holds where no layer says anything: what a profile says, above what else would.
Qos defaults_of(Profile profile, Qos qos) {
  switch (profile) {
    case Profile::sensor:
      qos.depth = 2;
      qos.max_held = 2;
      break;
    case Profile::command:
      qos.depth = 64;
      qos.overflow = Overflow::block;
      // Longer than the default `hung_after`, so that a reader that hangs is known as hung before it costs a command.
      qos.block_timeout = std::chrono::seconds(10);
      break;
    case Profile::state:
      qos.depth = 1;
      qos.history = 1;
      qos.max_held = 2;
      qos.latched = true;
      break;
    case Profile::log: qos.depth = 1'024; break;
  }
  return qos;
}

}  // namespace

std::string_view to_string(Checksum checksum) noexcept {
  switch (checksum) {
    case Checksum::none: return "none";
    case Checksum::crc32c: return "crc32c";
  }
  return "unknown";
}

std::string_view to_string(Notify notify) noexcept {
  switch (notify) {
    case Notify::futex: return "futex";
    case Notify::semaphore: return "semaphore";
    case Notify::socket: return "socket";
    case Notify::poll: return "poll";
  }
  return "unknown";
}

std::string_view to_string(Overflow overflow) noexcept {
  switch (overflow) {
    case Overflow::drop_oldest: return "drop_oldest";
    case Overflow::drop_newest: return "drop_newest";
    case Overflow::reject: return "reject";
    case Overflow::block: return "block";
  }
  return "unknown";
}

std::string_view to_string(Stamp stamp) noexcept {
  switch (stamp) {
    case Stamp::tsc: return "tsc";
    case Stamp::monotonic: return "monotonic";
    case Stamp::off: return "off";
  }
  return "unknown";
}

std::string_view to_string(Profile profile) noexcept {
  switch (profile) {
    case Profile::sensor: return "sensor";
    case Profile::command: return "command";
    case Profile::state: return "state";
    case Profile::log: return "log";
  }
  return "unknown";
}

QosAsks asks_of(const QosSettings& settings) noexcept {
  return {
      .overflow = settings.overflow.has_value(),
      .history = settings.history.has_value(),
      .deadline = settings.deadline.has_value(),
      .lifespan = settings.lifespan.has_value(),
      .latched = settings.latched.has_value(),
  };
}

QosSettings overlay(const QosSettings& lower, const QosSettings& upper) {
  return QosSettings{
      .transport = first_set(upper.transport, lower.transport),
      .depth = first_set(upper.depth, lower.depth),
      .overflow = first_set(upper.overflow, lower.overflow),
      .block_timeout = first_set(upper.block_timeout, lower.block_timeout),
      .history = first_set(upper.history, lower.history),
      .max_held = first_set(upper.max_held, lower.max_held),
      .max_loans = first_set(upper.max_loans, lower.max_loans),
      .stamp = first_set(upper.stamp, lower.stamp),
      .max_memory = first_set(upper.max_memory, lower.max_memory),
      .deadline = first_set(upper.deadline, lower.deadline),
      .lifespan = first_set(upper.lifespan, lower.lifespan),
      .latched = first_set(upper.latched, lower.latched),
      .notify = first_set(upper.notify, lower.notify),
      .spin = first_set(upper.spin, lower.spin),
      .capacity = first_set(upper.capacity, lower.capacity),
      .checksum = first_set(upper.checksum, lower.checksum),
      .profile = first_set(upper.profile, lower.profile),
  };
}

Result<Qos> resolve(const QosSettings& settings, std::string_view where, const Qos& defaults) {
  if (settings.profile) {
    if (auto known = check_enum(where, "profile", *settings.profile, kProfiles); !known) return fail(known.error());
  }
  Qos qos = settings.profile ? defaults_of(*settings.profile, defaults) : defaults;
  qos.transport = settings.transport.value_or(qos.transport);
  qos.depth = settings.depth.value_or(qos.depth);
  qos.overflow = settings.overflow.value_or(qos.overflow);
  qos.block_timeout = settings.block_timeout.value_or(qos.block_timeout);
  qos.history = settings.history.value_or(qos.history);
  qos.max_held = settings.max_held.value_or(qos.max_held);
  qos.max_loans = settings.max_loans.value_or(qos.max_loans);
  qos.stamp = settings.stamp.value_or(qos.stamp);
  qos.max_memory = settings.max_memory.value_or(qos.max_memory);
  qos.deadline = settings.deadline.value_or(qos.deadline);
  qos.lifespan = settings.lifespan.value_or(qos.lifespan);
  qos.latched = settings.latched.value_or(qos.latched);
  qos.notify = settings.notify.value_or(qos.notify);
  qos.spin = settings.spin.value_or(qos.spin);
  qos.capacity = settings.capacity.value_or(qos.capacity);
  qos.checksum = settings.checksum.value_or(qos.checksum);
  if (qos.latched && !settings.history) qos.history = std::max(qos.history, 1U);
  if (auto checked = check_values(qos, where); !checked) return fail(checked.error());
  if (auto checked = check_together(qos, settings, where); !checked) return fail(checked.error());
  return qos;
}

}  // namespace v1
}  // namespace baton
