#include "waiting/things.hpp"

#include <fmt/format.h>

namespace baton {
inline namespace v1 {
namespace waiting {

Result<void> Member::find_descriptor() {
  auto descriptor = waitable_.fd();
  if (!descriptor) return fail(std::move(descriptor).error());
  descriptor_ = *descriptor;
  return {};
}

bool Member::is_ready(Clock::time_point /*now*/) noexcept {
  return waitable_.wait(std::chrono::nanoseconds::zero()) == WaitStatus::ready || found != 0;
}

// A descriptor that is readable stays so until a take finds nothing: so the handler is called, though there may be
// nothing.
void Member::handle() {
  found = 0;
  for (unsigned handled = 0; handled < WaitSet::kBatch && !gone && handler_(); ++handled) {
  }
}

std::optional<pollfd> Member::descriptor() const noexcept {
  if (attachment_ != Attachment::descriptor) return std::nullopt;
  return pollfd{descriptor_, POLLIN, 0};
}

void Timer::handle() {
  if (!period_) {
    gone = true;
    return handler_(1);
  }
  const auto periods = (Clock::now() - next_) / *period_ + 1;
  next_ += periods * *period_;
  handler_(static_cast<std::uint64_t>(periods));
}

void Events::handle() {
  for (unsigned handled = 0; handled < WaitSet::kBatch && !gone; ++handled) {
    const auto event = queue_->take();
    if (!event) return;
    handler_(*event);
  }
}

Descriptor::Descriptor(WaitSet::Id id, int descriptor, short events, std::function<void(short)> handler)
    : Thing(id, fmt::format("descriptor {}", descriptor)),
      descriptor_(descriptor),
      events_(events),
      handler_(std::move(handler)) {}

void Descriptor::handle() {
  const short told = std::exchange(found, short{0});
  gone = gone || (told & POLLNVAL) != 0;  // it would be found for ever
  handler_(told);
}

}  // namespace waiting
}  // namespace v1
}  // namespace baton
