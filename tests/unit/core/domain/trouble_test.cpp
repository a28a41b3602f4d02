#include "baton/domain/trouble.hpp"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <functional>
#include <thread>

#include <gmock/gmock.h>

#include "place.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t kBucket = 3;

/// A port without anything to it, on a node without a keeper.
class ConcernTest : public testing::Test, public Kept {
 protected:
  ConcernTest() {
    member_->add(kBucket, *this);
    member_->keep(0ns);
    calls_ = 0;
  }
  ~ConcernTest() override { member_->remove(*this); }

  void keep(std::vector<Event>& /*to_announce*/) noexcept override {
    ++calls_;
    if (look_) concern_.look(look_);
  }

  Place place_;
  const std::shared_ptr<Member> member_ = place_.join("node", false);
  int calls_ = 0;
  std::function<bool()> look_;
  Concern concern_{*member_, kBucket, *this};
};

TEST_F(ConcernTest, that_is_raised_often_calls_the_keeper_once) {
  int looks = 0;
  look_ = [&] {
    ++looks;
    return true;
  };
  for (int i = 0; i < 5; ++i) concern_.raise();
  member_->keep(0ns);
  EXPECT_EQ(calls_, 1);
  for (int i = 0; i < 5; ++i) concern_.raise();
  member_->keep(0ns);
  EXPECT_EQ(calls_, 1) << "it looks by itself, when it is time";
  EXPECT_EQ(looks, 1);
}

TEST_F(ConcernTest, is_looked_at_ten_times_a_second_until_nothing_is_new) {
  std::vector<bool> news = {true, true};
  look_ = [&] {
    const bool any = !news.empty();
    if (any) news.pop_back();
    return any;
  };
  concern_.raise();
  const auto started = std::chrono::steady_clock::now();
  while (!news.empty()) member_->keep(10s);
  EXPECT_GE(std::chrono::steady_clock::now() - started, 100ms);
  while (calls_ < 3) member_->keep(10s);
  member_->keep(150ms);
  EXPECT_EQ(calls_, 3) << "the last look found nothing";
  news = {true};
  concern_.raise();
  member_->keep(0ns);
  EXPECT_EQ(calls_, 4);
  EXPECT_TRUE(news.empty());
}

TEST_F(ConcernTest, that_nobody_raised_is_only_looked_at_unasked) {
  int looks = 0;
  const auto look = [&] {
    ++looks;
    return false;
  };
  concern_.look(look);
  EXPECT_EQ(looks, 0);
  concern_.look(look, true);
  EXPECT_NE(looks, 0);
}

/// Has the calling thread run on one of the processors that it may run on, as long as this lives.
class OnProcessor {
 public:
  explicit OnProcessor(int number) {
    ::pthread_getaffinity_np(::pthread_self(), sizeof(before_), &before_);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &before_) || number-- != 0) continue;
      cpu_set_t only;
      CPU_ZERO(&only);
      CPU_SET(cpu, &only);
      ::pthread_setaffinity_np(::pthread_self(), sizeof(only), &only);
    }
  }
  ~OnProcessor() { ::pthread_setaffinity_np(::pthread_self(), sizeof(before_), &before_); }
  OnProcessor(const OnProcessor&) = delete;
  OnProcessor& operator=(const OnProcessor&) = delete;

 private:
  cpu_set_t before_{};
};

