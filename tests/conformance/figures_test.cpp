// What ports count, what they tell of it in events, and what an audit of their books says.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "fixture.hpp"

namespace conformance {

BATON_CONFORMANCE_SUITE(Figures);
BATON_CONFORMANCE_SUITE(TroubleEvents);
BATON_CONFORMANCE_SUITE(Deadline);
BATON_CONFORMANCE_SUITE(Flush);
BATON_CONFORMANCE_SUITE(Audit);

using baton::EventKind;
using baton::Overflow;

/// Takes a node's events until one of a kind comes; adds up the counts of all of that kind so far.
class Listener {
 public:
  explicit Listener(baton::Node& node) : node_(node) {}

  void listen() {
    while (auto event = node_.take_event()) all_.push_back(*std::move(event));
  }
  std::uint64_t count(EventKind kind) {
    listen();
    std::uint64_t count = 0;
    for (const baton::Event& event : all_) count += event.kind == kind ? 1 : 0;
    return count;
  }
  std::uint64_t sum(EventKind kind, std::string_view reason) {
    listen();
    std::uint64_t sum = 0;
    for (const baton::Event& event : all_) sum += event.kind == kind && event.reason == reason ? event.count : 0;
    return sum;
  }
  /// Whether the last one of `before` came earlier than the only one of `after`.
  bool in_order(EventKind before, EventKind after) {
    listen();
    const auto is_of = [](EventKind kind) { return [kind](const baton::Event& event) { return event.kind == kind; }; };
    const auto end = std::find_if(all_.begin(), all_.end(), is_of(after));
    return end != all_.end() && std::none_of(end, all_.end(), is_of(before));
  }
  const baton::Event& last(EventKind kind) const {
    const auto found = std::find_if(all_.rbegin(), all_.rend(), [&](const baton::Event& e) { return e.kind == kind; });
    return *found;
  }

 private:
  baton::Node& node_;
  std::vector<baton::Event> all_;
};

TEST_P(Figures, of_a_publisher_count_messages_bytes_and_the_sleepers_that_were_rung) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic").value();
  for (std::uint64_t number = 0; number < 5; ++number) publish(publisher, 1, number);
  EXPECT_EQ(publisher.counters().published, 5U);
  EXPECT_EQ(publisher.counters().bytes, 5 * sizeof(Message));
  EXPECT_EQ(publisher.counters().wakeups, 0U) << "nobody slept";
  take_all(subscriber);
  std::thread reader([&] {
    EXPECT_TRUE(subscriber.wait(30s));
    EXPECT_TRUE(subscriber.take());
  });
  std::this_thread::sleep_for(50ms);  // likely to be asleep by now; if not, it is the next one that rings
  std::uint64_t number = 5;
  while (publisher.counters().wakeups == 0 && number < 2'000) {
    publish(publisher, 1, number++);
    std::this_thread::sleep_for(1ms);
  }
  reader.join();
  EXPECT_EQ(publisher.counters().wakeups, 1U);
}

TEST_P(Figures, of_messages_with_sizes_of_their_own_count_the_bytes_that_they_take) {
  auto publisher = node_.publisher<Cloud>("cloud").value();
  auto small = publisher.loan(1).value();
  small.data()[0] = {};
  EXPECT_TRUE(small.publish());
  const std::uint64_t one = publisher.counters().bytes;
  auto large = publisher.loan(1'000).value();
  std::fill(large.data().begin(), large.data().end(), Point{});
  EXPECT_TRUE(large.publish());
  EXPECT_EQ(publisher.counters().bytes, 2 * one + 999 * sizeof(Point));
}

TEST_P(Figures, have_the_exact_high_water_mark_of_a_queue) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 100}).value();
  std::uint64_t number = 0;
  for (const std::uint64_t burst : {3U, 7U, 1U, 42U, 41U}) {
    for (std::uint64_t i = 0; i < burst; ++i) publish(publisher, 1, number++);
    take_all(subscriber);
  }
  EXPECT_EQ(subscriber.counters().total.high_water, 42U);
  EXPECT_EQ(subscriber.counters().connections.at(0).high_water, 42U);
  EXPECT_EQ(publisher.counters().connections.at(0).high_water, 42U);
}

