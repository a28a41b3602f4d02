// The history of a publisher that outlives it.

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "fixture.hpp"

namespace conformance {
namespace {

BATON_CONFORMANCE_SUITE(Latched);

using baton::Event;
using baton::EventKind;
using baton::Overflow;
using Numbers = std::vector<std::uint64_t>;

constexpr std::string_view kEnded = "it has ended; these were its last messages";

/// A publisher that publishes so many messages, and is gone.
void leave(baton::Node& node, const std::string& topic, std::uint64_t first, std::uint64_t count,
           const baton::QosSettings& settings = {.history = 3, .latched = true}) {
  auto publisher = node.publisher<Message>(topic, settings).value();
  for (std::uint64_t number = first; number < first + count; ++number) publish(publisher, 1, number);
}

/// What a node has been told of one kind.
std::vector<Event> events_of(baton::Node& node, EventKind kind) {
  std::vector<Event> found;
  while (auto event = node.take_event()) {
    if (event->kind == kind) found.push_back(*std::move(event));
  }
  return found;
}

/// How many files a domain has in shared memory, and how many bytes in them.
std::pair<std::size_t, std::uintmax_t> files_of(const std::string& domain) {
  std::pair<std::size_t, std::uintmax_t> sum;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(domains_path() / domain, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    ++sum.first;
    sum.second += entry.file_size(ignored);
  }
  return sum;
}

TEST_P(Latched, history_of_a_publisher_that_closed_reaches_a_later_subscriber) {
  leave(node_, "topic", 0, 10);
  auto late = other_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(late), (Numbers{7, 8, 9}));
  EXPECT_EQ(late.counters().total.offered, 3U);
  EXPECT_EQ(late.counters().total.taken, 3U);
  expect_balanced(late.counters().total);
  EXPECT_EQ(late.publisher_count(), 0U);
}

TEST_P(Latched, history_ends_with_the_topics_next_publisher) {
  leave(node_, "topic", 0, 5);
  auto next = other_.publisher<Message>("topic").value();
  auto late = other_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(late), Numbers{});
  publish(next, 1, 100);
  EXPECT_TRUE(late.wait(10s));
  EXPECT_EQ(take_all(late), (Numbers{100}));
  next.close();
  auto later = node_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(later), Numbers{}) << "it does not come back";
}

TEST_P(Latched, history_ends_with_a_next_publisher_of_another_type_too) {
  leave(node_, "topic", 0, 5);
  { auto next = other_.publisher<other::Message>("topic").value(); }
  auto late = other_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(late), Numbers{});
}

TEST_P(Latched, history_gives_way_to_that_of_the_next_publisher) {
  leave(node_, "topic", 0, 5);
  leave(other_, "topic", 100, 2);
  auto late = node_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(late), (Numbers{100, 101}));
}

TEST_P(Latched, histories_of_publishers_that_ran_side_by_side_all_stay) {
  std::vector<baton::Publisher<Message>> publishers;
  for (std::uint64_t number = 0; number < 20; ++number) {
    publishers.push_back(node_.publisher<Message>("topic", {.history = 1, .latched = true}).value());
    publish(publishers.back(), 1, number);
  }
  publishers.clear();
  auto late = other_.subscriber<Message>("topic").value();
  std::set<std::uint64_t> heard;
  EXPECT_TRUE(eventually([&] {
    for (const std::uint64_t number : take_all(late)) EXPECT_TRUE(heard.insert(number).second) << number << " twice";
    return heard.size() == 20;
  }));
}

TEST_P(Latched, history_reaches_each_of_several_subscribers_once) {
  leave(node_, "topic", 0, 5);
  for (int i = 0; i < 5; ++i) {
    auto late = (i % 2 == 0 ? node_ : other_).subscriber<Message>("topic").value();
    EXPECT_EQ(take_all(late), (Numbers{2, 3, 4}));
    { auto another = node_.subscriber<Message>("topic").value(); }  // has everybody look
    std::this_thread::sleep_for(2ms);
    EXPECT_EQ(take_all(late), Numbers{});
    EXPECT_EQ(late.counters().total.offered, 3U);
  }
}

