// Every verb, killed and stopped at every point; see sweep.hpp for what a point is, victims.hpp for the windows.
//
// A run of the test suite takes a share of the points, spread over the window, and of long windows only those after
// system calls; BATON_SWEEP=all takes all of them.

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "../sanitized.hpp"
#include "process.hpp"
#include "survivors.hpp"
#include "sweep.hpp"

namespace crash {
namespace {

constexpr std::size_t kShare = 64;  // points of a window that are always swept

struct Window {
  std::string name;
  std::vector<std::function<void(Survivors&)>> turns = {};  ///< what the survivors do, in turn
  bool keeper = false;                                      ///< the victim's runs, meanwhile
  Reaping reaping = Reaping::by_survivors;
  bool corpse = false;  ///< there is a dead node, which nobody has reaped
  bool alone = false;   ///< the victim has the domain for itself
  // In a run of the test suite; the dry run of a long window takes seconds otherwise.
  sweep::Grain kills = sweep::Grain::instructions;
  sweep::Grain stops = sweep::Grain::instructions;
};

std::ostream& operator<<(std::ostream& out, const Window& window) { return out << window.name; }

void open_subscriber(Survivors& survivors) { survivors.open_subscriber(); }
void open_lossless_subscriber(Survivors& survivors) { survivors.open_lossless_subscriber(); }
void open_sleepers(Survivors& survivors) { survivors.open_sleepers(); }
void open_publisher(Survivors& survivors) { survivors.open_publishers(1); }
void open_publishers(Survivors& survivors) { survivors.open_publishers(7); }
void close_extras(Survivors& survivors) { survivors.close_extras(); }
void fill_more_memory(Survivors& survivors) { survivors.fill_more_memory(); }
void want_memory_back(Survivors& survivors) { survivors.want_memory_back(); }
void take_and_release(Survivors& survivors) { survivors.take_and_release(); }
void start_reader_process(Survivors& survivors) { survivors.start_reader_process(); }
void kill_reader_process(Survivors& survivors) { survivors.kill_reader_process(); }
void have_a_publisher_die(Survivors& survivors) { survivors.have_a_publisher_die(); }

const std::vector<Window>& windows() {
  constexpr auto kCalls = sweep::Grain::calls;
  static const std::vector<Window> all = {
      {"loan"},
      {"publish_to_an_empty_queue"},
      {"publish_to_a_full_queue"},
      {"publish_to_sleepers", {open_sleepers}},
      {"publish_waiting_for_room", {open_lossless_subscriber}},
      {"discard"},
      {"collect_what_came_back", {take_and_release}},
      {.name = "connect_a_new_reader", .turns = {open_subscriber}, .stops = kCalls},
      {"let_go_of_a_reader_that_closed", {open_subscriber, close_extras}},
      {"let_go_of_a_reader_that_died", {start_reader_process, kill_reader_process}},
      {"want_memory_back", {open_subscriber, close_extras}},
      {"give_memory_back", {open_subscriber, close_extras, take_and_release}},
      {"let_go_of_memory", {fill_more_memory, want_memory_back}},
      {"close_a_publisher"},
      // A ring is large, and to step through its making takes a minute.
      {.name = "make_a_publisher", .kills = over_ring() ? kCalls : sweep::Grain::instructions, .stops = kCalls},
      {.name = "make_a_subscriber", .kills = kCalls, .stops = kCalls},
      {"take"},
      {"take_nothing"},
      {"release"},
      {"close_a_subscriber"},
      {"look_at_a_new_publisher", {open_publisher}},
      {.name = "make_more_slots", .turns = {open_publishers}, .kills = kCalls, .stops = kCalls},
      {"let_go_of_a_publisher_that_closed", {open_publisher, close_extras}},
      {"let_go_of_a_publisher_that_died", {have_a_publisher_die}},
      {"make_and_arm_the_descriptor"},
      {"wait_for_a_message"},
      {"wait_by_semaphore"},
      {"wait_on_the_socket"},
      {"wait_in_a_set"},
      {"set_a_callback"},
      {"publish_to_a_full_queue", {}, true},
      {.name = "make_a_publisher", .keeper = true, .kills = kCalls, .stops = kCalls},
      {.name = "make_a_subscriber", .keeper = true, .kills = kCalls, .stops = kCalls},
      {"take", {}, true},
      {"join"},
      {.name = "reap", .reaping = Reaping::by_joiners, .corpse = true},
      {.name = "join_first", .alone = true},
      {"leave"},
      {.name = "leave_last", .alone = true},
      {"end_with_ports"},
      {"end_with_ports", {}, true},
  };
  return all;
}

bool all_points() {
  const char* const wanted = std::getenv("BATON_SWEEP");
  return wanted != nullptr && std::string_view(wanted) == "all";
}

sweep::Grain or_all(sweep::Grain grain) { return all_points() ? sweep::Grain::instructions : grain; }

/// A share of the points, spread evenly; the first and the last are always among them.
bool is_in_share(std::size_t index, std::size_t count) {
  if (all_points() || count <= kShare || index + 1 == count) return true;
  return index * (kShare - 1) / (count - 1) != (index - 1) * (kShare - 1) / (count - 1) || index == 0;
}

class Sweep : public testing::TestWithParam<Window> {
 protected:
  void SetUp() override {
    // Stepping takes long with a sanitizer's instrumentation, and finds nothing that it does not find without.
    if (baton::kSanitized) GTEST_SKIP() << "sweeps are for builds without sanitizers";
    const std::string why_not = sweep::why_not();
    if (!why_not.empty()) GTEST_SKIP() << why_not;
    if (!window().alone) {
      survivors_ = std::make_unique<Survivors>(window().reaping);
      domain_ = survivors_->domain();
    }
    run_whole();  // everything grows to the size that it needs
    if (survivors_) survivors_->remember();
  }

