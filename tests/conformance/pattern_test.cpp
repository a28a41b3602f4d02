// Subscribers to patterns: one subscriber of a type, any number of topics.

#include <dirent.h>
#include <poll.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "baton/table.hpp"
#include "fixture.hpp"

namespace conformance {
namespace {

using baton::TakeStatus;
using baton::WaitStatus;
using Numbers = Heard::Numbers;
using Sample = baton::Sample<Message>;

BATON_CONFORMANCE_SUITE(Pattern);

bool is_readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* const directory = ::opendir("/proc/self/fd");
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

/// Takes, so that new topics are connected, until the publisher has a reader. Nothing is to come.
template <class Publisher>
bool meets(baton::Subscriber<Message>& subscriber, const Publisher& publisher) {
  return eventually([&] {
    EXPECT_FALSE(subscriber.take());
    return publisher.subscriber_count() != 0;
  });
}

Sample next(baton::Subscriber<Message>& subscriber) {
  EXPECT_TRUE(subscriber.wait(20s));
  return subscriber.take();
}

/// The log's lines of one level that have a text in them.
class Lines {
 public:
  explicit Lines(baton::LogLevel level, std::string text) {
    baton::set_log_level(level);
    baton::set_log_sink([count = count_, level, text = std::move(text)](baton::LogLevel of, std::string_view line) {
      if (of == level && line.find(text) != std::string_view::npos) ++*count;
    });
  }
  ~Lines() {
    baton::set_log_sink(nullptr);
    baton::set_log_level(baton::LogLevel::warn);
  }
  int count() const {
    baton::flush_log();
    return *count_;
  }

 private:
  const std::shared_ptr<std::atomic<int>> count_ = std::make_shared<std::atomic<int>>(0);
};

TEST_P(Pattern, receives_from_topics_that_are_there_and_from_those_that_come) {
  auto left = node_.publisher<Message>("camera/left", {.history = 1}).value();
  publish(left, 1, 7);
  auto elsewhere = node_.publisher<Message>("camera/left/raw", {.history = 1}).value();
  publish(elsewhere, 2, 8);
  auto subscriber = other_.subscriber<Message>("camera/*").value();
  EXPECT_EQ(subscriber.topic(), "camera/*");
  EXPECT_EQ(subscriber.transport(), "auto");
  {
    const auto sample = next(subscriber);
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->number, 7U);
    EXPECT_EQ(sample.info().topic, "camera/left");
    EXPECT_EQ(sample.info().publisher, "first");
    EXPECT_EQ(sample.info().sequence, 0U);
  }
  auto right = node_.publisher<Message>("camera/right", {.history = 1}).value();
  publish(right, 3, 9);
  const auto sample = next(subscriber);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->number, 9U);
  EXPECT_EQ(sample.info().topic, "camera/right");
  EXPECT_EQ(subscriber.publisher_count(), 2U);
  EXPECT_EQ(elsewhere.subscriber_count(), 0U);
  EXPECT_EQ(subscriber.take().status(), TakeStatus::empty);
}

TEST_P(Pattern, passes_topics_of_other_types_by_and_refuses_nobody) {
  const Lines lines(baton::LogLevel::info, "it is not received");
  auto other = node_.publisher<conformance::other::Message>("camera/left").value();
  auto alone = node_.publisher<conformance::other::Message>("camera/alone").value();
  auto same = node_.publisher<Message>("camera/left").value();
  auto subscriber = other_.subscriber<Message>("camera/*").value();
  ASSERT_TRUE(meets(subscriber, same));
  publish(same, 1, 5);
  EXPECT_EQ(next(subscriber)->number, 5U);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(subscriber.take());
  EXPECT_EQ(other.subscriber_count(), 0U);
  EXPECT_EQ(lines.count(), 2) << "one line for each publisher";
  for (baton::Node* node : {&node_, &other_}) {
    while (const auto event = node->take_event()) EXPECT_NE(event->kind, baton::EventKind::refused) << event->reason;
  }
}

TEST_P(Pattern, checks_names_and_settings) {
  const auto wrong = node_.subscriber<Message>("camera/**x");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), baton::Errc::invalid_name);
  EXPECT_NE(wrong.error().message().find("at position 8"), std::string::npos) << wrong.error();
  EXPECT_FALSE(node_.subscriber<Message>("camera/*", {.depth = 0}));
  const auto publisher = node_.publisher<Message>("camera/*");
  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code(), baton::Errc::invalid_name);
  EXPECT_NE(publisher.error().message().find("only subscribers take patterns"), std::string::npos) << publisher.error();
}