TEST_P(Latched, history_does_not_reach_a_subscriber_that_was_connected_before) {
  auto publisher = node_.publisher<Message>("topic", {.history = 3, .latched = true}).value();
  auto early = other_.subscriber<Message>("topic").value();
  auto slow = other_.subscriber<Message>("topic").value();
  for (std::uint64_t number = 0; number < 5; ++number) publish(publisher, 1, number);
  EXPECT_EQ(take_all(early), (Numbers{0, 1, 2, 3, 4}));
  publisher.close();
  for (int i = 0; i < 3; ++i) {
    auto late = node_.subscriber<Message>("topic").value();
    EXPECT_EQ(take_all(late), (Numbers{2, 3, 4}));
    std::this_thread::sleep_for(2ms);
    EXPECT_EQ(take_all(early), Numbers{});
  }
  EXPECT_EQ(take_all(slow), (Numbers{0, 1, 2, 3, 4}));
  { auto another = node_.subscriber<Message>("topic").value(); }
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(take_all(slow), Numbers{});
  EXPECT_EQ(early.counters().total.offered, 5U);
  EXPECT_EQ(slow.counters().total.offered, 5U);
}

TEST_P(Latched, history_reaches_a_subscriber_exactly_once_that_joins_while_its_publisher_ends) {
  for (int round = 0; round < 200; ++round) {
    const std::string topic = "topic/" + std::to_string(round);
    auto publisher = node_.publisher<Message>(topic, {.history = 3, .latched = true}).value();
    for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
    std::atomic<bool> go{false};
    std::thread joiner([&] {
      while (!go.load()) {
      }
      auto late = other_.subscriber<Message>(topic, {.depth = 16}).value();
      Numbers heard;
      EXPECT_TRUE(eventually([&] {
        for (const std::uint64_t number : take_all(late)) heard.push_back(number);
        return heard.size() >= 3;
      }));
      std::this_thread::sleep_for(1ms);
      for (const std::uint64_t number : take_all(late)) heard.push_back(number);
      EXPECT_EQ(heard, (Numbers{0, 1, 2})) << "round " << round;
    });
    go = true;
    for (int i = 0; i < round * 10; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    publisher.close();
    joiner.join();
    if (HasFailure()) break;
  }
}

TEST_P(Latched, history_is_limited_to_what_the_subscriber_asks_for_and_has_room_for) {
  leave(node_, "topic", 0, 10, {.history = 8, .latched = true});
  auto none = other_.subscriber<Message>("topic", {.history = 0}).value();
  auto two = other_.subscriber<Message>("topic", {.history = 2}).value();
  auto shallow = other_.subscriber<Message>("topic", {.depth = 3}).value();
  auto asking = other_.subscriber<Message>("topic", {.latched = true}).value();
  EXPECT_EQ(take_all(none), Numbers{});
  EXPECT_EQ(take_all(two), (Numbers{8, 9}));
  EXPECT_EQ(take_all(shallow), (Numbers{7, 8, 9}));
  EXPECT_EQ(take_all(asking), (Numbers{2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(shallow.counters().total.dropped(), 0U);
}

TEST_P(Latched, publisher_that_has_not_published_leaves_nothing) {
  auto early = node_.subscriber<Message>("topic").value();
  leave(node_, "topic", 0, 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(domains_path() / domain_)) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("latched-")) << entry.path();
  }
  auto late = node_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(late), Numbers{});
  EXPECT_EQ(late.counters().total.offered, 0U);
}

TEST_P(Latched, history_shorter_than_asked_for_reaches_a_later_subscriber_whole) {
  leave(node_, "topic", 0, 2, {.history = 5, .latched = true});
  auto late = other_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(late), (Numbers{0, 1}));
}

TEST_P(Latched, history_is_told_as_a_connection_that_has_ended) {
  leave(node_, "topic", 0, 5);
  while (other_.take_event()) {
  }
  auto late = other_.subscriber<Message>("topic").value();
  std::vector<Event> told;
  while (auto event = other_.take_event()) {
    if (event->topic == "topic") told.push_back(*std::move(event));
  }
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].kind, EventKind::matched);
  EXPECT_EQ(told[0].peer, "first");
  EXPECT_EQ(told[1].kind, EventKind::unmatched);
  EXPECT_EQ(told[1].peer, "first");
  EXPECT_EQ(told[1].reason, kEnded);
  EXPECT_EQ(take_all(late), (Numbers{2, 3, 4}));
  std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(events_of(other_, EventKind::unmatched).empty());
}

TEST_P(Latched, messages_say_who_published_them_and_when) {
  std::uint64_t publisher_id = 0;
  std::uint64_t stamp = 0;
  auto early = node_.subscriber<Message>("topic").value();
  leave(node_, "topic", 0, 5);
  while (const auto sample = early.take()) {
    publisher_id = sample.info().publisher_id;
    stamp = sample.info().stamp_ns;
  }
  auto late = other_.subscriber<Message>("topic", {.history = 1}).value();
  const auto sample = late.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample.info().topic, "topic");
  EXPECT_EQ(sample.info().publisher, "first");
  EXPECT_EQ(sample.info().publisher_id, publisher_id);
  EXPECT_EQ(sample.info().sequence, 4U);
  EXPECT_EQ(sample.info().stamp_ns, stamp);
  EXPECT_EQ(sample.info().dropped_before, 0U);
}

