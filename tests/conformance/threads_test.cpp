// The rules of docs/threads.md that no other suite is about.
#include "fixture.hpp"

#include <sched.h>
#include <sys/types.h>

#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <optional>
#include <set>

namespace conformance {

/// Those that have a thread of the subscriber's node call a callback.
inline const std::vector<TransportCase>& dispatching_transports() {
  static const std::vector<TransportCase> dispatching(transports().begin() + 1, transports().end());
  return dispatching;
}

class ThreadsBase : public Conformance {
 protected:
  baton::Node open_alone(const std::string& name) {
    baton::Options options;
    options.domain = domain_;
    options.keeper = false;
    options.transports = {GetParam().make()};
    return baton::Node::open(name, std::move(options)).value();
  }
};

#define BATON_THREADS_SUITE(Suite, cases)                                 \
  class Suite : public ThreadsBase {};                                    \
  INSTANTIATE_TEST_SUITE_P(transports, Suite, testing::ValuesIn((cases)), \
                           [](const testing::TestParamInfo<TransportCase>& param) { return param.param.name; })

BATON_THREADS_SUITE(Threads, transports());
BATON_THREADS_SUITE(DirectThreads, direct_transports());
BATON_THREADS_SUITE(DispatchingThreads, dispatching_transports());

using Numbers = Heard::Numbers;
using Sample = baton::Sample<Message>;

std::ptrdiff_t thread_count() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
}

/// The threads that something ran on; for any thread.
class Ran {
 public:
  void note() {
    const std::lock_guard lock(mutex_);
    threads_.insert(std::this_thread::get_id());
  }
  std::set<std::thread::id> threads() const {
    const std::lock_guard lock(mutex_);
    return threads_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::thread::id> threads_;
};

TEST_P(Threads, hand_a_publisher_and_a_subscriber_on_to_each_other) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::mutex mutex;
  std::condition_variable turn;
  std::uint64_t next = 0;
  const auto work = [&](std::uint64_t first) {
    for (std::uint64_t number = first; number < 2'000; number += 2) {
      std::unique_lock lock(mutex);
      turn.wait(lock, [&] { return next == number; });
      EXPECT_EQ(publish(publisher, 1, number).delivered, 1U);
      EXPECT_EQ(take_all(subscriber), (Numbers{number}));
      ++next;
      turn.notify_one();
    }
  };
  std::thread even(work, 0);
  std::thread odd(work, 1);
  even.join();
  odd.join();
  expect_all_chunks_free(publisher);
}

TEST_P(Threads, use_one_node_all_at_once) {
  std::atomic<std::uint64_t> received{0};
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const std::string topic = "topic/" + std::to_string(i % 2);
      for (std::uint64_t round = 0; round < 50; ++round) {
        auto publisher = node_.publisher<Message>(topic).value();
        auto subscriber = node_.subscriber<Message>(topic).value();
        publish(publisher, i, round);
        received += take_all(subscriber).size();
        node_.on_event([](const baton::Event&) {});
        node_.keep();
        static_cast<void>(node_.take_event());
        static_cast<void>(node_.lost_events());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GE(received.load(), 200U) << "each hears itself";
}

TEST_P(Threads, go_on_with_ports_and_callbacks_whose_node_has_gone) {
  auto node = std::make_optional(open_node("short-lived"));
  auto publisher = node->publisher<Message>("topic").value();
  auto subscriber = node->subscriber<Message>("topic").value();
  Heard heard;
  subscriber.on_message([&](const Sample& sample) { heard.note(sample->number); });
  node.reset();
  publish(publisher, 1, 0);
  EXPECT_TRUE(heard.is({0}));
  auto late = other_.subscriber<Message>("topic").value();
  EXPECT_EQ(publish(publisher, 1, 1).delivered, 2U);
  EXPECT_EQ(take_all(late), (Numbers{1}));
  subscriber.close();
}

TEST_P(DirectThreads, publishing_call_the_callbacks_of_their_readers_before_publish_returns) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  Ran ran;
  std::atomic<int> called{0};
  subscriber.on_message([&](const Sample&) {
    ran.note();
    ++called;
  });
  std::thread::id writer_id;
  std::thread writer([&] {
    auto publisher = node_.publisher<Message>("topic").value();
    publish(publisher, 1, 0);
    EXPECT_EQ(called.load(), 1);
    writer_id = std::this_thread::get_id();
  });
  writer.join();
  EXPECT_EQ(ran.threads(), (std::set{writer_id}));
  subscriber.close();
}