TEST_P(Pattern, says_once_that_nothing_matches) {
  const Lines lines(baton::LogLevel::warn, "topics 'nowhere/*'");
  auto subscriber = node_.subscriber<Message>("nowhere/*").value();
  EXPECT_EQ(lines.count(), 0);
  EXPECT_EQ(subscriber.wait(0s), WaitStatus::timeout);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(subscriber.take());
  EXPECT_EQ(lines.count(), 1);
}

TEST_P(Pattern, takes_from_each_topic_in_turn) {
  std::vector<baton::Publisher<Message>> publishers;
  auto subscriber = other_.subscriber<Message>("topic/*").value();
  for (const std::string name : {"topic/a", "topic/b", "topic/c"}) {
    publishers.push_back(node_.publisher<Message>(name).value());
    ASSERT_TRUE(meets(subscriber, publishers.back()));
  }
  for (std::uint32_t writer = 0; writer < 3; ++writer) {
    for (std::uint64_t number = 0; number < 4; ++number) publish(publishers[writer], writer, number);
  }
  for (std::uint64_t round = 0; round < 4; ++round) {
    std::set<std::uint32_t> writers;
    for (int i = 0; i < 3; ++i) {
      const auto sample = next(subscriber);
      ASSERT_TRUE(sample);
      EXPECT_EQ(sample->number, round);
      writers.insert(sample->writer);
    }
    EXPECT_EQ(writers.size(), 3U);
  }
  for (const auto& publisher : publishers) expect_all_chunks_free(publisher);
}

TEST_P(Pattern, bounds_the_samples_of_all_topics_together_and_wakes_when_one_is_released) {
  auto left = node_.publisher<Message>("topic/left").value();
  auto right = node_.publisher<Message>("topic/right").value();
  auto subscriber = other_.subscriber<Message>("topic/*", {.max_held = 2}).value();
  const int fd = subscriber.fd().value();
  ASSERT_TRUE(meets(subscriber, left));
  ASSERT_TRUE(meets(subscriber, right));
  for (std::uint64_t number = 0; number < 2; ++number) {
    publish(left, 1, number);
    publish(right, 2, number);
  }
  std::vector<Sample> held;
  for (int i = 0; i < 2; ++i) held.push_back(next(subscriber));
  EXPECT_EQ(subscriber.counters().total.held, 2U);
  EXPECT_EQ(subscriber.take().status(), TakeStatus::held_limit);
  EXPECT_EQ(subscriber.wait(1ms), WaitStatus::timeout);
  EXPECT_TRUE(eventually([&] {  // news of ports may come at any time
    EXPECT_FALSE(subscriber.take());
    return !is_readable(fd);
  })) << "though there is something queued";
  std::thread releases([sample = std::move(held.back())]() mutable {
    std::this_thread::sleep_for(50ms);
    sample.release();
  });
  EXPECT_TRUE(subscriber.wait(20s));
  releases.join();
  EXPECT_TRUE(is_readable(fd));
  held.back() = subscriber.take();
  EXPECT_TRUE(held.back());
  EXPECT_EQ(subscriber.take().status(), TakeStatus::held_limit);
  held.clear();
  EXPECT_TRUE(is_readable(fd));
  EXPECT_TRUE(next(subscriber));
  EXPECT_TRUE(eventually([&] { return !subscriber.take() && !is_readable(fd); }));
  expect_balanced(subscriber.counters().total);
}

TEST_P(Pattern, holds_samples_whose_topic_and_subscriber_are_gone) {
  auto publisher = std::make_optional(node_.publisher<Message>("topic/a").value());
  auto subscriber = std::make_optional(other_.subscriber<Message>("topic/*").value());
  ASSERT_TRUE(meets(*subscriber, *publisher));
  for (std::uint64_t number = 0; number < 3; ++number) publish(*publisher, 1, number);
  std::vector<Sample> held;
  for (int i = 0; i < 2; ++i) held.push_back(next(*subscriber));
  publish(*publisher, 1, 3);
  publisher->close();
  EXPECT_EQ(next(*subscriber)->number, 2U) << "what was published before the end";
  EXPECT_EQ(next(*subscriber)->number, 3U);
  EXPECT_TRUE(eventually([&] { return !subscriber->take() && subscriber->publisher_count() == 0; }));
  subscriber.reset();
  for (std::uint64_t number = 0; number < 2; ++number) {
    EXPECT_EQ(held[number]->number, number);
    EXPECT_EQ(held[number]->checksum, checksum_of(*held[number]));
    EXPECT_EQ(held[number].info().topic, "topic/a");
  }
  std::thread([samples = std::move(held)]() mutable { samples.clear(); }).join();
}

