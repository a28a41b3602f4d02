#include "run.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <system_error>

#include <baton/clock.hpp>

namespace sysmon {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

[[noreturn]] void throw_errno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  struct sigaction hangup {};
  const bool is_known = ::sigaction(SIGHUP, nullptr, &hangup) == 0;
  if (is_known && hangup.sa_handler == SIG_IGN) sigdelset(&signals, SIGHUP);  // started by nohup
  return signals;
}

}  // namespace

Stop::Stop() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw_errno("eventfd");
}

void Stop::request() noexcept {
  // E1: what the asking thread did before is visible to who sees the request. Pairs with requested().
  requested_.store(true, std::memory_order_release);
  ::eventfd_write(event_.get(), 1);
}

bool Stop::requested() const noexcept {
  return requested_.load(std::memory_order_acquire);  // E1: pairs with request().
}

bool Stop::sleep_until(std::uint64_t time_ns) const noexcept {
  while (!requested()) {
    const std::uint64_t now_ns = baton::monotonic_ns();
    if (now_ns >= time_ns) return false;
    const std::uint64_t left_ns = time_ns - now_ns;
    const timespec timeout{static_cast<time_t>(left_ns / kNsPerSecond), static_cast<long>(left_ns % kNsPerSecond)};
    pollfd asked{event_.get(), POLLIN, 0};
    ::ppoll(&asked, 1, &timeout, nullptr);
  }
  return true;
}

Signals::Signals() {
  const sigset_t signals = ending_signals();
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &signals, &before_); error != 0) {
    throw std::system_error(error, std::generic_category(), "pthread_sigmask");
  }
  arrived_ = Descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!arrived_) throw_errno("signalfd");
}

void Signals::release() noexcept {
  if (!arrived_) return;
  // The signals that were waiting have been heard: they must not kill now.
  signalfd_siginfo heard;
  while (::read(arrived_.get(), &heard, sizeof(heard)) == static_cast<ssize_t>(sizeof(heard))) {
  }
  arrived_ = Descriptor();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool wait_for_end(Signals& signals, const Stop& end, std::optional<double> seconds) {
  const std::uint64_t start_ns = baton::monotonic_ns();
  const double limit_ns = seconds.value_or(0) * static_cast<double>(kNsPerSecond);
  while (true) {
    timespec timeout{};
    if (seconds) {
      const double left_ns = limit_ns - static_cast<double>(baton::monotonic_ns() - start_ns);
      if (left_ns <= 0) return false;
      const auto whole_ns = static_cast<std::uint64_t>(left_ns) + 1;
      timeout = {static_cast<time_t>(whole_ns / kNsPerSecond), static_cast<long>(whole_ns % kNsPerSecond)};
    }
    std::array<pollfd, 2> polled{{{signals.fd(), POLLIN, 0}, {end.fd(), POLLIN, 0}}};
    if (::ppoll(polled.data(), polled.size(), seconds ? &timeout : nullptr, nullptr) <= 0) continue;
    if (polled[0].revents != 0) signals.release();
    return true;
  }
}

}  // namespace sysmon
