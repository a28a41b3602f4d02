// A publisher and a subscriber that do as chance will have it, and account for every message by what it carries. The
// test talks to them by lines; see random_test.cpp.

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <iostream>
#include <map>
#include <random>
#include <span>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "place.hpp"
#include "roles.hpp"

namespace crash {
namespace {

using namespace std::chrono_literals;
using baton::Overflow;

constexpr auto kLiveness = "[liveness]\nheartbeat = \"50 ms\"\nhung_after = \"30 s\"\n";

std::string next_command(int timeout_ms) {
  [[maybe_unused]] static const bool synchronised =
      std::ios::sync_with_stdio(false);  // what is read ahead is seen below
  pollfd in{STDIN_FILENO, POLLIN, 0};
  if (std::cin.rdbuf()->in_avail() <= 0 && ::poll(&in, 1, timeout_ms) <= 0) return {};
  std::string line;
  if (!std::getline(std::cin, line)) ::_exit(0);
  return line;
}

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

/// Chance, from a seed.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(engine_);
  }
  std::uint32_t from_to(std::uint32_t least, std::uint32_t most) { return least + below(most - least + 1); }

 private:
  std::mt19937 engine_;
};

/// Messages of one size.
struct Small {
  using Type = Message;
  static constexpr const char* kConfig = "";

  static auto loan(baton::Publisher<Type>& publisher, Dice&) { return publisher.loan(); }
  static void fill(baton::Loan<Type>& loan, std::uint32_t writer, std::uint64_t number) {
    crash::fill(*loan, writer, number);
  }
  static std::uint32_t writer(const Type& message) { return message.writer; }
  static std::uint64_t number(const Type& message) { return message.number; }
  static bool is_intact(const Sample& sample) { return sample->checksum == checksum_of(*sample); }
};

/// Messages of any size up to a fortieth of a ring's capacity: few at a time fill it.
struct Large {
  using Type = conformance::Cloud;
  static constexpr const char* kConfig = "[[topic]]\nmatch = \"**\"\ncapacity = \"1 MiB\"\nmax_memory = \"64 MiB\"\n";
  static constexpr std::uint32_t kMostPoints = 2'000;

  static auto loan(baton::Publisher<Type>& publisher, Dice& dice) {
    return publisher.loan(dice.below(4) == 0 ? dice.below(kMostPoints) : dice.below(60));
  }
  /// The writer stands in the upper half of the number.
  static void fill(baton::Loan<Type>& loan, std::uint32_t writer, std::uint64_t number) {
    loan->number = std::uint64_t{writer} << 32U | number;
    auto next = static_cast<std::uint32_t>(number) * 2'654'435'761U + writer;
    for (conformance::Point& point : loan.data()) {
      next = next * 1'664'525U + 1'013'904'223U;
      point = {static_cast<float>(next >> 8U), static_cast<float>(writer), next};
    }
    loan->checksum = sum(*loan, loan.data());
  }
  static std::uint32_t writer(const Type& cloud) { return static_cast<std::uint32_t>(cloud.number >> 32U); }
  static std::uint64_t number(const Type& cloud) { return cloud.number & UINT32_MAX; }
  static bool is_intact(const baton::Sample<Type>& sample) { return sample->checksum == sum(*sample, sample.data()); }

 private:
  static std::uint32_t sum(const Type& cloud, std::span<const conformance::Point> points) {
    auto value = static_cast<std::uint32_t>(cloud.number ^ points.size());
    for (const conformance::Point& point : points) value = value * 31 + point.intensity;
    return value;
  }
};

/// What a subscriber has got of one writer.
struct Account {
  std::uint64_t first_offered = 0;
  std::uint64_t next = 0;
  std::uint64_t taken = 0;
  std::uint64_t missing = 0;  // the first ones included
};

template <class Kind>
class Reader {
 public:
  using Sample = baton::Sample<typename Kind::Type>;

  Reader(baton::Subscriber<typename Kind::Type>& subscriber, std::uint32_t max_held, Dice& dice)
      : subscriber_(subscriber), most_held_(max_held - 1), dice_(dice) {}

  void take_some() {
    for (std::uint32_t i = 0; i < 200; ++i) {
      Sample sample = subscriber_.take();
      if (!sample) return;
      note(sample);
      if (most_held_ != 0 && dice_.below(4) == 0) held_.push_back(std::move(sample));
      while (held_.size() > most_held_ || (!held_.empty() && dice_.below(3) == 0)) let_go();
    }
  }

  void take_all() {
    while (!held_.empty()) let_go();
    for (Sample sample = subscriber_.take(); sample; sample = subscriber_.take()) {
      note(sample);
      sample.release();  // it may be the only one that may be held
    }
  }

  const std::string& wrong() const { return wrong_; }
  std::uint64_t taken() const { return taken_; }
  const std::map<std::uint32_t, Account>& accounts() const { return accounts_; }

 private:
  void find(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }

  void note(const Sample& sample) {
    ++taken_;
    const std::uint32_t writer = Kind::writer(*sample);
    const std::uint64_t number = Kind::number(*sample);
    if (!Kind::is_intact(sample)) find("a message is torn");
    const std::uint32_t before = sample.info().dropped_before;
    auto [entry, first] = accounts_.try_emplace(writer);
    Account& account = entry->second;
    if (first) account.first_offered = account.next = number - before;
    if (number < account.next) {
      find(fmt::format("message {} of writer {} comes after {}", number, writer, account.next));
    }
    const std::uint64_t gap = number - account.next;
    if (gap != before && before < 16'383) {
      find(fmt::format("{} are missing before message {} of writer {}, not {}", gap, number, writer, before));
    }
    account.missing += gap;
    account.next = number + 1;
    ++account.taken;
  }