TEST_P(Pattern, notes_the_latency_of_messages_that_end_a_sleep_and_of_one_in_128) {
  auto publisher = node_.publisher<Message>("camera/left").value();
  auto subscriber = other_.subscriber<Message>("camera/*", {.depth = 300}).value();
  ASSERT_TRUE(meets(subscriber, publisher));
  for (std::uint64_t number = 0; number < 256; ++number) publish(publisher, 1, number);
  while (subscriber.wait(0s)) EXPECT_TRUE(subscriber.take());
  EXPECT_EQ(subscriber.counters().latency.samples, 2U) << "those that nobody waited for";
  std::thread writer([&] {
    std::this_thread::sleep_for(50ms);
    publish(publisher, 1, 256);
  });
  EXPECT_TRUE(next(subscriber));
  writer.join();
  EXPECT_EQ(subscriber.counters().latency.samples, 3U);
}

TEST_P(Pattern, wakes_for_a_message_of_a_topic_that_appears_during_the_wait) {
  auto subscriber = other_.subscriber<Message>("robot/**").value();
  EXPECT_EQ(subscriber.wait(1ms), WaitStatus::timeout);
  std::atomic<bool> found{false};
  std::thread waits([&] { found = subscriber.wait(30s) && subscriber.take()->number == 4; });
  std::this_thread::sleep_for(20ms);
  auto publisher = node_.publisher<Message>("robot/arm/state", {.history = 1}).value();
  publish(publisher, 1, 4);
  waits.join();
  EXPECT_TRUE(found);
}

TEST_P(Pattern, lays_the_file_s_settings_of_each_topic_over_the_code_s) {
  auto reader = open_node("reader", "[[topic]]\nmatch = \"topic/deep\"\ndepth = 5\n");
  auto deep = node_.publisher<Message>("topic/deep").value();
  auto flat = node_.publisher<Message>("topic/flat").value();
  auto subscriber = reader.subscriber<Message>("topic/*", {.depth = 2}).value();
  ASSERT_TRUE(meets(subscriber, deep));
  ASSERT_TRUE(meets(subscriber, flat));
  for (std::uint64_t number = 0; number < 7; ++number) {
    publish(deep, 1, number);
    publish(flat, 2, number);
  }
  Numbers from_deep, from_flat;
  for (int i = 0; i < 7; ++i) {
    const auto sample = next(subscriber);
    ASSERT_TRUE(sample);
    (sample->writer == 1 ? from_deep : from_flat).push_back(sample->number);
  }
  EXPECT_FALSE(subscriber.take());
  EXPECT_EQ(from_deep, (Numbers{2, 3, 4, 5, 6}));
  EXPECT_EQ(from_flat, (Numbers{5, 6}));
  const auto counters = subscriber.counters();
  EXPECT_EQ(counters.total.dropped_oldest, 2U + 5U);
  std::set<std::string> peers;
  for (const auto& connection : counters.connections) peers.insert(connection.peer);
  EXPECT_EQ(peers, (std::set<std::string>{"first on topic/deep", "first on topic/flat"}));
  expect_balanced(counters.total);
}

TEST_P(Pattern, keeps_nothing_of_topics_that_come_and_go) {
  auto subscriber = other_.subscriber<Message>("come/*").value();
  ASSERT_TRUE(subscriber.fd());
  const auto round = [&](int number) {
    auto publisher = node_.publisher<Message>("come/" + std::to_string(number), {.history = 1}).value();
    publish(publisher, 1, 3);
    EXPECT_TRUE(next(subscriber));
    publisher.close();
    EXPECT_TRUE(eventually([&] { return !subscriber.take() && subscriber.counters().connections.empty(); }));
  };
  const std::string files = "/dev/shm/baton-" + std::to_string(::getuid()) + "/" + domain_;
  const auto ports_left = [&] {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(files)) {
      count += entry.is_regular_file() ? 1U : 0U;
    }
    return count;
  };
  // Buckets' directories stay open for good: all of these topics have theirs after the first hundred.
  for (int number = 0; number < 100; ++number) round(number);
  EXPECT_TRUE(eventually([&] { return !subscriber.take() && subscriber.publisher_count() == 0; }));
  const std::size_t descriptors = open_descriptors();
  const std::size_t left = ports_left();
  for (int number = 0; number < 100; ++number) round(number);
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(subscriber.take());
    return open_descriptors() <= descriptors && ports_left() <= left;
  })) << open_descriptors()
      << " descriptors, before " << descriptors << "; " << ports_left() << " files, before " << left;
  EXPECT_EQ(subscriber.counters().total.taken, 200U);
  expect_balanced(subscriber.counters().total);
}

