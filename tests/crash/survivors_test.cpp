// Processes that are killed at random times while messages flow, and what their peers notice of it.
//
// BATON_KILLS=500 is the acceptance run; BATON_SEED repeats one. What is random is when and who, so a seed repeats the
// choice, not the instruction.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
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

class InDomain : public testing::Test {
 protected:
  ~InDomain() override {
    EXPECT_TRUE(eventually([this] { return is_gone(domain_); })) << domain_ << " is left";
  }

  const std::string domain_ = unique_domain();
};

/// What a writer answers.
struct Report {
  std::uint64_t published = 0;
  std::uint64_t free_chunks = 0;
  std::uint64_t chunks = 0;
  std::size_t readers = 0;
  bool balanced = false;
  int deaths = 0;
  std::int64_t last_death_ns = 0;
  std::uint64_t rate = 0;
};

class UnderLoad : public InDomain {
 protected:
  static constexpr std::size_t kReaders = 3;

  void start_writer() {
    writer_ = std::make_unique<Child>(std::vector<std::string>{"writer", domain_, std::to_string(++writers_)});
    EXPECT_EQ(writer_->hear(), "ready");
  }
  std::unique_ptr<Child> started_reader() {
    auto reader = std::make_unique<Child>(std::vector<std::string>{"reader", domain_});
    EXPECT_EQ(reader->hear(), "ready");
    return reader;
  }
  void start() {
    start_writer();
    for (std::size_t i = 0; i < kReaders; ++i) readers_.push_back(started_reader());
  }

  Report ask(const std::string& command) {
    writer_->tell(command);
    const std::string line = writer_->hear().value_or("nothing");
    Report report;
    std::istringstream words(line);
    words >> report.published >> report.free_chunks >> report.chunks >> report.readers >> report.balanced >>
        report.deaths >> report.last_death_ns >> report.rate;
    EXPECT_TRUE(words) << "the writer says: " << line;
    return report;
  }

  static void expect_well(Child& reader, const std::string& command) {
    reader.tell(command);
    const std::string line = reader.hear().value_or("nothing");
    EXPECT_TRUE(!line.empty() && line.front() >= '0' && line.front() <= '9') << "a reader says: " << line;
  }

  /// Everybody comes to rest: then all chunks are free, and every figure adds up.
  void check_at_rest() {
    ask("pause");
    for (const auto& reader : readers_) expect_well(*reader, "drain");
    Report report;
    EXPECT_TRUE(eventually([&] {
      report = ask("report");
      return HasFailure() || (report.free_chunks == report.chunks && report.readers == kReaders);
    })) << report.free_chunks
        << " of " << report.chunks << " chunks are free, with " << report.readers << " readers";
    EXPECT_TRUE(report.balanced);
    chunks_ = std::max(chunks_, report.chunks);
    ask("resume");
  }

  void expect_everybody_alive() {
    EXPECT_FALSE(writer_->has_ended());
    for (const auto& reader : readers_) EXPECT_FALSE(reader->has_ended());
  }

  std::unique_ptr<Child> writer_;
  std::vector<std::unique_ptr<Child>> readers_;
  int writers_ = 0;
  std::uint64_t chunks_ = 0;
};

