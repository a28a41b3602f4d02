#pragma once

// What the conformance suite works with. The suite states what a user may rely on, and runs over every transport: a new
// one is added to `transports()`. Messages carry a number of the test's own and a checksum, so that order, loss and
// integrity are recomputed from what arrived, not read from baton's counters.

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "baton/baton.hpp"
#include "baton/transport_inproc.hpp"
#include "baton/transport_shm.hpp"
#include "test/conformance.hpp"

namespace conformance {

using namespace std::chrono_literals;

struct TransportCase {
  std::string name;
  std::function<std::shared_ptr<baton::Transport>()> make;
};

inline const std::vector<TransportCase>& transports() {
  static const std::vector<TransportCase> all = {
      {"inproc", [] { return baton::inproc_transport(); }},
      {"shm", [] { return baton::shm_transport(); }},
      {"ring", [] { return baton::ring_transport(); }},
  };
  return all;
}

/// Those that call a callback on the publishing thread, inside `publish`.
inline const std::vector<TransportCase>& direct_transports() {
  static const std::vector<TransportCase> direct = {transports().front()};
  return direct;
}

/// Waits until something holds that another thread brings about; false if it does not come to pass.
inline bool eventually(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(100us);
  }
  return true;
}

/// How many messages a test of wake-ups sends: BATON_STRESS_MESSAGES, for long runs, or else as many.
inline std::uint64_t stress_messages(std::uint64_t usual) {
  const char* const wanted = std::getenv("BATON_STRESS_MESSAGES");
  return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

/// What a callback heard, in order; for any thread.
class Heard {
 public:
  using Numbers = std::vector<std::uint64_t>;

  void note(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    numbers_.push_back(number);
  }

  Numbers numbers() const {
    const std::lock_guard lock(mutex_);
    return numbers_;
  }

  /// Whether these, and no others, are heard in the end.
  testing::AssertionResult is(const Numbers& expected) const {
    if (eventually([&] { return numbers().size() >= expected.size(); }) && numbers() == expected) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "heard " << testing::PrintToString(numbers());
  }

 private:
  mutable std::mutex mutex_;
  Numbers numbers_;
};

inline std::uint64_t checksum_of(const Message& message) {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325U;  // FNV-1a
  const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 0x100'0000'01b3U; };
  mix(message.writer);
  mix(message.number);
  for (const std::uint8_t byte : message.body) mix(byte);
  return hash;
}

inline void fill(Message& message, std::uint32_t writer, std::uint64_t number) {
  message.writer = writer;
  message.number = number;
  message.body.clear();
  for (std::uint64_t i = 0; i < number % 49; ++i) message.body.push_back(static_cast<std::uint8_t>(number * 31 + i));
  message.checksum = checksum_of(message);
}

inline Message make_message(std::uint32_t writer, std::uint64_t number) {
  Message message;
  fill(message, writer, number);
  return message;
}

/// Publishes in a loan, as users do.
inline baton::PublishResult publish(baton::Publisher<Message>& publisher, std::uint32_t writer, std::uint64_t number) {
  auto loan = publisher.loan();
  if (!loan) {
    ADD_FAILURE() << loan.error().message();
    return {baton::PublishStatus::out_of_chunks};
  }
  fill(**loan, writer, number);
  return loan->publish();
}

/// Checks that what one reader gets is intact and in order, for each writer, and counts what is missing.
class Ledger {
 public:
  void note(const Message& message) {
    EXPECT_EQ(message.checksum, checksum_of(message)) << "torn or overwritten: writer " << message.writer;
    auto [entry, first] = next_.try_emplace(message.writer, message.number);
    EXPECT_GE(message.number, entry->second) << "out of order or twice: writer " << message.writer;
    if (first) first_[message.writer] = message.number;
    if (message.number >= entry->second) missing_ += message.number - entry->second;
    entry->second = message.number + 1;
    ++count_;
  }

  std::uint64_t count() const { return count_; }
  /// Numbers skipped between the first and the last that arrived.
  std::uint64_t missing() const { return missing_; }
  std::uint64_t next(std::uint32_t writer) const { return next_.contains(writer) ? next_.at(writer) : 0; }
  std::uint64_t first(std::uint32_t writer) const { return first_.at(writer); }