  void TearDown() override {
    if (domain_.empty()) return;
    if (survivors_) survivors_->end();
    survivors_.reset();
    EXPECT_TRUE(eventually([this] { return is_gone(domain_); })) << domain_ << " is left";
  }

  static const Window& window() { return GetParam(); }

  std::unique_ptr<sweep::Victim> start() {
    if (window().corpse) Child({"corpse", domain_}).wait();
    turn_ = 0;
    ++writer_;
    auto victim = std::make_unique<sweep::Victim>(
        std::vector<std::string>{"victim", domain_, window().name, std::to_string(writer_),
                                 window().keeper ? "keeper" : "alone"},
        [this] {
          if (turn_ < window().turns.size()) window().turns[turn_++](*survivors_);
        });
    EXPECT_TRUE(victim->run_to_window()) << "the victim ended before its window";
    return victim;
  }

  void run_whole() {
    auto victim = start();
    EXPECT_EQ(victim->finish(), 0);
    after_end();
  }

  sweep::Trace dry_run(sweep::Grain grain) {
    auto victim = start();
    auto trace = victim->step_through(grain);
    EXPECT_TRUE(trace.has_value()) << "the victim ended in its window";
    EXPECT_EQ(victim->finish(), 0);
    after_end();
    return trace.value_or(sweep::Trace{});
  }

  void after_end() {
    const Watchdog watchdog(60s, stalled("after the victim's end"));
    if (survivors_) survivors_->close_extras();
    if (survivors_ && !first_) survivors_->check_after_end();
    first_ = false;
    if (!survivors_) let_somebody_join();
  }

  void after_kill() {
    const Watchdog watchdog(60s, stalled("after a kill"));
    survivors_ ? survivors_->outlive() : let_somebody_join();
  }

  /// In a domain without survivors: whatever is left, the next one finds a place, and leaves nothing.
  void let_somebody_join() {
    {
      baton::Node node = open_node(domain_, "next");
      auto subscriber = node.subscriber<Message>(kUp).value();
      auto publisher = node.publisher<Message>(kUp).value();
      EXPECT_TRUE(publish(publisher, 1, 1));
      EXPECT_TRUE(subscriber.take());
    }
    EXPECT_TRUE(is_gone(domain_));
  }

  std::function<void()> stalled(const char* when) {
    return [this, when] {
      std::fprintf(stderr, "a survivor stalls %s, point %zu of %s\n", when, at_, window().name.c_str());
      std::abort();
    };
  }

  static std::string describe(const sweep::Point& point, std::size_t index) {
    return "point " + std::to_string(index) + (point.call ? ", after a system call" : ", after a change");
  }

  std::unique_ptr<Survivors> survivors_;
  std::string domain_ = window().alone ? unique_domain() : "";
  std::size_t turn_ = 0;
  std::uint32_t writer_ = 100;
  std::size_t at_ = 0;
  bool first_ = true;
};

TEST_P(Sweep, survivors_lose_nothing_when_a_process_is_killed_at_any_point) {
  const sweep::Grain grain = or_all(window().kills);
  const sweep::Trace trace = dry_run(grain);
  std::size_t kills = 0;
  std::size_t ended_before = 0;  // in this run the window took another way
  for (at_ = 0; at_ < trace.points.size() && !HasFailure(); ++at_) {
    if (!is_in_share(at_, trace.points.size())) continue;
    SCOPED_TRACE(describe(trace.points[at_], at_));
    auto victim = start();
    if (!victim->run_to(trace.points[at_], grain)) ++ended_before;
    victim->kill();
    ++kills;
    after_kill();
  }
  std::printf("%zu steps, %zu points, %zu kills, %zu at the end of a shorter window\n", std::size_t{trace.steps},
              trace.points.size(), kills, ended_before);
}

TEST_P(Sweep, survivors_neither_wait_for_nor_take_from_a_process_that_is_stopped_at_any_point) {
  if (window().alone) GTEST_SKIP() << "there are no survivors";
  auto victim = start();
  std::size_t stops = 0;
  const auto trace = victim->step_through(or_all(window().stops), [&](const sweep::Point& point, std::size_t index) {
    at_ = index;
    // How many points there will be is not known yet: first all, then fewer and fewer.
    if (!all_points() && index > 16 && index % 8 != 0) return;
    SCOPED_TRACE(describe(point, index));
    const Watchdog watchdog(60s, stalled("because of a stopped process"));
    victim->stop_others();
    survivors_->stand_by();
    victim->continue_others();
    ++stops;
  });
  ASSERT_TRUE(trace.has_value()) << "the victim ended in its window";
  EXPECT_EQ(victim->finish(), 0) << "a victim that goes on does not end well";
  after_end();
  std::printf("%zu steps, %zu points, %zu stops\n", std::size_t{trace->steps}, trace->points.size(), stops);
}

INSTANTIATE_TEST_SUITE_P(windows, Sweep, testing::ValuesIn(windows()), [](const auto& param) {
  return param.param.name + (param.param.keeper ? "_beside_its_keeper" : "");
});

}  // namespace
}  // namespace crash