TEST_P(DirectThreads, that_set_a_callback_call_it_with_what_was_queued) {
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::thread writer([&] {
    auto publisher = node_.publisher<Message>("topic").value();
    publish(publisher, 1, 0);
  });
  writer.join();
  Ran ran;
  subscriber.on_message([&](const Sample&) { ran.note(); });
  EXPECT_EQ(ran.threads(), (std::set{std::this_thread::get_id()}));
}

TEST_P(DispatchingThreads, are_one_for_all_callbacks_of_a_node_and_no_thread_of_the_program) {
  auto first = other_.subscriber<Message>("first").value();
  auto second = other_.subscriber<Message>("second").value();
  Ran ran;
  Heard heard;
  std::atomic<int> inside{0};
  const auto note = [&](const Sample& sample) {
    EXPECT_EQ(inside.fetch_add(1), 0) << "one after the other, of all subscribers";
    ran.note();
    heard.note(sample->number);
    inside.fetch_sub(1);
  };
  auto to_first = node_.publisher<Message>("first").value();
  auto to_second = node_.publisher<Message>("second").value();
  publish(to_first, 1, 0);  // queued before there is a callback
  first.on_message(note);
  second.on_message(note);
  for (std::uint64_t number = 1; number < 200; ++number) publish(number % 2 == 0 ? to_first : to_second, 1, number);
  EXPECT_TRUE(eventually([&] {
    return heard.numbers().size() + first.counters().total.dropped() + second.counters().total.dropped() == 200U;
  }));
  first.close();
  second.close();
  EXPECT_EQ(ran.threads().size(), 1U);
  EXPECT_FALSE(ran.threads().contains(std::this_thread::get_id()));
}

TEST_P(DispatchingThreads, hold_up_no_publisher_while_a_callback_takes_its_time) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::atomic<bool> started{false};
  std::atomic<bool> go_on{false};
  subscriber.on_message([&](const Sample&) {
    started = true;
    while (!go_on) std::this_thread::yield();
  });
  publish(publisher, 1, 0);
  ASSERT_TRUE(eventually([&] { return started.load(); }));
  for (std::uint64_t number = 1; number < 100; ++number) EXPECT_TRUE(publish(publisher, 1, number));
  go_on = true;
  subscriber.close();
}

TEST_P(DispatchingThreads, run_on_the_processors_of_the_thread_that_sets_the_first_callback) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::atomic<int> processors{0};
  std::thread setter([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
    subscriber.on_message([&](const Sample&) {
      cpu_set_t own;
      ASSERT_EQ(::sched_getaffinity(0, sizeof(own), &own), 0);
      processors = CPU_COUNT(&own);
    });
  });
  setter.join();
  publish(publisher, 1, 0);
  EXPECT_TRUE(eventually([&] { return processors != 0; }));
  EXPECT_EQ(processors, 1);
  subscriber.close();
}

TEST_P(Threads, of_the_library_are_none_in_a_node_without_keeper_and_callbacks) {
  const auto before = thread_count();
  auto writing = open_alone("writing");
  auto reading = open_alone("reading");
  auto publisher = writing.publisher<Message>("topic").value();
  auto subscriber = reading.subscriber<Message>("topic").value();
  writing.keep();
  reading.keep();
  EXPECT_EQ(publish(publisher, 1, 0).delivered, 1U);
  EXPECT_TRUE(subscriber.wait(10s));
  EXPECT_EQ(take_all(subscriber), (Numbers{0}));
  EXPECT_LE(thread_count(), before);
}

TEST_P(Threads, that_keep_a_node_without_keeper_connect_its_idle_publisher) {
  auto writing = open_alone("writing");
  auto publisher = writing.publisher<Message>("topic", {.history = 1}).value();
  publish(publisher, 1, 7);
  std::atomic<bool> stop{false};
  std::thread keeping([&] {
    while (!stop) writing.keep(10ms);
  });
  auto subscriber = other_.subscriber<Message>("topic", {.history = 1}).value();
  EXPECT_TRUE(subscriber.wait(20s)) << "the history of a publisher whose verbs nobody calls";
  EXPECT_EQ(take_all(subscriber), (Numbers{7}));
  stop = true;
  keeping.join();
}

TEST_P(Threads, that_use_a_node_without_keeper_are_told_its_events) {
  auto reading = open_alone("reading");
  auto subscriber = reading.subscriber<Message>("topic").value();
  Ran ran;
  reading.on_event([&](const baton::Event& event) {
    if (event.kind == baton::EventKind::matched) ran.note();  // nodes that join are told by `keep` on every transport
  });
  std::thread::id opener_id;
  std::optional<baton::Publisher<Message>> publisher;
  std::thread opener([&] {
    opener_id = std::this_thread::get_id();
    publisher = node_.publisher<Message>("topic").value();
  });
  opener.join();
  const bool in_process = GetParam().name == "inproc";
  EXPECT_TRUE(eventually([&] {
    reading.keep();
    return !ran.threads().empty();
  }));
  EXPECT_EQ(ran.threads(), (std::set{in_process ? opener_id : std::this_thread::get_id()}));
  reading.on_event(nullptr);
}