void wait_for(const std::atomic<std::uint64_t>& word, std::uint64_t value) {
  for (int looks = 0; word.load(std::memory_order_acquire) < value; ++looks) {
    if (looks > 1'000) std::this_thread::yield();  // the other one is not running now
  }
}

TEST_F(ConcernTest, that_is_raised_while_the_keeper_ends_it_is_told_or_raised_again) {
  // On two processors at the same moment, some ten thousand times: enough to find one, or a few, that is lost because
  // either side looks before its store is seen.
  constexpr std::uint64_t kEnd = UINT64_MAX;
  alignas(64) std::atomic<std::uint64_t> figure{0};
  alignas(64) std::atomic<std::uint64_t> turn{0};
  alignas(64) std::atomic<std::uint64_t> done{0};
  std::thread hot([&] {
    const OnProcessor here(1);
    for (std::uint64_t round = 1; turn.load(std::memory_order_relaxed) != kEnd; ++round) {
      wait_for(turn, round);
      concern_.raise();  // so that the next one is quick
      figure.store(round, std::memory_order_relaxed);
      concern_.raise();
      done.store(round, std::memory_order_release);
    }
  });
  const OnProcessor here(0);
  const auto deadline = std::chrono::steady_clock::now() + 1s;
  std::uint64_t lost = 0;
  for (std::uint64_t round = 1; std::chrono::steady_clock::now() < deadline; ++round) {
    concern_.raise();
    member_->keep(0ns);
    calls_ = 0;
    std::uint64_t seen = 0;
    const auto look = [&] {
      seen = figure.load(std::memory_order_relaxed);
      return false;
    };
    turn.store(round, std::memory_order_release);
    for (std::uint64_t i = 0; i < 800 + round % 1'024; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    concern_.look(look, true);
    wait_for(done, round);
    member_->keep(0ns);
    if (seen != round && calls_ == 0) ++lost;
  }
  turn = kEnd;
  hot.join();
  EXPECT_EQ(lost, 0U);
}

class ToldTest : public testing::Test {
 protected:
  /// What is reported of these figures: kind, reason and count.
  std::vector<std::string> tell(const Trouble& now) {
    std::vector<Event> reported;
    will_go_on_ = told_.tell(now, events_, "topic", "peer", reported);
    std::vector<std::string> lines;
    for (const Event& event : reported) {
      EXPECT_EQ(event.topic, "topic");
      EXPECT_EQ(event.peer, "peer");
      lines.push_back(fmt::format("{} {} {}", to_string(event.kind), event.count, event.reason));
    }
    return lines;
  }
  using Lines = std::vector<std::string>;

  EventQueue events_{"node"};
  Told told_;
  bool will_go_on_ = false;
};

TEST_F(ToldTest, drops_are_reported_once_for_each_policy_with_how_many_are_new) {
  EXPECT_EQ(tell({}), Lines{});
  EXPECT_FALSE(will_go_on_);
  EXPECT_THAT(tell({3, 4, 5, 6, false}),
              ElementsAre(HasSubstr("dropped 3 drop_oldest"), HasSubstr("dropped 4 drop_newest"),
                          HasSubstr("dropped 5 there was no room in time"), HasSubstr("dropped 6 lifespan")));
  EXPECT_TRUE(will_go_on_);
  EXPECT_EQ(tell({3, 4, 5, 6, false}), Lines{});
  EXPECT_FALSE(will_go_on_);
  EXPECT_THAT(tell({3, 4, 7, 6, false}), ElementsAre(HasSubstr("dropped 2 there was no room in time")));
}

TEST_F(ToldTest, figures_that_go_back_are_nothing_new) {
  tell({10, 0, 0, 0, false});
  EXPECT_EQ(tell({2, 0, 0, 0, false}), Lines{});
  EXPECT_THAT(tell({11, 0, 0, 0, false}), ElementsAre(HasSubstr("dropped 1 drop_oldest")));
}

TEST_F(ToldTest, congestion_is_reported_when_it_begins_and_ends_and_there_is_more_to_come_meanwhile) {
  EXPECT_EQ(tell({0, 0, 0, 0, true}), (Lines{"congested 0 "}));
  EXPECT_EQ(tell({0, 0, 0, 0, true}), Lines{});
  EXPECT_TRUE(will_go_on_);
  EXPECT_EQ(tell({}), (Lines{"relieved 0 "}));
  EXPECT_EQ(tell({}), Lines{});
  EXPECT_FALSE(will_go_on_);
}

TEST(Levels, of_short_queues_are_not_watched) {
  EXPECT_EQ(congested_from(31), UINT64_MAX);
  EXPECT_EQ(congested_from(50), 40U);
  EXPECT_EQ(relieved_at(50), 20U);
}

}  // namespace
}  // namespace baton::domain