TEST_P(Figures, have_no_higher_water_mark_than_the_depth_however_fast_messages_come) {
  constexpr std::uint32_t kDepth = 8;
  auto publisher = node_.publisher<Message>("topic").value();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t number = 0; !done; ++number) publish(publisher, 1, number);
  });
  for (int round = 0; round < 30; ++round) {  // the first take is the slowest
    auto subscriber = other_.subscriber<Message>("topic", {.depth = kDepth, .overflow = Overflow::drop_oldest}).value();
    const auto end = std::chrono::steady_clock::now() + (round == 0 ? 300ms : 2ms);
    while (std::chrono::steady_clock::now() < end) static_cast<void>(subscriber.take());
    EXPECT_LE(subscriber.counters().total.high_water, kDepth);
  }
  done = true;
  writer.join();
}

TEST_P(Figures, have_the_latency_of_messages_that_end_a_wait_and_of_one_in_128) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = node_.subscriber<Message>("topic", {.depth = 2'000}).value();
  for (std::uint64_t number = 0; number < 1'280; ++number) publish(publisher, 1, number);
  std::this_thread::sleep_for(2ms);
  take_all(subscriber);
  const auto latency = subscriber.counters().latency;
  EXPECT_EQ(latency.samples, 10U);
  EXPECT_GE(latency.p50_ns, 2'000'000U);
  EXPECT_GE(latency.p99_ns, latency.p50_ns);
  EXPECT_GE(latency.max_ns, latency.p99_ns);
  EXPECT_LT(latency.max_ns, 30'000'000'000U);
  std::thread writer([&] {
    std::this_thread::sleep_for(50ms);
    publish(publisher, 1, 1'280);
  });
  EXPECT_TRUE(subscriber.wait(30s));
  EXPECT_TRUE(subscriber.take());
  writer.join();
  EXPECT_EQ(subscriber.counters().latency.samples, 11U);
}

TEST_P(Figures, have_no_latency_without_stamps) {
  auto publisher = node_.publisher<Message>("topic", {.stamp = baton::Stamp::off}).value();
  auto subscriber = node_.subscriber<Message>("topic").value();
  publish(publisher, 1, 0);
  EXPECT_EQ(take_all(subscriber).size(), 1U);
  EXPECT_EQ(subscriber.counters().latency.samples, 0U);
}

TEST_P(TroubleEvents, tell_both_sides_how_many_messages_were_dropped_and_why) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 2, .overflow = Overflow::drop_oldest}).value();
  Listener of_writer(node_);
  Listener of_reader(other_);
  for (std::uint64_t number = 0; number < 12; ++number) publish(publisher, 1, number);
  for (Listener* const listener : {&of_writer, &of_reader}) {
    ASSERT_TRUE(eventually([&] { return listener->sum(EventKind::dropped, baton::drop_reason::kOldest) == 10; }))
        << listener->sum(EventKind::dropped, baton::drop_reason::kOldest);
    EXPECT_EQ(listener->last(EventKind::dropped).topic, "topic");
  }
  EXPECT_EQ(of_writer.last(EventKind::dropped).peer, "second");
  EXPECT_EQ(of_reader.last(EventKind::dropped).peer, "first");
  publish(publisher, 1, 12);  // another one, long after or soon: it is told as well
  EXPECT_TRUE(eventually([&] { return of_reader.sum(EventKind::dropped, baton::drop_reason::kOldest) == 11; }));
}

TEST_P(TroubleEvents, are_few_however_many_messages_are_dropped) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 1, .overflow = Overflow::drop_oldest}).value();
  Listener of_reader(other_);
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t number = 0;
  while (std::chrono::steady_clock::now() - begin < 500ms) publish(publisher, 1, number++);
  EXPECT_TRUE(eventually([&] { return of_reader.sum(EventKind::dropped, baton::drop_reason::kOldest) == number - 1; }));
  const auto tenths = (std::chrono::steady_clock::now() - begin) / 100ms;
  EXPECT_LE(of_reader.count(EventKind::dropped), 2 * static_cast<std::uint64_t>(tenths) + 4);
}

TEST_P(TroubleEvents, tell_the_subscriber_alone_what_was_too_old) {
  auto publisher = node_.publisher<Message>("topic", {.lifespan = 5ms}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 2, .overflow = Overflow::drop_oldest}).value();
  Listener of_writer(node_);
  Listener of_reader(other_);
  publish(publisher, 1, 0);
  std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(subscriber.take());
  for (std::uint64_t number = 1; number <= 5; ++number) publish(publisher, 1, number);  // of which both are told
  for (Listener* const listener : {&of_writer, &of_reader}) {
    EXPECT_TRUE(eventually([&] { return listener->sum(EventKind::dropped, baton::drop_reason::kOldest) == 3; }));
  }
  EXPECT_TRUE(eventually([&] { return of_reader.sum(EventKind::dropped, baton::drop_reason::kExpired) == 1; }));
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(of_writer.sum(EventKind::dropped, baton::drop_reason::kExpired), 0U);
}

