// write COUNT: publishes so many plans once there is a reader. read WRITER...: prints the plans that it gets, until it
// has the last one of each of these writers. Both end with 3, and the reason, if the other one is refused.

#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <baton/baton.hpp>

#include "plan.hpp"

using namespace std::chrono_literals;
using evolution::Plan;

namespace {

constexpr auto kPatience = 20s;
constexpr int kRefused = 3;

std::optional<std::string> refusal(baton::Node& node) {
  while (const auto event = node.take_event()) {
    if (event->kind == baton::EventKind::refused) return event->reason;
  }
  return std::nullopt;
}

/// Stays until standard input ends, for the other side has to find out too.
int tell(const std::string& reason) {
  std::cout << "refused: " << reason << std::endl;
  std::cin.get();
  return kRefused;
}

void build(baton::Loan<Plan>& loan, std::uint64_t number) {
  auto& builder = loan.builder();
  const auto name = builder.CreateString("step " + std::to_string(number));
#ifdef EVOLUTION_NEWER
  const evolution::Point where{1.5, static_cast<double>(number)};
  const std::vector steps{evolution::CreateStep(builder, name, &where)};
#else
  const std::vector steps{evolution::CreateStep(builder, name)};
#endif
  const auto writer = builder.CreateString(EVOLUTION_AGE);
  const auto steps_at = builder.CreateVector(steps);
  evolution::PlanBuilder plan(builder);
#ifdef EVOLUTION_BROKEN
  plan.add_number(static_cast<double>(number));
#else
  plan.add_number(number);
#endif
  plan.add_writer(writer);
  plan.add_steps(steps_at);
#ifdef EVOLUTION_NEWER
  plan.add_metres(static_cast<double>(number) / 2);
#endif
  loan.finish(plan.Finish());
}

int write(std::uint64_t count) {
  auto node = baton::Node::open(EVOLUTION_AGE "_writer").value();
  auto publisher = node.publisher<Plan>({}, {.overflow = baton::Overflow::block}).value();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (publisher.subscriber_count() == 0) {
    if (const auto reason = refusal(node)) {
      return tell(*reason);
    }
    if (std::chrono::steady_clock::now() > until) return 1;
    std::this_thread::sleep_for(1ms);
  }
  for (std::uint64_t number = 1; number <= count; ++number) {
    auto loan = publisher.loan(256).value();
    build(loan, number);
    if (!loan.publish()) return 1;
  }
  std::cout << "written\n";
  return 0;
}

void print(const Plan& plan) {
  std::cout << plan.writer()->str() << ' ' << plan.number() << ' ' << plan.steps()->Get(0)->name()->str();
#ifdef EVOLUTION_NEWER
  const auto* where = plan.steps()->Get(0)->where();
  std::cout << ' ' << plan.metres() << ' ' << (where == nullptr ? "nowhere" : std::to_string(where->y));
#endif
  std::cout << '\n';
}

int read(std::vector<std::string> writers) {
  auto node = baton::Node::open(EVOLUTION_AGE "_reader").value();
  auto subscriber = node.subscriber<Plan>().value();
  std::cout << "reading" << std::endl;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!writers.empty() && std::chrono::steady_clock::now() < until) {
    if (const auto reason = refusal(node)) {
      return tell(*reason);
    }
    if (!subscriber.wait(10ms)) continue;
    while (const auto sample = subscriber.take()) {
      print(*sample);
      if (sample->number() == 20) std::erase(writers, sample->writer()->str());
    }
  }
  return writers.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() > 1 && arguments[0] == "write") return write(std::stoull(arguments[1]));
  if (arguments.size() > 1 && arguments[0] == "read") return read({arguments.begin() + 1, arguments.end()});
  std::cerr << "usage: write COUNT | read WRITER...\n";
  return 2;
}