TEST_P(Latched, history_of_another_type_is_refused_once_and_told) {
  leave(node_, "topic", 0, 5);
  auto late = other_.subscriber<other::Message>("topic").value();
  { auto another = node_.subscriber<Message>("topic").value(); }  // has everybody look
  std::this_thread::sleep_for(5ms);
  const auto refused = events_of(other_, EventKind::refused);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].peer, "first");
  EXPECT_NE(refused[0].reason.find("the types differ"), std::string::npos) << refused[0].reason;
  EXPECT_FALSE(late.take());
  EXPECT_EQ(late.counters().total.offered, 0U);
}

TEST_P(Latched, history_of_a_publisher_that_was_refused_is_not_refused_again) {
  auto publisher = node_.publisher<Message>("topic", {.history = 3, .latched = true}).value();
  publish(publisher, 1, 0);
  auto subscriber = other_.subscriber<other::Message>("topic").value();
  std::size_t refused = 0;
  EXPECT_TRUE(eventually([&] { return (refused += events_of(other_, EventKind::refused).size()) == 1; }));
  publisher.close();
  for (int i = 0; i < 3; ++i) {
    { auto another = node_.subscriber<Message>("topic").value(); }  // has everybody look
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_TRUE(events_of(other_, EventKind::refused).empty());
  EXPECT_FALSE(subscriber.take());
}

TEST_P(Latched, history_that_does_not_grant_what_is_asked_is_refused) {
  leave(node_, "topic", 0, 5);
  auto late = other_.subscriber<Message>("topic", {.overflow = Overflow::block}).value();
  EXPECT_EQ(take_all(late), Numbers{});
  EXPECT_EQ(events_of(other_, EventKind::refused).size(), 1U);
}

TEST_P(Latched, history_grows_old) {
  leave(node_, "topic", 0, 5, {.history = 3, .lifespan = 10ms, .latched = true});
  std::this_thread::sleep_for(20ms);
  auto late = other_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(late), Numbers{});
  EXPECT_EQ(late.counters().total.dropped_expired, 3U);
  expect_balanced(late.counters().total);
}

TEST_P(Latched, history_passes_under_every_policy) {
  for (const Overflow overflow : {Overflow::drop_oldest, Overflow::drop_newest, Overflow::reject, Overflow::block}) {
    SCOPED_TRACE(to_string(overflow));
    leave(node_, "topic", 0, 9, {.overflow = overflow, .history = 4, .latched = true});
    auto late = other_.subscriber<Message>("topic", {.depth = 4, .max_held = 1}).value();
    for (std::uint64_t number = 5; number < 9; ++number) {
      const auto sample = late.take();
      ASSERT_TRUE(sample);
      EXPECT_EQ(sample->number, number);
      EXPECT_FALSE(late.take()) << "beyond the holding limit";
    }
    EXPECT_FALSE(late.take());
    EXPECT_EQ(late.counters().total.dropped(), 0U);
    expect_balanced(late.counters().total);
  }
}

TEST_P(Latched, samples_stay_as_they_are_when_the_next_publisher_comes) {
  leave(node_, "topic", 0, 5);
  auto late = other_.subscriber<Message>("topic").value();
  auto held = late.take();
  ASSERT_TRUE(held);
  auto next = node_.publisher<Message>("topic", {.history = 3, .latched = true}).value();
  EXPECT_TRUE(eventually([&] { return next.subscriber_count() == 1; }));
  for (std::uint64_t number = 100; number < 150; ++number) publish(next, 2, number);
  EXPECT_EQ(held->number, 2U);
  EXPECT_EQ(held->checksum, checksum_of(*held));
  Numbers heard = take_all(late);
  std::sort(heard.begin(), heard.end());
  EXPECT_EQ(heard, (Numbers{3, 4, 142, 143, 144, 145, 146, 147, 148, 149}));
  held.release();
  EXPECT_EQ(take_all(late), Numbers{});
  expect_balanced(late.counters().total);
  EXPECT_TRUE(late.audit().empty());
}