TEST_P(Threads, need_not_wait_for_the_callback_of_an_event_to_replace_it) {
  std::atomic<bool> started{false};
  std::atomic<bool> go_on{false};
  std::atomic<bool> finished{false};
  node_.on_event([&](const baton::Event&) {
    if (started.exchange(true)) return;
    while (!go_on) std::this_thread::yield();
    finished = true;
  });
  auto publisher = node_.publisher<Message>("topic").value();
  std::thread joiner([&] { auto subscriber = other_.subscriber<Message>("topic").value(); });
  ASSERT_TRUE(eventually([&] { return started.load(); }));
  node_.on_event(nullptr);
  EXPECT_FALSE(finished) << "the former one goes on";
  go_on = true;
  joiner.join();
  EXPECT_TRUE(eventually([&] { return finished.load(); }));
}

std::atomic<pid_t> handled_on{0};
void note_thread(int /*signal*/) { handled_on = ::gettid(); }

/// Has a signal handled for a while, and tells on which thread.
class Handling {
 public:
  explicit Handling(int signal) : signal_(signal) {
    handled_on = 0;
    struct sigaction action {};
    action.sa_handler = note_thread;
    ::sigaction(signal_, &action, &before_);
  }
  ~Handling() { ::sigaction(signal_, &before_, nullptr); }
  Handling(const Handling&) = delete;
  Handling& operator=(const Handling&) = delete;

 private:
  const int signal_;
  struct sigaction before_ {};
};

TEST_P(Threads, of_the_library_run_no_signal_handler_of_the_program) {
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  Heard heard;
  subscriber.on_message([&](const Sample& sample) { heard.note(sample->number); });
  publish(publisher, 1, 0);
  ASSERT_TRUE(heard.is({0})) << "all threads are there";
  const Handling handling(SIGUSR1);
  sigset_t usr1;
  sigset_t before;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, &before);
  ::kill(::getpid(), SIGUSR1);  // to the process: any thread that does not block it will do
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(handled_on, 0);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_TRUE(eventually([] { return handled_on == ::gettid(); }));
  subscriber.close();
}

TEST_P(Threads, that_run_a_callback_run_the_handler_of_its_faults) {
  const Handling handling(SIGTRAP);
  auto publisher = node_.publisher<Message>("topic").value();
  auto subscriber = other_.subscriber<Message>("topic").value();
  std::atomic<pid_t> called_on{0};
  subscriber.on_message([&](const Sample&) {
    std::raise(SIGTRAP);
    called_on = ::gettid();
  });
  publish(publisher, 1, 0);
  EXPECT_TRUE(eventually([&] { return called_on != 0; }));
  EXPECT_EQ(handled_on, called_on);
  subscriber.close();
}

