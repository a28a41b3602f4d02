#include "baton/domain/deadline.hpp"

#include <gtest/gtest.h>

namespace baton::domain {
namespace {

using namespace std::chrono_literals;

class DeadlineTest : public testing::Test {
 protected:
  static std::uint64_t stamp_of(Deadline::Time time) {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count());
  }
  void publish(std::uint64_t stamp) { publisher_->publisher.last_stamp.store(stamp); }

  const std::shared_ptr<PortFile> publisher_ = std::make_shared<PortFile>();
  Deadline deadline_{1s, StampClock(Stamp::monotonic), publisher_};
  const Deadline::Time now_ = std::chrono::steady_clock::now();
};

TEST_F(DeadlineTest, is_missed_once_until_the_next_message) {
  EXPECT_FALSE(deadline_.is_missed(now_));
  EXPECT_LE(deadline_.next(now_), now_ + 1s);
  EXPECT_TRUE(deadline_.is_missed(now_ + 1s));
  EXPECT_FALSE(deadline_.is_missed(now_ + 2s));
  publish(stamp_of(now_ + 3s));
  EXPECT_FALSE(deadline_.is_missed(now_ + 3900ms));
  EXPECT_EQ(deadline_.next(now_ + 3900ms), now_ + 4s);
  EXPECT_TRUE(deadline_.is_missed(now_ + 4s));
  publish(stamp_of(now_ + 5s));
  EXPECT_TRUE(deadline_.is_missed(now_ + 6s)) << "and the one before has come";
}

TEST_F(DeadlineTest, is_looked_at_seldom_while_it_stays_missed) {
  Deadline strict(1ms, StampClock(Stamp::monotonic), publisher_);
  EXPECT_TRUE(strict.is_missed(now_ + 1s));
  EXPECT_EQ(strict.next(now_ + 1s), now_ + 1100ms);
  publish(stamp_of(now_ + 1050ms));
  EXPECT_TRUE(strict.is_missed(now_ + 1100ms)) << "late, and yet";
  EXPECT_FALSE(strict.is_missed(now_ + 1200ms));
}

TEST_F(DeadlineTest, is_watched_on_whatever_a_damaged_file_says_of_the_last_message) {
  Deadline::Time now = now_ + 10s;
  for (const std::uint64_t stamp :
       {stamp_of(now_ + 24h), std::uint64_t{INT64_MAX}, std::uint64_t{INT64_MAX} + 1, UINT64_MAX - 1, UINT64_MAX}) {
    publish(stamp);
    EXPECT_FALSE(deadline_.is_missed(now)) << stamp;
    EXPECT_EQ(deadline_.next(now), now + 1s) << stamp;
    EXPECT_TRUE(deadline_.is_missed(now + 1s)) << stamp;
    now += 10s;
  }
}

}  // namespace
}  // namespace baton::domain