TEST_P(TroubleEvents, tell_both_sides_when_a_queue_is_congested_and_when_it_is_relieved) {
  auto publisher = node_.publisher<Message>("topic", {.overflow = Overflow::reject}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 50, .max_held = 8}).value();
  Listener of_writer(node_);
  Listener of_reader(other_);
  for (std::uint64_t number = 0; number < 41; ++number) ASSERT_TRUE(publish(publisher, 1, number));
  for (Listener* const listener : {&of_writer, &of_reader}) {
    EXPECT_TRUE(eventually([&] { return listener->count(EventKind::congested) == 1; }));
    EXPECT_EQ(listener->count(EventKind::relieved), 0U);
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(subscriber.take());
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(of_writer.count(EventKind::relieved), 0U) << "21 are queued still";
  EXPECT_TRUE(subscriber.take());
  for (Listener* const listener : {&of_writer, &of_reader}) {
    ASSERT_TRUE(eventually([&] { return listener->count(EventKind::relieved) == 1; }));
    EXPECT_EQ(listener->count(EventKind::congested), 1U);
  }
  EXPECT_EQ(of_writer.last(EventKind::relieved).peer, "second");
}

TEST_P(TroubleEvents, leave_a_queue_alone_that_is_never_nearly_full) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 50}).value();
  Listener of_writer(node_);
  for (std::uint64_t number = 0; number < 500; ++number) {
    publish(publisher, 1, number);
    if (number % 39 == 38) take_all(subscriber);
  }
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(of_writer.count(EventKind::congested), 0U);
  EXPECT_EQ(of_writer.count(EventKind::dropped), 0U);
}

TEST_P(TroubleEvents, tell_what_was_dropped_last_before_the_connection_ends) {
  for (const bool writer_closes : {true, false}) {
    SCOPED_TRACE(writer_closes ? "the publisher closes" : "the subscriber closes");
    auto writing = open_node("writing");
    auto reading = open_node("reading");
    auto publisher = writing.publisher<Message>("topic").value();
    auto subscriber = reading.subscriber<Message>("topic", {.depth = 1, .overflow = Overflow::drop_oldest}).value();
    Listener of_writer(writing);
    Listener of_reader(reading);
    const auto told = [](Listener& listener) { return listener.sum(EventKind::dropped, baton::drop_reason::kOldest); };
    for (std::uint64_t number = 0; number < 5; ++number) publish(publisher, 1, number);
    ASSERT_TRUE(eventually([&] { return told(of_writer) == 4 && told(of_reader) == 4; }));
    for (std::uint64_t number = 5; number < 105; ++number) publish(publisher, 1, number);  // too soon to be told
    if (writer_closes) {
      publisher.close();
    } else {
      subscriber.close();
    }
    for (Listener* const listener : {&of_writer, &of_reader}) {
      SCOPED_TRACE(listener == &of_writer ? "the publisher's node" : "the subscriber's node");
      EXPECT_TRUE(eventually([&] { return listener->count(EventKind::unmatched) == 1; }));
      EXPECT_EQ(told(*listener), 104U);
      EXPECT_TRUE(listener->in_order(EventKind::dropped, EventKind::unmatched));
    }
  }
}

TEST_P(TroubleEvents, tell_what_grows_too_old_after_its_publisher_has_gone) {
  auto publisher = node_.publisher<Message>("topic", {.lifespan = 5ms}).value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  Listener of_reader(other_);
  for (std::uint64_t number = 0; number < 3; ++number) publish(publisher, 1, number);
  publisher.close();
  std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(subscriber.take());
  EXPECT_EQ(subscriber.counters().total.dropped_expired, 3U);
  EXPECT_TRUE(eventually([&] { return of_reader.sum(EventKind::dropped, baton::drop_reason::kExpired) == 3; }));
}