 private:
  std::map<std::uint32_t, std::uint64_t> next_;
  std::map<std::uint32_t, std::uint64_t> first_;
  std::uint64_t count_ = 0;
  std::uint64_t missing_ = 0;
};

/// Removes what latched publishers have left of a domain: that stays by design, and nothing else may.
inline void remove_latched(const std::filesystem::path& domain) {
  namespace fs = std::filesystem;
  std::error_code ignored;  // whoever leaves the domain just now removes the rest
  std::vector<fs::path> buckets;
  for (const auto& entry : fs::directory_iterator(domain, ignored)) {
    if (entry.is_directory(ignored)) buckets.push_back(entry.path());
  }
  for (const fs::path& bucket : buckets) {
    std::vector<fs::path> latched;
    for (const auto& entry : fs::directory_iterator(bucket, ignored)) {
      if (entry.path().filename().string().starts_with("latched-")) latched.push_back(entry.path());
    }
    for (const fs::path& file : latched) fs::remove(file, ignored);
    if (!latched.empty()) fs::remove(bucket, ignored);  // if it is empty
  }
  fs::remove(domain, ignored);
  fs::remove(domain.parent_path(), ignored);
}

inline std::filesystem::path domains_path() { return "/dev/shm/baton-" + std::to_string(::getuid()); }

class Conformance : public testing::TestWithParam<TransportCase> {
 protected:
  /// A node in a domain of this test's own.
  baton::Node open_node(const std::string& name, const std::string& config = "") {
    baton::Options options;
    options.domain = domain_;
    options.config = baton::Config::parse(config, "test.toml").value();
    options.transports = {GetParam().make()};
    return baton::Node::open(name, std::move(options)).value();
  }

  static std::vector<std::uint64_t> take_all(baton::Subscriber<Message>& subscriber) {
    std::vector<std::uint64_t> numbers;
    while (auto sample = subscriber.take()) {
      EXPECT_EQ(sample->checksum, checksum_of(*sample));
      numbers.push_back(sample->number);
    }
    return numbers;
  }

  /// Every chunk is where it should be once nothing is queued, held or loaned: in the free list or the history.
  static void expect_all_chunks_free(const baton::Publisher<Message>& publisher, std::uint64_t in_history = 0) {
    EXPECT_EQ(publisher.counters().open_loans, 0U);
    EXPECT_TRUE(eventually([&] {
      const baton::PublisherCounters counters = publisher.counters();
      return counters.free_chunks + in_history == counters.chunks;
    })) << publisher.counters().free_chunks
        << " free chunks and " << in_history << " in the history, of " << publisher.counters().chunks;
  }

  /// Waits until the callback has had everything, and takes it away, so that what it wrote can be read.
  static void finish(baton::Subscriber<Message>& subscriber) {
    EXPECT_TRUE(eventually([&] { return subscriber.counters().total.queued == 0; }));
    subscriber.on_message(nullptr);
  }

  /// offered = taken + queued + dropped + undelivered, for one reader.
  static void expect_balanced(const baton::ConnectionCounters& c) {
    EXPECT_EQ(c.offered, c.taken + c.queued + c.dropped() + c.undelivered);
  }

  const std::string domain_ = "test-" + std::to_string(::getpid()) + "-" + std::to_string(next_domain_.fetch_add(1));
  /// When the nodes are gone.
  struct Cleaner {
    ~Cleaner() { remove_latched(domains_path() / domain); }
    const std::string& domain;
  } cleaner_{domain_};
  baton::Node node_ = open_node("first");
  baton::Node other_ = open_node("second");

 private:
  static inline std::atomic<int> next_domain_{0};
};

#define BATON_CONFORMANCE_SUITE_OVER(Suite, cases)                        \
  class Suite : public Conformance {};                                    \
  INSTANTIATE_TEST_SUITE_P(transports, Suite, testing::ValuesIn((cases)), \
                           [](const testing::TestParamInfo<TransportCase>& param) { return param.param.name; })

#define BATON_CONFORMANCE_SUITE(Suite) BATON_CONFORMANCE_SUITE_OVER(Suite, transports())

}  // namespace conformance