TEST_P(Pattern, says_that_it_is_closed) {
  auto publisher = node_.publisher<Message>("topic/a").value();
  auto subscriber = other_.subscriber<Message>("topic/*").value();
  ASSERT_TRUE(meets(subscriber, publisher));
  publish(publisher, 1, 1);
  subscriber.close();
  subscriber.close();
  EXPECT_EQ(subscriber.take().status(), TakeStatus::closed);
  EXPECT_EQ(subscriber.wait(1s), WaitStatus::closed);
  EXPECT_EQ(subscriber.fd().error().code(), baton::Errc::closed);
  EXPECT_EQ(subscriber.publisher_count(), 0U);
  EXPECT_EQ(subscriber.counters().total.undelivered, 1U);
  EXPECT_TRUE(eventually([&] { return publisher.subscriber_count() == 0; }));
  expect_all_chunks_free(publisher);
}

/// What a forked child finds that is not as it should be, and how it leaves the subscribers.
std::string verbs_in_child(baton::Subscriber<Message>& subscriber, baton::Subscriber<Message>& handling,
                           baton::GenericSubscriber& generic) {
  std::string wrong;
  const auto expect = [&wrong](bool holds, const char* what) {
    if (!holds) wrong += std::string(what) + "; ";
  };
  const auto forked = [](const auto& result) { return !result && result.error().code() == baton::Errc::forked; };
  expect(subscriber.take().status() == TakeStatus::closed, "take does not say closed");
  expect(subscriber.wait(1h) == WaitStatus::closed, "wait does not say closed");
  expect(forked(subscriber.fd()), "fd does not say forked");
  expect(!subscriber.wait_for_publishers(1, 1h), "publishers are waited for");
  expect(subscriber.audit().empty() && subscriber.publisher_count() == 0, "it has ports");
  expect(handling.wait(1h) == WaitStatus::closed, "wait beside a callback does not say closed");
  handling.on_message(nullptr);
  subscriber.on_message([](const Sample&) {});
  expect(generic.take().status() == TakeStatus::closed, "a generic take does not say closed");
  expect(generic.wait(1h) == WaitStatus::closed, "a generic wait does not say closed");
  expect(forked(generic.fd()), "a generic fd does not say forked");
  expect(generic.sources().empty(), "a generic subscriber has sources");
  subscriber.close();
  handling.close();
  generic.close();
  return wrong;
}

