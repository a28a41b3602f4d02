// Eight publishers and eight subscribers of one topic, or one and eight, of every policy, that come, leave and are
// killed as chance will have it. Every message is accounted for by what it carries, not by baton's counters; then the
// counters have to agree.
//
// BATON_STRESS_SECONDS=120 is the acceptance run; BATON_SEED repeats its choices.

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "place.hpp"
#include "process.hpp"

namespace crash {
namespace {

using Clock = std::chrono::steady_clock;

class Chance : public testing::Test {
 protected:
  static constexpr std::size_t kOfEach = 8;

  struct Publishing {
    std::unique_ptr<Child> child;
    std::uint32_t writer = 0;
  };

  ~Chance() override {
    EXPECT_TRUE(eventually([this] { return is_gone(domain_); })) << domain_ << " is left";
  }

  std::uint32_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, static_cast<std::uint32_t>(limit) - 1)(random_);
  }
  std::string seed() { return std::to_string(random_() & 0x7FFFFFFFU); }

  void start(Publishing& publishing) {
    publishing.writer = ++writers_;
    publishing.child = std::make_unique<Child>(
        std::vector<std::string>{"random_publisher", domain_, std::to_string(publishing.writer), seed(), kind_});
    ASSERT_EQ(publishing.child->hear(), "ready");
  }
  void start(std::unique_ptr<Child>& subscribing) {
    subscribing = std::make_unique<Child>(std::vector<std::string>{"random_subscriber", domain_, seed(), kind_});
    ASSERT_EQ(subscribing->hear(), "ready");
  }

  /// A line that is no error; what is wrong is a failure.
  static std::string heard(Child& child, std::string_view who) {
    const auto line = child.hear(60s);
    if (!line || line->starts_with("error")) {
      ADD_FAILURE() << who << ": " << line.value_or("says nothing");
      return {};
    }
    return *line;
  }

  /// Somebody leaves, or is killed, and another one comes.
  void change_somebody() {
    const bool kill = below(2) == 0;
    if (below(2) == 0) {
      Publishing& publishing = publishers_[below(publishers_.size())];
      if (kill) {
        publishing.child->kill();
      } else {
        publishing.child->tell("finish");
        heard(*publishing.child, "a publisher that leaves");
        EXPECT_EQ(publishing.child->wait(), 0);
      }
      start(publishing);
    } else {
      auto& subscribing = subscribers_[below(subscribers_.size())];
      if (kill) {
        subscribing->kill();
      } else {
        subscribing->tell("finish");
        heard(*subscribing, "a subscriber that leaves");
        EXPECT_EQ(subscribing->wait(), 0);
      }
      start(subscribing);
    }
    ++changes_;
  }

  /// Everybody rests. Then of each pair, every message that was offered was taken or is counted as dropped.
  void settle_accounts() {
    std::map<std::uint32_t, std::uint64_t> published;
    for (Publishing& publishing : publishers_) publishing.child->tell("pause");
    for (Publishing& publishing : publishers_) {
      const std::string line = heard(*publishing.child, "a publisher");
      if (!line.empty()) published[publishing.writer] = std::stoull(line);
    }
    for (auto& subscribing : subscribers_) subscribing->tell("report");
    for (auto& subscribing : subscribers_) {
      std::istringstream report(heard(*subscribing, "a subscriber"));
      std::string ok;
      report >> ok;
      std::uint32_t writer = 0;
      std::uint64_t first = 0;
      std::uint64_t taken = 0;
      std::uint64_t missing = 0;
      std::uint64_t offered = 0;
      std::uint64_t counted = 0;
      std::uint64_t dropped = 0;
      while (report >> writer >> first >> taken >> missing >> offered >> counted >> dropped) {
        ++pairs_;
        const std::string pair = "writer " + std::to_string(writer);
        ASSERT_TRUE(published.contains(writer)) << pair;
        EXPECT_EQ(offered, published[writer] - first) << pair;
        EXPECT_EQ(counted, taken) << pair;
        EXPECT_EQ(dropped, offered - taken) << pair;
        EXPECT_GE(dropped, missing) << pair;
        messages_ += taken;
      }
    }
    for (Publishing& publishing : publishers_) publishing.child->tell("resume");
  }

  void run(std::size_t publishers, const std::string& kind);

  const std::string domain_ = unique_domain();
  std::string kind_;
  const unsigned seed_ = number_from("BATON_SEED", std::random_device{}());
  std::mt19937 random_{seed_};
  std::vector<Publishing> publishers_;
  std::vector<std::unique_ptr<Child>> subscribers_ = std::vector<std::unique_ptr<Child>>(kOfEach);
  std::uint32_t writers_ = 0;
  std::uint64_t changes_ = 0;
  std::uint64_t pairs_ = 0;
  std::uint64_t messages_ = 0;
};

void Chance::run(std::size_t publishers, const std::string& kind) {
  kind_ = kind;
  publishers_.resize(publishers);
  SCOPED_TRACE("BATON_SEED=" + std::to_string(seed_));
  for (Publishing& publishing : publishers_) ASSERT_NO_FATAL_FAILURE(start(publishing));
  for (auto& subscribing : subscribers_) ASSERT_NO_FATAL_FAILURE(start(subscribing));
  const auto end = Clock::now() + std::chrono::seconds(number_from("BATON_STRESS_SECONDS", 6));
  // Where all is slow it may take longer until somebody has got something of somebody.
  while ((Clock::now() < end || (pairs_ == 0 && Clock::now() < end + 60s)) && !HasFailure()) {
    for (int i = 0; i < 8 && !HasFatalFailure(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(below(100)));
      change_somebody();
    }
    if (!HasFatalFailure()) settle_accounts();
  }
  for (Publishing& publishing : publishers_) publishing.child->tell("finish");
  for (auto& subscribing : subscribers_) subscribing->tell("finish");
  for (Publishing& publishing : publishers_) EXPECT_EQ(publishing.child->wait(), 0);
  for (auto& subscribing : subscribers_) EXPECT_EQ(subscribing->wait(), 0);
  std::printf("%llu changes, %llu pairs settled, %llu messages in their accounts\n",
              static_cast<unsigned long long>(changes_), static_cast<unsigned long long>(pairs_),
              static_cast<unsigned long long>(messages_));
  EXPECT_GT(pairs_, 0U);
}

TEST_F(Chance, loses_no_message_from_the_accounts_of_eight_publishers_and_eight_subscribers) { run(kOfEach, "small"); }

TEST_F(Chance, loses_no_message_of_any_size_from_the_accounts_of_one_publisher_and_eight_subscribers) {
  run(1, "large");
}

}  // namespace
}  // namespace crash