TEST_P(Deadline, missed_is_told_to_both_sides_once_until_the_next_message) {
  auto publisher = node_.publisher<Message>("topic", {.deadline = 30ms}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.deadline = 60ms}).value();
  Listener of_writer(node_);
  Listener of_reader(other_);
  publish(publisher, 1, 0);
  ASSERT_TRUE(eventually([&] { return of_writer.count(EventKind::deadline_missed) == 1; }));
  ASSERT_TRUE(eventually([&] { return of_reader.count(EventKind::deadline_missed) == 1; }));
  EXPECT_EQ(of_writer.last(EventKind::deadline_missed).topic, "topic");
  EXPECT_EQ(of_writer.last(EventKind::deadline_missed).peer, "");
  EXPECT_EQ(of_reader.last(EventKind::deadline_missed).peer, "first");
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(of_writer.count(EventKind::deadline_missed), 1U);
  EXPECT_EQ(of_reader.count(EventKind::deadline_missed), 1U);
  publish(publisher, 1, 1);
  EXPECT_TRUE(eventually([&] { return of_writer.count(EventKind::deadline_missed) == 2; }));
  EXPECT_TRUE(eventually([&] { return of_reader.count(EventKind::deadline_missed) == 2; }));
}

TEST_P(Deadline, missed_is_told_to_a_subscriber_that_was_there_before_the_publisher) {
  Listener of_reader(other_);
  for (int round = 0; round < 20; ++round) {
    const std::string topic = "topic/" + std::to_string(round);
    auto subscriber = other_.subscriber<Message>(topic, {.deadline = 5ms}).value();
    auto publisher = node_.publisher<Message>(topic, {.deadline = 5ms}).value();
    ASSERT_TRUE(eventually([&] {
      return of_reader.count(EventKind::deadline_missed) == static_cast<std::uint64_t>(round) + 1;
    })) << round;
    EXPECT_EQ(of_reader.last(EventKind::deadline_missed).topic, topic);
  }
}

TEST_P(Deadline, missed_ends_no_connection) {
  auto publisher = node_.publisher<Message>("topic", {.deadline = 5ms}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.deadline = 5ms}).value();
  Listener of_reader(other_);
  ASSERT_TRUE(eventually([&] { return of_reader.count(EventKind::deadline_missed) == 1; }));
  publish(publisher, 1, 0);
  EXPECT_EQ(take_all(subscriber), (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(of_reader.count(EventKind::unmatched), 0U);
  EXPECT_EQ(publisher.subscriber_count(), 1U);
}

TEST_P(Deadline, that_is_met_is_not_told) {
  auto publisher = node_.publisher<Message>("topic", {.deadline = 10s}).value();
  auto subscriber = other_.subscriber<Message>("topic", {.deadline = 10s}).value();
  Listener of_writer(node_);
  Listener of_reader(other_);
  for (std::uint64_t number = 0; number < 10; ++number) {
    publish(publisher, 1, number);
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(of_writer.count(EventKind::deadline_missed) + of_reader.count(EventKind::deadline_missed), 0U);
}

TEST_P(Flush, returns_when_everything_is_taken) {
  auto publisher = node_.publisher<Message>("topic").value();
  EXPECT_TRUE(publisher.flush(0ms)) << "there is nobody";
  auto quick = node_.subscriber<Message>("topic").value();
  auto slow = other_.subscriber<Message>("topic").value();
  for (std::uint64_t number = 0; number < 5; ++number) publish(publisher, 1, number);
  EXPECT_EQ(take_all(quick).size(), 5U);
  EXPECT_FALSE(publisher.flush(0ms));
  EXPECT_FALSE(publisher.flush(-1s));
  EXPECT_FALSE(publisher.flush(10ms));
  std::thread reader([&] {
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(take_all(slow).size(), 5U);
  });
  EXPECT_TRUE(publisher.flush(30s));
  reader.join();
}

TEST_P(Flush, does_not_wait_for_a_reader_that_closes) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  publish(publisher, 1, 0);
  std::thread reader([&] {
    std::this_thread::sleep_for(20ms);
    subscriber.close();
  });
  EXPECT_TRUE(publisher.flush(std::chrono::nanoseconds::max()));
  reader.join();
}

TEST_P(Flush, of_a_closed_publisher_says_that_nothing_is_known) {
  auto publisher = node_.publisher<Message>("topic").value();
  publisher.close();
  EXPECT_FALSE(publisher.flush(10s));
}

TEST_P(Audit, finds_nothing_wrong_whatever_is_loaned_queued_held_and_dropped) {
  auto publisher = node_.publisher<Message>("topic", {.history = 3}).value();
  EXPECT_EQ(publisher.audit(), std::vector<std::string>{});
  auto dropping = node_.subscriber<Message>("topic", {.depth = 3, .overflow = Overflow::drop_oldest}).value();
  auto keeping = other_.subscriber<Message>("topic", {.depth = 2, .overflow = Overflow::drop_newest}).value();
  std::vector<baton::Sample<Message>> held;
  for (std::uint64_t number = 0; number < 50; ++number) {
    auto loan = publisher.loan().value();
    fill(*loan, 1, number);
    EXPECT_EQ(publisher.audit(), std::vector<std::string>{}) << number;
    loan.publish();
    if (number % 3 == 0) held.push_back(dropping.take());
    if (number % 5 == 0) held.push_back(keeping.take());
    if (number % 7 == 0 && !held.empty()) held.erase(held.begin());
    EXPECT_EQ(publisher.audit(), std::vector<std::string>{}) << number;
    EXPECT_EQ(dropping.audit(), std::vector<std::string>{}) << number;
    EXPECT_EQ(keeping.audit(), std::vector<std::string>{}) << number;
  }
  keeping.close();
  EXPECT_EQ(publisher.audit(), std::vector<std::string>{});
}

TEST_P(Audit, of_a_subscriber_finds_nothing_wrong_while_its_publisher_drops) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic", {.depth = 2, .overflow = Overflow::drop_oldest}).value();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t number = 0; !done; ++number) publish(publisher, 1, number);
  });
  const auto end = std::chrono::steady_clock::now() + 500ms;
  for (int round = 0; std::chrono::steady_clock::now() < end; ++round) {
    const auto findings = subscriber.audit();
    EXPECT_EQ(findings, std::vector<std::string>{});
    if (!findings.empty()) break;
    if (round % 10 == 0) static_cast<void>(subscriber.take());
  }
  done = true;
  writer.join();
}