TEST_P(Pattern, is_closed_in_a_forked_child_and_the_parent_notices_nothing) {
  const auto heard = std::make_shared<Heard>();
  auto left = node_.publisher<Message>("camera/left").value();
  auto subscriber = other_.subscriber<Message>("camera/*").value();
  auto handling = other_.subscriber<Message>("camera/*").value();
  auto generic = other_.generic_subscriber("camera/*").value();
  handling.on_message([heard](const Sample& sample) { heard->note(sample->number); });
  const int fd = subscriber.fd().value();
  const int generic_fd = generic.fd().value();
  ASSERT_TRUE(eventually([&] {
    EXPECT_FALSE(subscriber.take() || generic.take());
    return left.subscriber_count() == 3 && !is_readable(fd) && !is_readable(generic_fd);
  }));
  auto right = node_.publisher<Message>("camera/right").value();
  ASSERT_TRUE(eventually([&] { return is_readable(fd) && is_readable(generic_fd) && right.subscriber_count() == 1; }));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(20);
    const std::string wrong = verbs_in_child(subscriber, handling, generic);
    if (!wrong.empty()) std::fprintf(stderr, "in the child: %s\n", wrong.c_str());
    ::_exit(wrong.empty() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(is_readable(fd)) << "there is a topic to look at, and the child has taken that away";
  EXPECT_TRUE(is_readable(generic_fd));
  ASSERT_TRUE(eventually([&] {
    EXPECT_FALSE(subscriber.take() || generic.take());
    return right.subscriber_count() == 3 && !is_readable(fd) && !is_readable(generic_fd);
  }));
  publish(left, 1, 7);
  EXPECT_TRUE(eventually([&] { return is_readable(fd) && is_readable(generic_fd); }));
  EXPECT_EQ(next(subscriber)->number, 7U);
  EXPECT_TRUE(generic.wait(20s) == WaitStatus::ready && generic.take());
  EXPECT_TRUE(heard->is({7}));
}

TEST_P(Pattern, may_be_closed_or_destroyed_by_an_event_of_its_own_verb) {
  for (const bool destroys : {false, true}) {
    auto publisher = node_.publisher<Message>("topic/a", {.history = 1}).value();
    publish(publisher, 1, 1);
    baton::Options options;
    options.domain = domain_;
    options.transports = {GetParam().make()};
    options.keeper = false;  // or the keeper's thread would announce it
    auto reader = baton::Node::open("reader", std::move(options)).value();
    auto subscriber = std::make_optional(reader.subscriber<Message>("topic/*").value());
    std::atomic<bool> done{false};
    reader.on_event([&](const baton::Event& event) {
      if (event.kind != baton::EventKind::matched || done.exchange(true)) return;
      destroys ? subscriber.reset() : subscriber->close();
    });
    auto& called = *subscriber;
    EXPECT_EQ(called.take().status(), TakeStatus::closed);
    EXPECT_TRUE(done);
    reader.on_event(nullptr);
    subscriber.reset();
    expect_all_chunks_free(publisher, 1);
  }
}

TEST_P(Pattern, carries_messages_with_sizes_of_their_own) {
  auto clouds = node_.publisher<Cloud>("sized/cloud").value();
  auto plans = node_.publisher<Plan>("sized/plan").value();
  auto cloud_reader = other_.subscriber<Cloud>("sized/*").value();
  auto plan_reader = other_.subscriber<Plan>("sized/*").value();
  ASSERT_TRUE(eventually([&] {
    EXPECT_FALSE(cloud_reader.take());
    EXPECT_FALSE(plan_reader.take());
    return clouds.subscriber_count() == 1 && plans.subscriber_count() == 1;
  }));
  auto cloud = clouds.loan(1'000).value();
  cloud->number = 3;
  cloud.data()[999].intensity = 17;
  cloud.publish();
  auto plan = plans.loan(4'096).value();
  auto& builder = plan.builder();
  plan.finish(CreatePlan(builder, 4, builder.CreateString("a plan")));
  plan.publish();
  ASSERT_TRUE(cloud_reader.wait(20s));
  const auto cloud_sample = cloud_reader.take();
  ASSERT_EQ(cloud_sample.data().size(), 1'000U);
  EXPECT_EQ(cloud_sample.data()[999].intensity, 17U);
  ASSERT_TRUE(plan_reader.wait(20s));
  const auto plan_sample = plan_reader.take();
  ASSERT_TRUE(plan_sample);
  EXPECT_EQ(plan_sample->title()->str(), "a plan");
  EXPECT_EQ(plan_sample.info().topic, "sized/plan");
  EXPECT_EQ(plan_reader.counters().damaged, 0U);
}

// --- The callback ----------------------------------------------------------------------------------------------------

BATON_CONFORMANCE_SUITE(PatternCallback);

TEST_P(PatternCallback, hears_of_all_topics_those_queued_first_and_those_that_come_later) {
  auto left = node_.publisher<Message>("topic/left").value();
  auto subscriber = other_.subscriber<Message>("topic/*").value();
  ASSERT_TRUE(meets(subscriber, left));
  publish(left, 1, 0);
  publish(left, 1, 1);
  EXPECT_TRUE(subscriber.wait(20s));
  Heard heard;
  const auto user = std::this_thread::get_id();
  subscriber.on_message([&](const Sample& sample) {
    EXPECT_EQ(sample->checksum, checksum_of(*sample));
    EXPECT_EQ(sample.info().topic, sample->writer == 1 ? "topic/left" : "topic/right");
    EXPECT_NE(std::this_thread::get_id(), user);
    heard.note(sample->number);
  });
  EXPECT_TRUE(heard.is({0, 1}));
  auto right = node_.publisher<Message>("topic/right", {.history = 1}).value();
  publish(right, 2, 2);
  EXPECT_TRUE(heard.is({0, 1, 2})) << "nobody had to call anything";
  EXPECT_FALSE(subscriber.take()) << "messages are the callback's";
  EXPECT_EQ(subscriber.wait(1ms), WaitStatus::timeout);
  subscriber.on_message(nullptr);
  publish(right, 2, 3);
  EXPECT_EQ(next(subscriber)->number, 3U);
  EXPECT_EQ(heard.numbers().size(), 3U);
  expect_balanced(subscriber.counters().total);
  expect_all_chunks_free(left);
}

TEST_P(PatternCallback, never_overlaps_and_gets_each_message_once_in_order) {
  constexpr std::uint64_t kMessages = 3'000;
  auto subscriber = other_.subscriber<Message>("topic/*", {.depth = 8'192}).value();
  Ledger ledger;
  std::atomic<int> inside{0};
  const auto note = [&](const Sample& sample) {
    EXPECT_EQ(inside.fetch_add(1), 0);
    ledger.note(*sample);
    inside.fetch_sub(1);
  };
  subscriber.on_message(note);
  std::vector<std::thread> writers;
  for (std::uint32_t writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      auto publisher = node_.publisher<Message>("topic/" + std::to_string(writer)).value();
      EXPECT_TRUE(eventually([&] { return publisher.subscriber_count() != 0; }));
      for (std::uint64_t number = 0; number < kMessages; ++number) publish(publisher, writer, number);
    });
  }
  for (int round = 0; round < 20; ++round) subscriber.on_message(note);
  for (auto& writer : writers) writer.join();
  EXPECT_TRUE(eventually([&] { return subscriber.counters().total.taken == 3 * kMessages; }));
  subscriber.on_message(nullptr);
  EXPECT_EQ(ledger.count(), 3 * kMessages);
  EXPECT_EQ(ledger.missing(), 0U);
  expect_balanced(subscriber.counters().total);
}

TEST_P(PatternCallback, may_publish_to_a_topic_that_it_listens_to) {
  auto first = node_.publisher<Message>("topic/a").value();
  auto second = node_.publisher<Message>("topic/b").value();
  auto subscriber = other_.subscriber<Message>("topic/*").value();
  ASSERT_TRUE(meets(subscriber, first));
  ASSERT_TRUE(meets(subscriber, second));
  Heard heard;
  subscriber.on_message([&](const Sample& sample) {
    heard.note(sample->number);
    if (sample->number < 50) publish(second, 2, sample->number + 1);
  });
  publish(first, 1, 48);
  EXPECT_TRUE(heard.is({48, 49, 50}));
  subscriber.close();
}

TEST_P(PatternCallback, may_close_or_destroy_its_own_subscriber) {
  for (const bool destroys : {false, true}) {
    auto publisher = node_.publisher<Message>("topic/a").value();
    auto subscriber = std::make_optional(other_.subscriber<Message>("topic/*").value());
    ASSERT_TRUE(meets(*subscriber, publisher));
    auto owned = std::make_shared<std::atomic<int>>(0);
    subscriber->on_message([&, owned](const Sample& sample) {
      destroys ? subscriber.reset() : subscriber->close();
      EXPECT_EQ(sample->checksum, checksum_of(*sample)) << "the sample is valid until the callback returns";
      EXPECT_EQ(sample.info().topic, "topic/a");
      ++*owned;
    });
    publish(publisher, 1, 0);
    publish(publisher, 1, 1);
    EXPECT_TRUE(eventually([&] { return *owned == 1 && owned.use_count() == 1; }));
    subscriber.reset();
    EXPECT_EQ(*owned, 1);
    expect_all_chunks_free(publisher);
  }
}

TEST_P(PatternCallback, is_over_when_its_subscriber_is_destroyed_also_where_it_closed_that) {
  auto publisher = node_.publisher<Message>("topic/a").value();
  for (int round = 0; round < 20; ++round) {
    auto subscriber = std::make_optional(other_.subscriber<Message>("topic/*").value());
    ASSERT_TRUE(meets(*subscriber, publisher));
    std::atomic<bool> started{false};
    std::atomic<bool> finished{false};
    subscriber->on_message([&](const Sample&) {
      if (round % 2 == 1) subscriber->close();
      started = true;
      std::this_thread::sleep_for(2ms);
      finished = true;
    });
    publish(publisher, 1, 0);
    while (!started) std::this_thread::yield();
    subscriber.reset();
    EXPECT_TRUE(finished);
    EXPECT_TRUE(eventually([&] { return publisher.subscriber_count() == 0; }));
  }
}

TEST_P(PatternCallback, that_throws_is_counted_and_one_that_ends_itself_leaves_the_rest_to_who_waits) {
  auto publisher = node_.publisher<Message>("topic/a").value();
  auto subscriber = other_.subscriber<Message>("topic/*").value();
  const int fd = subscriber.fd().value();
  ASSERT_TRUE(meets(subscriber, publisher));
  std::atomic<int> called{0};
  const Lines lines(baton::LogLevel::error, "a callback threw");
  subscriber.on_message([&](const Sample&) {
    ++called;
    if (called == 1) throw std::runtime_error("as the test wants it");
    if (called == 2) throw 7;
    std::this_thread::sleep_for(50ms);  // long enough for the other thread to fall asleep
    subscriber.on_message(nullptr);
  });
  for (std::uint64_t number = 0; number < 4; ++number) publish(publisher, 1, number);
  EXPECT_TRUE(subscriber.wait(20s));
  EXPECT_TRUE(eventually([&] { return is_readable(fd); }));
  EXPECT_EQ(subscriber.take()->number, 3U);
  EXPECT_EQ(called, 3);
  EXPECT_EQ(lines.count(), 2);
  EXPECT_EQ(subscriber.counters().failed_callbacks, 2U);
}

TEST_P(PatternCallback, has_the_latency_noted_of_messages_that_end_a_sleep) {
  auto publisher = node_.publisher<Message>("camera/left").value();
  auto subscriber = other_.subscriber<Message>("camera/*").value();
  ASSERT_TRUE(meets(subscriber, publisher));
  std::atomic<std::uint64_t> heard{0};
  subscriber.on_message([&](const Sample&) { ++heard; });
  for (std::uint64_t number = 0; number < 100 && subscriber.counters().latency.samples < 4; ++number) {
    publish(publisher, 1, number);
    ASSERT_TRUE(eventually([&] { return heard == number + 1; }));
    std::this_thread::sleep_for(2ms);  // in which the thread goes to sleep
  }
  EXPECT_EQ(subscriber.counters().latency.samples, 4U);
  subscriber.on_message(nullptr);
}

TEST_P(PatternCallback, that_forks_is_not_called_in_the_child) {
  const auto heard = std::make_shared<Heard>();
  const auto child = std::make_shared<std::atomic<pid_t>>(0);
  auto publisher = node_.publisher<Message>("camera/left").value();
  auto subscriber = other_.subscriber<Message>("camera/*").value();
  ASSERT_TRUE(meets(subscriber, publisher));
  const int fd = subscriber.fd().value();
  subscriber.on_message([heard, child](const Sample& sample) {
    heard->note(sample->number);
    if (*child != 0) return;
    const pid_t pid = ::fork();
    if (pid != 0) {
      *child = pid;
      return;
    }
    sigset_t all;  // blocked on the library's threads
    sigfillset(&all);
    ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
    ::alarm(10);
  });
  publish(publisher, 1, 1);
  ASSERT_TRUE(eventually([&] { return *child != 0; }));
  int status = 0;
  ASSERT_EQ(::waitpid(*child, &status, 0), *child);
  EXPECT_TRUE(WIFEXITED(status)) << "it ends with its only thread, which has nothing to do any more";
  publish(publisher, 1, 2);
  EXPECT_TRUE(heard->is({1, 2}));
  EXPECT_FALSE(is_readable(fd));
  subscriber.on_message(nullptr);
  publish(publisher, 1, 3);
  EXPECT_EQ(next(subscriber)->number, 3U);
}

TEST_P(PatternCallback, may_be_replaced_by_one_that_owns_its_subscriber) {
  auto publisher = node_.publisher<Message>("topic/a").value();
  auto subscriber = std::make_shared<std::optional<baton::Subscriber<Message>>>();
  subscriber->emplace(other_.subscriber<Message>("topic/*").value());
  ASSERT_TRUE(meets(**subscriber, publisher));
  std::atomic<bool> called{false};
  const std::weak_ptr<std::optional<baton::Subscriber<Message>>> watched = subscriber;
  auto* const reached = &**subscriber;
  reached->on_message([owned = std::move(subscriber), reached, &called](const Sample&) {
    reached->on_message([](const Sample&) {});  // then this callback goes, and its subscriber with it
    called = true;
  });
  publish(publisher, 1, 0);
  EXPECT_TRUE(eventually([&] { return called && watched.expired() && publisher.subscriber_count() == 0; }));
  expect_all_chunks_free(publisher);
}

TEST_P(PatternCallback, waits_while_max_held_samples_are_held) {
  auto publisher = node_.publisher<Message>("topic/a").value();
  auto subscriber = other_.subscriber<Message>("topic/*", {.max_held = 1}).value();
  ASSERT_TRUE(meets(subscriber, publisher));
  publish(publisher, 1, 0);
  auto held = next(subscriber);
  Heard heard;
  subscriber.on_message([&](const Sample& sample) { heard.note(sample->number); });
  publish(publisher, 1, 1);
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(heard.numbers().empty());
  held.release();
  EXPECT_TRUE(heard.is({1}));
}

// --- Both transports, and processes ----------------------------------------------------------------------------------

class PatternOfBoth : public testing::Test {
 protected:
  baton::Node open_node(const std::string& name, const std::string& config = "") {
    return baton::Node::open(name, {.domain = domain_, .config = baton::Config::parse(config, "test.toml").value()})
        .value();
  }
  const std::string domain_ = "test-" + std::to_string(::getpid()) + "-both";
};

TEST_F(PatternOfBoth, transports_are_received_by_one_subscriber) {
  auto reader = open_node("reader");
  auto writer = open_node("writer");
  auto near = writer.publisher<Message>("topic/near", {.transport = "inproc"}).value();
  auto far = writer.publisher<Message>("topic/far", {.transport = "shm"}).value();
  auto also_far = writer.publisher<Message>("topic/near", {.transport = "shm"}).value();
  auto subscriber = reader.subscriber<Message>("topic/*").value();
  for (const auto* publisher : {&near, &far, &also_far}) ASSERT_TRUE(meets(subscriber, *publisher));
  publish(near, 1, 1);
  publish(far, 2, 2);
  publish(also_far, 3, 3);
  std::multiset<std::string> heard;
  for (int i = 0; i < 3; ++i) {
    const auto sample = next(subscriber);
    ASSERT_TRUE(sample);
    heard.insert(std::string(sample.info().topic) + " " + std::to_string(sample->number));
  }
  EXPECT_EQ(heard, (std::multiset<std::string>{"topic/far 2", "topic/near 1", "topic/near 3"}));
  EXPECT_EQ(subscriber.publisher_count(), 3U);
  for (baton::Node* node : {&reader, &writer}) {
    while (const auto event = node->take_event()) EXPECT_NE(event->kind, baton::EventKind::refused) << event->reason;
  }
}

/// A process that publishes on a topic of its own until it is killed.
pid_t start_publisher(const std::string& domain, const std::string& topic) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  auto node = baton::Node::open("child", {.domain = domain, .config = baton::Config()}).value();
  auto publisher = node.publisher<Message>(topic, {.transport = "shm"}).value();
  const auto end = std::chrono::steady_clock::now() + 60s;
  for (std::uint64_t number = 0; std::chrono::steady_clock::now() < end; ++number) {
    publisher.publish(make_message(9, number));
    std::this_thread::sleep_for(1ms);
  }
  ::_exit(0);
}

TEST_F(PatternOfBoth, survives_the_death_of_a_publisher_s_process_and_receives_from_the_next_one) {
  for (int round = 0; round < 2; ++round) {
    const pid_t child = start_publisher(domain_ + "-" + std::to_string(round), "topic/child");
    ASSERT_GT(child, 0);
    baton::Node reader =
        baton::Node::open("reader", {.domain = domain_ + "-" + std::to_string(round), .config = baton::Config()})
            .value();
    auto steady = reader.publisher<Message>("topic/steady", {.transport = "shm"}).value();
    auto subscriber = reader.subscriber<Message>("topic/*", {.depth = 64}).value();
    Ledger ledger;
    for (int i = 0; i < 20; ++i) {
      const auto sample = next(subscriber);
      ASSERT_TRUE(sample);
      EXPECT_EQ(sample.info().topic, "topic/child");
      ledger.note(*sample);
    }
    auto held = next(subscriber);
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_TRUE(eventually([&] {
      static_cast<void>(subscriber.take());
      return subscriber.publisher_count() == 1;  // the steady one
    }));
    while (subscriber.take()) {
    }
    EXPECT_EQ(held->checksum, checksum_of(*held));
    publish(steady, 1, 5);
    EXPECT_EQ(next(subscriber)->number, 5U);
  }
}

}  // namespace
}  // namespace conformance
