#include "view.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "schedule.hpp"

namespace sysmon {
namespace {

constexpr double kTablesPerSecond = 2;
constexpr double kLinesPerSecond = 1;
constexpr double kSilentSeconds = 2;  // without a message for so long, the view says so

}  // namespace

baton::Result<View> View::open(baton::Node& node, Console& console) {
  auto inputs = Inputs::open(node);
  if (!inputs) return baton::fail(inputs.error());
  return View(*std::move(inputs), console);
}

void View::run(const Stop& stop) {
  last_taken_ns_ = baton::monotonic_ns();
  Schedule schedule(last_taken_ns_, console_->live() ? kTablesPerSecond : kLinesPerSecond);
  schedule.advance(last_taken_ns_);  // there is nothing to show at the start
  while (!stop.requested()) {
    inputs_.wait(stop, schedule.due_ns());
    take_all();
    const std::uint64_t now_ns = baton::monotonic_ns();
    if (now_ns < schedule.due_ns()) continue;
    show();
    while (schedule.due_ns() <= now_ns) schedule.advance(now_ns);
  }
  inputs_.finish(*this);
}

void View::take_all() {
  if (inputs_.take_all(*this) > 0) last_taken_ns_ = baton::monotonic_ns();
}

void View::show() {
  if (const double silent = static_cast<double>(baton::monotonic_ns() - last_taken_ns_) / 1e9;
      silent >= kSilentSeconds) {
    const char* const cause = inputs_.publisher_count() == 0 ? ": no probe is connected" : "";
    const std::string notice = fmt::format("no message for {:.0f} s{}", silent, cause);
    return console_->live() ? console_->show({notice}) : console_->print(notice);
  }
  if (!cpu_ || !io_) return;
  if (console_->live()) {
    console_->show(view_table(picture(), console_->color()));
  } else {
    console_->print(view_line(picture()));
  }
  cpu_.advance();
  io_.advance();
}

Picture View::picture() const {
  Picture picture;
  picture.cpu = &cpu_.to();
  picture.share = cpu_share(cpu_.from().total, cpu_.to().total).value_or(CpuShare());
  const auto& before = cpu_.from().cores;
  for (const Core& core : cpu_.to().cores) {
    const auto same =
        std::find_if(before.begin(), before.end(), [&](const Core& other) { return other.number == core.number; });
    if (same != before.end()) picture.cores.push_back(cpu_share(same->ticks, core.ticks).value_or(CpuShare()));
  }
  picture.memory = memory_ ? &*memory_ : nullptr;
  picture.io = &io_.to();
  picture.interfaces = interface_rates(io_.from(), io_.to());
  picture.disks = disk_rates(io_.from(), io_.to());
  return picture;
}

}  // namespace sysmon
