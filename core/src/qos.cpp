#include "baton/qos.hpp"

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

Result<void> check(const Qos& qos, std::string_view where) {
  if (!is_transport_name(qos.transport)) {
    return fail(Errc::invalid_argument, where, fmt::format("transport is {}", quoted(qos.transport)),
                "a transport's name is lower-case letters, digits and '_', and begins with a letter");
  }
  if (qos.block_timeout < std::chrono::nanoseconds::zero() || qos.block_timeout > Qos::kMaxBlockTimeout) {
    return fail(Errc::invalid_argument, where, fmt::format("block_timeout is {}", to_text(qos.block_timeout)),
                fmt::format("allowed are 0 to {}", to_text(Qos::kMaxBlockTimeout)));
  }
  if (qos.max_memory < Qos::kMinMemory || qos.max_memory > Qos::kMaxMemory) {
    return fail(Errc::invalid_argument, where, fmt::format("max_memory is {}", size_text(qos.max_memory)),
                fmt::format("allowed are {} to {}", size_text(Qos::kMinMemory), size_text(Qos::kMaxMemory)));
  }
  return check_count(where, "depth", qos.depth, kDepthRange)
      .and_then([&] { return check_count(where, "history", qos.history, kHistoryRange); })
      .and_then([&] { return check_count(where, "max_held", qos.max_held, kMaxHeldRange); })
      .and_then([&] { return check_count(where, "max_loans", qos.max_loans, kMaxLoansRange); })
      .and_then([&] { return check_enum(where, "overflow", qos.overflow, kOverflows); })
      .and_then([&] { return check_enum(where, "stamp", qos.stamp, kStamps); });
}

}  // namespace

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
  };
}

Result<Qos> resolve(const QosSettings& settings, std::string_view where) {
  Qos qos;
  qos.transport = settings.transport.value_or(qos.transport);
  qos.depth = settings.depth.value_or(qos.depth);
  qos.overflow = settings.overflow.value_or(qos.overflow);
  qos.block_timeout = settings.block_timeout.value_or(qos.block_timeout);
  qos.history = settings.history.value_or(qos.history);
  qos.max_held = settings.max_held.value_or(qos.max_held);
  qos.max_loans = settings.max_loans.value_or(qos.max_loans);
  qos.stamp = settings.stamp.value_or(qos.stamp);
  qos.max_memory = settings.max_memory.value_or(qos.max_memory);
  if (auto checked = check(qos, where); !checked) return fail(checked.error());
  return qos;
}

}  // namespace v1
}  // namespace baton