TEST_F(UnderLoad, go_on_when_others_are_killed_at_random_times) {
  const unsigned kills = number_from("BATON_KILLS", 20);
  const unsigned seed = number_from("BATON_SEED", 1);
  std::printf("%u kills, seed %u\n", kills, seed);
  std::mt19937 random(seed);
  start();
  std::vector<double> back_ms;  // from the death of a reader to its chunks' return
  std::vector<std::uint64_t> rates;
  for (unsigned kill = 0; kill < kills && !HasFailure(); ++kill) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 400'000));
    expect_everybody_alive();
    const std::size_t victim = random() % (kReaders + 1);
    if (victim == kReaders) {
      rates.push_back(ask("report").rate);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      writer_->kill();
      start_writer();
    } else {
      const int deaths = ask("report").deaths;
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      const auto killed = Clock::now();
      readers_[victim]->kill();
      Report report;
      EXPECT_TRUE(eventually([&] {
        report = ask("report");
        return HasFailure() || report.deaths > deaths;
      })) << "the writer does not notice a death";
      const std::chrono::nanoseconds noticed(report.last_death_ns);
      back_ms.push_back(std::chrono::duration<double, std::milli>(noticed - killed.time_since_epoch()).count());
      readers_[victim] = started_reader();
    }
    expect_everybody_alive();
    check_at_rest();
  }
  for (const auto& reader : readers_) {
    expect_well(*reader, "finish");
    EXPECT_EQ(reader->wait(), 0);
  }
  rates.push_back(ask("finish").rate);
  EXPECT_EQ(writer_->wait(), 0);
  std::sort(back_ms.begin(), back_ms.end());
  std::sort(rates.begin(), rates.end());
  const auto quantile = [&](double part) {
    return back_ms.empty() ? 0 : back_ms[static_cast<std::size_t>(part * static_cast<double>(back_ms.size() - 1))];
  };
  std::printf(
      "messages/s: median %lu, of %lu to %lu, to %zu readers; chunks: at most %lu; from a reader's death to its "
      "chunks' "
      "return: median %.2f ms, p99 %.2f ms, longest %.2f ms, of %zu\n",
      rates[rates.size() / 2], rates.front(), rates.back(), kReaders, chunks_, quantile(0.5), quantile(0.99),
      quantile(1), back_ms.size());
}

TEST_F(UnderLoad, leave_nothing_that_the_next_join_does_not_clean_when_all_are_killed_at_once) {
  start();
  std::this_thread::sleep_for(200ms);
  writer_->signal(SIGKILL);
  for (const auto& reader : readers_) reader->signal(SIGKILL);
  writer_->kill();
  for (const auto& reader : readers_) reader->kill();
  EXPECT_FALSE(is_gone(domain_));
  EXPECT_GT(files_of(domain_).size(), 8U);
  baton::Node node = open_node(domain_, "next");
  auto publisher = node.publisher<Message>(kUp).value();
  EXPECT_EQ(publisher.subscriber_count(), 0U);
  EXPECT_EQ(files_of(domain_).size(), 5U);  // the registry, the node's file and socket, the port's and its segment
}

