#include "inputs.hpp"

#include <poll.h>

#include <algorithm>
#include <array>

namespace sysmon {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

/// More than a second of messages at the probe's usual rate: a reader that draws or prints meanwhile loses none.
baton::QosSettings settings() {
  baton::QosSettings settings;
  settings.depth = 64;
  return settings;
}

}  // namespace

baton::Result<Inputs> Inputs::open(baton::Node& node) {
  auto cpu = node.subscriber<Cpu>({}, settings());
  if (!cpu) return baton::fail(cpu.error());
  auto memory = node.subscriber<Memory>({}, settings());
  if (!memory) return baton::fail(memory.error());
  auto io = node.subscriber<Io>({}, settings());
  if (!io) return baton::fail(io.error());
  Inputs inputs(Input(*std::move(cpu)), Input(*std::move(memory)), Input(*std::move(io)));
  if (auto opened = inputs.open_descriptors(); !opened) return baton::fail(opened.error());
  return inputs;
}

baton::Result<void> Inputs::open_descriptors() {
  for (auto fd : {cpu_.subscriber().fd(), memory_.subscriber().fd(), io_.subscriber().fd()}) {
    if (!fd) return baton::fail(fd.error());
    fds_.push_back(*fd);
  }
  return {};
}

void Inputs::wait(const Stop& stop, std::uint64_t until_ns) const noexcept {
  const std::uint64_t now_ns = baton::monotonic_ns();
  if (now_ns >= until_ns) return;
  const std::uint64_t left_ns = until_ns - now_ns;
  const timespec timeout{static_cast<time_t>(left_ns / kNsPerSecond), static_cast<long>(left_ns % kNsPerSecond)};
  std::array<pollfd, 4> polled{{{stop.fd(), POLLIN, 0}}};
  for (std::size_t index = 0; index < fds_.size(); ++index) polled[index + 1] = {fds_[index], POLLIN, 0};
  ::ppoll(polled.data(), fds_.size() + 1, &timeout, nullptr);
}

std::size_t Inputs::publisher_count() const noexcept {
  return std::max({cpu_.publisher_count(), memory_.publisher_count(), io_.publisher_count()});
}

std::vector<ReportRow> Inputs::report(std::string_view reader) const {
  return {cpu_.report(reader), memory_.report(reader), io_.report(reader)};
}

}  // namespace sysmon
