#include "pattern/topic_ports.hpp"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace baton {
namespace {

using Numbers = std::vector<std::uint64_t>;

/// The port of a topic whose messages are numbers, and whose verbs do what a test wants inside of them, as ports call
/// the callbacks of events.
class ScriptedPort final : public SubscriberPort {
 public:
  std::deque<std::uint64_t> queue;
  std::deque<std::function<void()>> inside_takes;  ///< of the first take, of the second one, and so on
  Numbers released;

  Chunk take() noexcept override {
    if (!inside_takes.empty()) {
      const auto inside = std::move(inside_takes.front());
      inside_takes.pop_front();
      inside();
    }
    if (queue.empty()) return Chunk::refusal(TakeStatus::empty);
    const std::uint64_t number = queue.front();
    queue.pop_front();
    return {&payload_, number};
  }
  void release(Chunk chunk) noexcept override { released.push_back(chunk.token); }
  WaitStatus wait(std::chrono::nanoseconds) noexcept override {
    return queue.empty() ? WaitStatus::timeout : WaitStatus::ready;
  }
  SampleInfo info(Chunk) const noexcept override { return {}; }
  std::size_t capacity(Chunk) const noexcept override { return sizeof(payload_); }
  std::size_t bytes(Chunk) const noexcept override { return sizeof(payload_); }
  void report_damaged(Chunk) noexcept override {}
  Result<int> fd() override { return fail(Errc::system, "a scripted port", "has no descriptor", ""); }
  Attachment attach(std::shared_ptr<Waker> /*waker*/) override { return Attachment::descriptor; }
  void detach() noexcept override {}
  std::shared_ptr<domain::Member> member() const noexcept override { return nullptr; }
  void on_message(MessageHandler) override {}
  const PortAnnouncement& announcement() const noexcept override { return announcement_; }
  SubscriberCounters counters() const override { return {}; }
  std::size_t connection_count() const noexcept override { return 1; }
  std::vector<std::string> audit() const override { return {}; }
  bool wait_for_connections(std::size_t, std::chrono::nanoseconds) noexcept override { return true; }
  void close() noexcept override {}
  void abandon() noexcept override {}  // the test's

 private:
  std::byte payload_{};
  PortAnnouncement announcement_;
};

/// Knows one publisher.
class OnePublisher final : public PublisherDirectory {
 public:
  bool look(std::vector<std::shared_ptr<const PortAnnouncement>>& found) override {
    if (std::exchange(looked_, true)) return false;
    auto publisher = std::make_shared<PortAnnouncement>();
    publisher->topic = "topic";
    found = {std::move(publisher)};
    return true;
  }

 private:
  bool looked_ = false;
};

class ScriptedOpener final : public TopicPorts::Opener {
 public:
  explicit ScriptedOpener(ScriptedPort& port) : port_(port) {}
  std::optional<Fingerprint> type_for(const PortAnnouncement& publisher) override { return publisher.fingerprint; }
  Result<TopicPorts::Port> open(const PortAnnouncement&) override {
    return TopicPorts::Port{SubscriberPortHandle(&port_)};
  }

 private:
  ScriptedPort& port_;
};

class OfTopicPorts : public testing::Test {
 protected:
  OfTopicPorts() {
    auto added = ports_->add_directory([](const auto&) { return std::make_unique<OnePublisher>(); });
    EXPECT_TRUE(added);
    EXPECT_FALSE(ports_->take());  // and looks
  }

  WaitStatus look() { return ports_->wait_once(TopicPorts::Clock::now()).value(); }

  Numbers take_all() {
    Numbers numbers;
    while (const TopicPorts::Taken taken = ports_->take()) numbers.push_back(taken.chunk.token);
    return numbers;
  }

  /// What comes while a callback waits inside of a take, which it finds, and what comes before that take goes on.
  void have_callback_wait() {
    port_.inside_takes = {[this] { EXPECT_EQ(look(), WaitStatus::ready); }, [this] { port_.queue = {1, 2}; }};
  }

  ScriptedPort port_;
  std::unique_ptr<TopicPorts> ports_ = TopicPorts::make("node", "*", std::make_unique<ScriptedOpener>(port_)).value();
};

TEST_F(OfTopicPorts, wait_keeps_what_it_and_the_wait_of_a_callback_inside_of_it_have_found_in_order) {
  have_callback_wait();
  EXPECT_EQ(look(), WaitStatus::ready);
  EXPECT_TRUE(port_.queue.empty());
  EXPECT_EQ(take_all(), Numbers({1, 2}));
}

TEST_F(OfTopicPorts, take_gives_what_the_wait_of_a_callback_inside_of_it_has_found_before_what_it_found_itself) {
  have_callback_wait();
  EXPECT_EQ(take_all(), Numbers({1, 2}));
}

TEST_F(OfTopicPorts, take_gives_what_the_wait_of_a_callback_inside_of_it_has_found_where_it_found_nothing) {
  port_.inside_takes = {[this] { EXPECT_EQ(look(), WaitStatus::ready); }, [this] { port_.queue = {1}; }};
  const TopicPorts::Taken taken = ports_->take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken.chunk.token, 1U);
}

TEST_F(OfTopicPorts, signal_is_written_once_until_it_is_heard_however_often_it_is_raised) {
  const auto written = [this] {
    std::uint64_t count = 0;
    return ::read(ports_->signal_fd(), &count, sizeof(count)) == sizeof(count) ? count : 0;
  };
  EXPECT_EQ(written(), 0U);
  for (int i = 0; i < 256; ++i) ports_->raise();
  EXPECT_EQ(written(), 1U);
  ports_->hear();
  ports_->raise();
  ports_->hear();
  EXPECT_EQ(written(), 0U);
  ports_->raise();
  EXPECT_EQ(written(), 1U);
}

TEST_F(OfTopicPorts, signal_that_threads_raise_at_once_is_up_when_they_are_done_and_quiet_when_it_has_been_heard) {
  std::atomic<int> raising{4};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20'000; ++n) ports_->raise();
      --raising;
    });
  }
  while (raising != 0) ports_->hear();
  for (std::thread& thread : threads) thread.join();
  pollfd entry{ports_->signal_fd(), POLLIN, 0};
  ports_->raise();
  EXPECT_EQ(::poll(&entry, 1, 0), 1);
  ports_->hear();
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
}

TEST_F(OfTopicPorts, end_releases_all_that_waits_have_found) {
  have_callback_wait();
  EXPECT_EQ(look(), WaitStatus::ready);
  ports_->close();
  EXPECT_EQ(port_.released, Numbers({1, 2}));
}

}  // namespace
}  // namespace baton