TEST_P(Threads, wait_on_a_subscriber_in_vain_while_its_callback_gets_the_messages) {
  for (const bool keeper : {true, false}) {
    auto reading = keeper ? open_node("reading") : open_alone("reading");
    auto publisher = node_.publisher<Message>("topic").value();
    auto subscriber = reading.subscriber<Message>("topic", {.depth = 1'000}).value();
    EXPECT_TRUE(subscriber.wait_for_publishers(1, 30s));
    std::atomic<std::uint64_t> heard{0};
    subscriber.on_message([&](const Sample& /*sample*/) { ++heard; });
    std::atomic<bool> done{false};
    std::uint64_t published = 0;
    std::thread writer([&] {
      while (!done) {
        publish(publisher, 1, published++);
        std::this_thread::sleep_for(50us);
      }
    });
    for (int round = 0; round < 50; ++round) EXPECT_FALSE(subscriber.wait(2ms));
    done = true;
    writer.join();
    EXPECT_TRUE(eventually([&] { return heard == published; })) << heard << " of " << published;
  }
}

TEST_P(Threads, that_wait_for_connections_keep_a_node_without_keeper_meanwhile) {
  for (const bool publishing : {true, false}) {
    SCOPED_TRACE(publishing ? "wait_for_subscribers" : "wait_for_publishers");
    auto alone = open_alone("alone");
    auto publisher = alone.publisher<Message>("out").value();
    auto subscriber = alone.subscriber<Message>("in").value();
    auto newcomer = open_node("newcomer");
    auto port = newcomer.publisher<Message>("elsewhere").value();
    while (alone.take_event()) {
    }
    auto latecomer = open_node("latecomer");
    auto other_port = latecomer.publisher<Message>("elsewhere").value();
    bool told = false;
    EXPECT_TRUE(eventually([&] {
      EXPECT_FALSE(publishing ? publisher.wait_for_subscribers(1, 10ms) : subscriber.wait_for_publishers(1, 10ms));
      while (const auto event = alone.take_event()) {
        told |= event->kind == baton::EventKind::joined && event->peer == "latecomer";
      }
      return told;
    }));
  }
}

TEST_P(Threads, that_wait_for_connections_may_have_the_port_closed_or_destroyed_by_an_events_callback) {
  for (const bool destroys : {true, false}) {
    SCOPED_TRACE(destroys ? "destroyed" : "closed");
    auto alone = open_alone("alone");
    auto publisher = std::make_optional(alone.publisher<Message>("topic").value());
    alone.on_event([&](const baton::Event& event) {
      if (event.kind != baton::EventKind::joined || event.peer != "latecomer") return;
      if (destroys) {
        publisher.reset();
      } else {
        publisher->close();
      }
    });
    std::thread latecomer([&] {
      std::this_thread::sleep_for(50ms);
      auto node = open_node("latecomer");
      auto port = node.publisher<Message>("elsewhere").value();
      std::this_thread::sleep_for(200ms);
    });
    EXPECT_FALSE(publisher->wait_for_subscribers(1, 30s));
    latecomer.join();
    alone.on_event(nullptr);
  }
}

BATON_THREADS_SUITE(ThreadCheck, transports());

/// Runs on the two threads named "first" and "second", in the way that is to be found, in a program of its own.
class Misuse {
 public:
  explicit Misuse(std::shared_ptr<baton::Transport> transport) : transport_(std::move(transport)) {}

  /// The program that ends leaves its domain, as a killed one does: one whose name its parent knows.
  ~Misuse() {
    std::filesystem::remove_all("/dev/shm/baton-" + std::to_string(::geteuid()) + "/" + domain_of_child_of(::getpid()));
  }
  Misuse(const Misuse&) = delete;
  Misuse& operator=(const Misuse&) = delete;

  template <class Open>
  void run(Open open, const std::function<void(decltype(open(std::declval<baton::Node&>()))&)>& once,
           const std::function<void(decltype(open(std::declval<baton::Node&>()))&)>& again_and_again) const {
    baton::Options options;
    options.domain = domain_of_child_of(::getppid());
    options.transports = {transport_};
    auto node = baton::Node::open("first", std::move(options)).value();
    auto port = open(node);
    ::pthread_setname_np(::pthread_self(), "second");
    std::thread waiting([&] {
      ::pthread_setname_np(::pthread_self(), "first");
      once(port);
    });
    while (true) again_and_again(port);
  }

 private:
  static std::string domain_of_child_of(pid_t parent) { return "test-" + std::to_string(parent) + "-ended"; }

  const std::shared_ptr<baton::Transport> transport_;
};

TEST_P(ThreadCheck, names_both_threads) {
#ifdef NDEBUG
  GTEST_SKIP() << "the check is made by debug builds";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Misuse misuse(GetParam().make());
  EXPECT_DEATH(misuse.run([](baton::Node& node) { return node.subscriber<Message>("topic").value(); },
                          [](auto& subscriber) { subscriber.wait(10s); },
                          [](auto& subscriber) { static_cast<void>(subscriber.take()); }),
               "topic 'topic': (take|wait) of first on thread '(first|second)' .*, while thread '(first|second)' .* is "
               "in its (take|wait|verb)");
}

TEST_P(ThreadCheck, holds_for_the_counters_of_a_publisher_too) {
#ifdef NDEBUG
  GTEST_SKIP() << "the check is made by debug builds";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Misuse misuse(GetParam().make());
  const auto open = [](baton::Node& node) { return node.publisher<Message>("topic").value(); };
  const auto wait = [](auto& publisher) { publisher.wait_for_subscribers(1, 10s); };
  EXPECT_DEATH(misuse.run(open, wait, [](auto& publisher) { static_cast<void>(publisher.counters()); }),
               "(counters|wait_for_connections) of first");
  EXPECT_DEATH(misuse.run(open, wait, [](auto& publisher) { static_cast<void>(publisher.subscriber_count()); }),
               "(connection_count|wait_for_connections) of first");
}

}  // namespace conformance