  void let_go() {
    if (!Kind::is_intact(held_.front())) find("a held sample has changed");
    held_.pop_front();
  }

  baton::Subscriber<typename Kind::Type>& subscriber_;
  const std::size_t most_held_;
  Dice& dice_;
  std::deque<Sample> held_;
  std::map<std::uint32_t, Account> accounts_;
  std::uint64_t taken_ = 0;
  std::string wrong_;
};

template <class Kind>
int publish_at_random(const Arguments& arguments) {
  const auto writer = static_cast<std::uint32_t>(std::stoul(arguments.at(1)));
  Dice dice(static_cast<std::uint32_t>(std::stoul(arguments.at(2))));
  baton::Node node =
      open_node(arguments.at(0), fmt::format("p{}", writer), true, std::string(kLiveness) + Kind::kConfig);
  const auto overflow = static_cast<Overflow>(dice.below(4));
  auto publisher =
      node.publisher<typename Kind::Type>(
              kUp,
              {.overflow = overflow, .block_timeout = 3ms, .history = dice.below(4), .max_loans = dice.from_to(1, 3)})
          .value();
  std::uint64_t number = 0;
  say("ready");
  bool running = true;
  while (true) {
    const std::string command = next_command(running ? 0 : 100);
    if (command == "pause" || command == "finish") {
      running = false;
      auto findings = publisher.audit();
      for (std::string& finding : node.audit()) findings.push_back(std::move(finding));
      say(findings.empty() ? std::to_string(number) : fmt::format("error: {}", fmt::join(findings, "; ")));
    }
    if (command == "resume") running = true;
    if (command == "finish") return 0;
    if (!running) continue;
    for (std::uint32_t burst = dice.from_to(1, 60); burst > 0; --burst) {
      auto loan = Kind::loan(publisher, dice);
      // Readers hold, or have yet to take, what the ring has room for.
      if (!loan && over_ring() && loan.error().code() == baton::Errc::out_of_chunks) break;
      if (!loan) {
        say("error: " + loan.error().message());
        return 3;
      }
      Kind::fill(*loan, writer, number);
      if (dice.below(50) == 0) continue;  // and think better of it
      if (loan->publish().status != baton::PublishStatus::rejected) ++number;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(dice.below(1'500)));
  }
}

template <class Kind>
int take_at_random(const Arguments& arguments) {
  Dice dice(static_cast<std::uint32_t>(std::stoul(arguments.at(1))));
  baton::Node node = open_node(arguments.at(0), "reader", true, std::string(kLiveness) + Kind::kConfig);
  const std::uint32_t max_held = dice.from_to(1, 6);
  baton::QosSettings settings{.depth = dice.from_to(1, 40), .max_held = max_held};
  const std::uint32_t policy = dice.below(3);
  if (policy == 1) settings.overflow = Overflow::drop_oldest;
  if (policy == 2) settings.overflow = Overflow::drop_newest;
  auto subscriber = node.subscriber<typename Kind::Type>(kUp, settings).value();
  Reader<Kind> reader(subscriber, max_held, dice);
  say("ready");
  std::string wrong;
  while (wrong.empty()) {
    subscriber.wait(std::chrono::microseconds(dice.below(2'000)));
    reader.take_some();
    if (dice.below(20) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(dice.below(15)));
    const std::string command = next_command(0);
    wrong = reader.wrong();
    if (command.empty() || !wrong.empty()) continue;
    reader.take_all();
    const baton::SubscriberCounters figures = subscriber.counters();
    if (!is_balanced(figures.total)) wrong = "the counters do not add up";
    if (figures.total.taken != reader.taken() && command != "finish") {
      wrong = fmt::format("{} were taken, {} counted", reader.taken(), figures.total.taken);
    }
    if (const auto findings = subscriber.audit(); !findings.empty())
      wrong = fmt::format("{}", fmt::join(findings, "; "));
    std::string line = "ok";
    for (const auto& connection : figures.connections) {
      const auto writer = static_cast<std::uint32_t>(std::stoul(connection.peer.substr(1)));
      const auto found = reader.accounts().find(writer);
      if (found == reader.accounts().end()) continue;
      const Account& account = found->second;
      line += fmt::format(" {} {} {} {} {} {} {}", writer, account.first_offered, account.taken, account.missing,
                          connection.offered, connection.taken, connection.dropped());
    }
    if (wrong.empty()) say(line);
    if (command == "finish" && wrong.empty()) return 0;
  }
  say("error: " + wrong);
  return 3;
}

}  // namespace

/// Arguments: the domain, the writer's number, a seed, and the kind of messages. Commands: pause and finish, answered
/// by how many messages were published, and resume.
int random_publisher_role(const Arguments& arguments) {
  return arguments.at(3) == "large" ? publish_at_random<Large>(arguments) : publish_at_random<Small>(arguments);
}

/// Arguments: the domain, a seed, and the kind of messages. Commands: report and finish, answered, when everything is
/// taken, by what came of each publisher that is there: its node, then by the messages themselves the first that was
/// offered, how many were taken, how many are missing before the last one; and by the counters: offered, taken,
/// dropped.
int random_subscriber_role(const Arguments& arguments) {
  return arguments.at(2) == "large" ? take_at_random<Large>(arguments) : take_at_random<Small>(arguments);
}

}  // namespace crash