TEST_P(Latched, messages_have_sizes_of_their_own) {
  {
    auto publisher = node_.publisher<Cloud>("topic", {.history = 4, .latched = true}).value();
    for (const std::size_t points : {1U, 3'000U, 10U, 100'000U, 0U, 500U}) {
      auto loan = publisher.loan(points);
      ASSERT_TRUE(loan);
      (*loan)->number = points;
      for (std::size_t i = 0; i < points; ++i) loan->data()[i].intensity = static_cast<std::uint32_t>(points + i);
      ASSERT_TRUE(loan->publish());
    }
  }
  auto late = other_.subscriber<Cloud>("topic").value();
  for (const std::size_t points : {10U, 100'000U, 0U, 500U}) {
    const auto sample = late.take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->number, points);
    ASSERT_EQ(sample.data().size(), points);
    for (std::size_t i = 0; i < points; ++i) ASSERT_EQ(sample.data()[i].intensity, points + i);
  }
  EXPECT_FALSE(late.take());
}

TEST_P(Latched, history_reaches_a_callback) {
  leave(node_, "topic", 0, 5);
  auto late = other_.subscriber<Message>("topic").value();
  Heard heard;
  late.on_message([&](const baton::Sample<Message>& sample) { heard.note(sample->number); });
  EXPECT_TRUE(heard.is({2, 3, 4}));
  finish(late);
}

TEST_P(Latched, history_reaches_a_generic_subscriber) {
  leave(node_, "topic", 0, 5);
  auto late = other_.generic_subscriber("**").value();
  for (std::uint64_t sequence = 2; sequence < 5; ++sequence) {
    ASSERT_TRUE(late.wait(10s));
    const auto sample = late.take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample.info().sequence, sequence);
  }
}

TEST_P(Latched, history_stays_when_everybody_has_left_the_domain) {
  leave(node_, "topic", 0, 5);
  {
    const baton::Node first = std::move(node_);
    const baton::Node second = std::move(other_);
  }
  for (int i = 0; i < 2; ++i) {
    baton::Node newcomer = open_node("newcomer");
    auto late = newcomer.subscriber<Message>("topic").value();
    EXPECT_EQ(take_all(late), (Numbers{2, 3, 4}));
    auto generic = newcomer.generic_subscriber("top*").value();
    EXPECT_TRUE(generic.wait(10s));
  }
  {
    baton::Node newcomer = open_node("newcomer");
    auto next = newcomer.publisher<Message>("topic").value();
  }
  EXPECT_TRUE(eventually([&] { return files_of(domain_).first == 0; }));
}

TEST_P(Latched, history_of_a_topic_is_not_that_of_another) {
  leave(node_, "topic", 0, 5);
  { auto next = node_.publisher<Message>("topic/another").value(); }
  auto another = other_.subscriber<Message>("topic/another").value();
  auto late = other_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(another), Numbers{});
  EXPECT_EQ(take_all(late), (Numbers{2, 3, 4}));
}

TEST_P(Latched, history_is_not_given_while_its_publisher_is_there) {
  auto publisher = node_.publisher<Message>("topic", {.history = 3, .latched = true}).value();
  for (std::uint64_t number = 0; number < 5; ++number) publish(publisher, 1, number);
  auto late = other_.subscriber<Message>("topic", {.depth = 16}).value();
  EXPECT_TRUE(late.wait(10s));
  EXPECT_EQ(take_all(late), (Numbers{2, 3, 4}));
  EXPECT_EQ(late.publisher_count(), 1U);
  auto beside = node_.publisher<Message>("topic").value();  // removes nothing of a publisher that is there
  publisher.close();
  auto later = other_.subscriber<Message>("topic").value();
  EXPECT_EQ(take_all(later), (Numbers{2, 3, 4}));
}

TEST_P(Latched, publishers_may_come_and_go_for_ever) {
  auto standing = other_.subscriber<Message>("topic", {.depth = 1}).value();
  std::pair<std::size_t, std::uintmax_t> first;
  for (std::uint64_t round = 0; round < 1'000; ++round) {
    leave(node_, "topic", round, 1, {.history = 1, .latched = true});
    auto late = node_.subscriber<Message>("topic", {.depth = 1}).value();
    ASSERT_EQ(take_all(late), (Numbers{round}));
    ASSERT_EQ(take_all(standing), (Numbers{round}));
    late.close();
    if (round == 20) first = files_of(domain_);
    if (round > 20 && round % 100 == 0) {
      EXPECT_TRUE(eventually([&] {
        take_all(standing);
        return files_of(domain_).first <= first.first && files_of(domain_).second <= first.second;
      })) << files_of(domain_).first
          << " files with " << files_of(domain_).second << " bytes, after 20 rounds " << first.first << " with "
          << first.second;
    }
  }
}

}  // namespace
}  // namespace conformance