TEST_P(Audit, of_a_subscriber_finds_nothing_wrong_while_another_thread_releases) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic", {.max_held = 8}).value();
  std::mutex mutex;
  std::vector<baton::Sample<Message>> to_release;
  std::atomic<bool> done{false};
  std::thread releaser([&] {
    while (!done) {
      std::vector<baton::Sample<Message>> some;
      const std::lock_guard lock(mutex);
      some.swap(to_release);
    }
  });
  const auto end = std::chrono::steady_clock::now() + 500ms;
  for (std::uint64_t number = 0; std::chrono::steady_clock::now() < end; ++number) {
    publish(publisher, 1, number);
    if (auto sample = subscriber.take()) {
      const std::lock_guard lock(mutex);
      to_release.push_back(std::move(sample));
    }
    const auto findings = subscriber.audit();
    EXPECT_EQ(findings, std::vector<std::string>{});
    if (!findings.empty()) break;
  }
  done = true;
  releaser.join();
}

TEST_P(Audit, of_a_closed_publisher_finds_nothing_wrong_while_its_readers_hold_samples) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto staying = node_.subscriber<Message>("topic").value();
  auto leaving = other_.subscriber<Message>("topic").value();
  publish(publisher, 1, 0);
  publish(publisher, 1, 1);
  const auto held = staying.take();
  const auto held_on = leaving.take();
  leaving.close();
  EXPECT_EQ(publisher.audit(), std::vector<std::string>{});
  publisher.close();
  EXPECT_EQ(publisher.audit(), std::vector<std::string>{});
}

TEST_P(Audit, of_a_node_finds_files_that_are_nobodys_or_cannot_be_read) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  EXPECT_EQ(node_.audit(), std::vector<std::string>{});
  namespace fs = std::filesystem;
  const fs::path domain = fs::path("/dev/shm") / ("baton-" + std::to_string(::geteuid())) / domain_;
  fs::path bucket;
  for (const auto& entry : fs::recursive_directory_iterator(domain)) {
    if (entry.path().filename().string().starts_with("pub-")) bucket = entry.path().parent_path();
  }
  ASSERT_FALSE(bucket.empty());
  std::ofstream(bucket / "holiday.jpg") << "sea";
  std::ofstream(bucket / "inbox.900.5.1") << "of nobody who is there";
  const auto findings = node_.audit();
  ASSERT_EQ(findings.size(), 2U) << testing::PrintToString(findings);
  EXPECT_NE((findings[0] + findings[1]).find("is nobody's"), std::string::npos) << testing::PrintToString(findings);
  EXPECT_NE((findings[0] + findings[1]).find("node 900.5, which is gone"), std::string::npos);
  fs::remove(bucket / "holiday.jpg");
  fs::remove(bucket / "inbox.900.5.1");
  EXPECT_EQ(other_.audit(), std::vector<std::string>{});
}

}  // namespace conformance