/// A publisher that waits for room, and a reader that gives it none.
class Blocked : public InDomain {
 protected:
  void SetUp() override {
    EXPECT_EQ(reader_.hear(), "ready");
    EXPECT_TRUE(eventually([this] { return publisher_.subscriber_count() == 1; }));
    for (std::uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(publish(publisher_, 1, i));  // depth and max_held
  }

  /// How long a publish takes, which would wait for a minute otherwise.
  void expect_released() {
    const auto begin = Clock::now();
    EXPECT_TRUE(publish(publisher_, 1, 3));
    const std::chrono::duration<double, std::milli> waited = Clock::now() - begin;
    EXPECT_LT(waited, 20s);
    std::printf("waited for %.1f ms\n", waited.count());
  }

  /// The publisher learns that the reader goes on.
  void expect_back() {
    EXPECT_TRUE(eventually([this] {
      for (auto event = node_.take_event(); event; event = node_.take_event()) {
        if (event->kind == baton::EventKind::back) return true;
      }
      return false;
    }));
  }

  baton::Node node_ =
      open_node(domain_, "publisher", true, "[liveness]\nheartbeat = \"20 ms\"\nhung_after = \"300 ms\"\n");
  Publisher publisher_ =
      node_.publisher<Message>(kUp, {.overflow = baton::Overflow::block, .block_timeout = 60s}).value();
  Child reader_{{"hoarder", domain_}};
};

TEST_F(Blocked, publishers_are_released_when_the_reader_is_killed) {
  std::jthread killer([this] {
    std::this_thread::sleep_for(200ms);
    reader_.signal(SIGKILL);
  });
  expect_released();
  killer.join();
  reader_.kill();
  EXPECT_TRUE(eventually([this] { return publisher_.counters().free_chunks == publisher_.counters().chunks; }));
}

TEST_F(Blocked, publishers_are_released_when_the_reader_is_stopped_and_it_may_go_on_later) {
  reader_.signal(SIGSTOP);
  expect_released();
  EXPECT_EQ(publisher_.subscriber_count(), 1U) << "a stopped reader was disconnected";
  reader_.signal(SIGCONT);
  for (int i = 0; i < 3; ++i) {
    reader_.tell("take");
    EXPECT_EQ(reader_.hear(), "taken") << "a stopped reader lost what it had";
  }
  expect_back();
  EXPECT_TRUE(publish(publisher_, 1, 4));
  reader_.tell("take");
  EXPECT_EQ(reader_.hear(), "taken");
}

TEST_F(Blocked, publishers_of_a_ring_write_over_what_a_stopped_reader_has_not_taken_and_it_goes_on_later) {
  if (!over_ring()) GTEST_SKIP() << "a reader's queue is in nobody else's way";
  reader_.signal(SIGSTOP);
  expect_released();
  // More than there is room for, and fewer than the index has entries: what it has not taken seems to be there.
  constexpr std::uint64_t kMessages = 1'500;
  for (std::uint64_t i = 4; i < kMessages; ++i) ASSERT_TRUE(publish(publisher_, 1, i)) << "message " << i;
  reader_.signal(SIGCONT);
  expect_back();
  const auto take_all = [this] {
    std::uint64_t taken = 0;
    for (auto heard = std::optional<std::string>("taken"); heard == "taken"; ++taken) {
      reader_.tell("take");
      heard = reader_.hear();
      EXPECT_NE(heard, "torn");
    }
    return taken - 1;
  };
  EXPECT_LE(take_all(), 3U) << "what came when there was room again: depth and max_held";
  for (std::uint64_t i = kMessages; i < kMessages + 100; ++i) {
    EXPECT_TRUE(publish(publisher_, 1, i));
    EXPECT_EQ(take_all(), 1U);
  }
  const auto counters = publisher_.counters();
  EXPECT_TRUE(is_balanced(counters.connections.at(0)));
  EXPECT_LE(counters.connections.at(0).taken, 103U);
  EXPECT_TRUE(publisher_.audit().empty());
}

class Brief : public InDomain, public testing::WithParamInterface<const char*> {};

TEST_P(Brief, publishers_last_messages_are_taken_after_their_end) {
  baton::Node node = open_node(domain_, "reader", true, "[liveness]\nheartbeat = \"20 ms\"\nhung_after = \"10 s\"\n");
  auto subscriber = node.subscriber<Message>(kUp).value();
  const auto before = files_of(domain_);
  Child publisher({"brief", domain_, GetParam(), kUp, "7"});
  EXPECT_EQ(publisher.wait(), GetParam() == std::string_view("killed") ? 128 + SIGKILL : 0);
  std::vector<Sample> held;
  for (std::uint64_t number = 0; number < 5; ++number) {
    held.push_back(subscriber.take());
    ASSERT_TRUE(held.back()) << "message " << number << " is not there";
    EXPECT_EQ(held.back()->number, number);
  }
  EXPECT_FALSE(subscriber.take());
  for (const Sample& sample : held) EXPECT_EQ(sample->checksum, checksum_of(*sample));
  held.clear();
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(subscriber.take());
    return files_of(domain_) == before;
  }));
  EXPECT_TRUE(is_balanced(subscriber.counters().total));
  EXPECT_EQ(subscriber.counters().total.taken, 5U);
}

INSTANTIATE_TEST_SUITE_P(ends, Brief, testing::Values("well", "killed"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace crash
