// With `preallocate` nothing is left to be allocated, mapped or faulted in when messages travel.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <fstream>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>

#include "../../sanitized.hpp"
#include "baton/table.hpp"
#include "memory_files.hpp"
#include "test/bounded.hpp"
#include "test/conformance.hpp"

namespace baton {
namespace {

using namespace shm::testing_support;
using conformance::Message;
using testing::HasSubstr;

const std::string kPreallocate = "[memory]\npreallocate = true\n";

long faults() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

/// What is mapped of a domain's files, and how large the heap is.
std::string mappings(const Place& place) {
  std::ifstream maps("/proc/self/maps");
  std::string text;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(place.path()) != std::string::npos || line.find("[heap]") != std::string::npos) text += line + "\n";
  }
  return text;
}

/// From here on, a system call of this thread that could get memory ends the process.
void forbid_allocation() {
  constexpr std::array kForbidden{SYS_mmap,      SYS_mremap,    SYS_brk,     SYS_openat, SYS_open,
                                  SYS_ftruncate, SYS_fallocate, SYS_madvise, SYS_linkat, SYS_memfd_create};
  std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const long number : kForbidden) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

/// Something to publish and to take again; the counters tell what was there before the first message.
template <class T>
struct Pair {
  Pair(const Place& place, const std::string& topic, const std::string& config)
      : node(open(place, "node_" + topic, config)),
        subscriber(node.template subscriber<T>(topic).value()),
        publisher(node.template publisher<T>(topic).value()) {
    EXPECT_TRUE(subscriber.wait_for_publishers(1, std::chrono::seconds(10)));
    static_cast<void>(subscriber.take());
    static_cast<void>(publisher.subscriber_count());  // looks at what has changed, as the first publish would
  }
  Node node;
  Subscriber<T> subscriber;
  Publisher<T> publisher;
};

bool talk(Pair<Message>& pair) {
  auto loan = pair.publisher.loan();
  if (!loan || !loan->publish()) return false;
  return static_cast<bool>(pair.subscriber.take());
}
bool talk(Pair<bounded::Frame>& pair) {
  static std::size_t bytes = 0;
  bytes = (bytes + 997) % 8'000;
  auto loan = pair.publisher.loan(bytes);
  if (!loan) return false;
  if (bytes != 0) loan->data().back() = 1;
  if (!loan->publish()) return false;
  const auto sample = pair.subscriber.take();
  return sample && sample.data().size() == bytes && (bytes == 0 || sample.data().back() == 1);
}

/// Runs the messages of a pair, first those of another one, so that the code itself is there.
template <class T>
void expect_nothing_is_allocated(const Place& place) {
  Pair<T> other(place, "other", "");
  Pair<T> pair(place, "topic", kPreallocate);
  std::thread([&] {
    for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(talk(other));
    const std::string before = mappings(place);
    const long faults_before = faults();
    bool all = true;
    for (int i = 0; i < 1'000; ++i) all &= talk(pair);
    const long faulted = faults() - faults_before;
    EXPECT_TRUE(all);
    EXPECT_EQ(faulted, 0);
    EXPECT_EQ(mappings(place), before);
  }).join();
}

TEST(Preallocate, leaves_no_page_fault_to_fixed_messages) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers' own memory is faulted in";
  const Place place;
  expect_nothing_is_allocated<Message>(place);
}

TEST(Preallocate, leaves_no_page_fault_to_messages_with_sizes_of_their_own) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers' own memory is faulted in";
  const Place place;
  expect_nothing_is_allocated<bounded::Frame>(place);
}

TEST(Preallocate, leaves_no_system_call_that_allocates) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers allocate";
  const Place place;
  const auto talk_without = [&] {  // in a process of its own, which ends as if it were killed
    const Place here(place.path());
    Pair<bounded::Frame> pair(here, "topic", kPreallocate);
    std::thread([&] {
      forbid_allocation();
      bool all = true;
      for (int i = 0; i < 1'000; ++i) all &= talk(pair);
      ::_exit(all ? 0 : 1);
    }).join();
  };
  EXPECT_EXIT(talk_without(), testing::ExitedWithCode(0), "");
  place.join("reaper");
}

/// A process that publishes as many messages as it is told to.
class OtherProcess {
 public:
  explicit OtherProcess(const Place& place) {
    EXPECT_EQ(::pipe(orders_), 0);
    EXPECT_EQ(::pipe(answers_), 0);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::close(orders_[1]);  // its end is seen when the parent's is closed
    const Place here(place.path());
    Node node = open(here, "publisher", kPreallocate);
    auto publisher = node.publisher<Message>("topic", {.overflow = Overflow::block}).value();
    bool done = publisher.wait_for_subscribers(1, std::chrono::seconds(10));
    for (char count = 0; ::write(answers_[1], &done, 1) == 1 && ::read(orders_[0], &count, 1) == 1;) {
      for (; count > 0; --count) done = static_cast<bool>(publisher.publish(Message{}));
    }
    ::_exit(0);
  }
  ~OtherProcess() {
    for (const int end : {orders_[0], orders_[1], answers_[0], answers_[1]}) ::close(end);
    ::waitpid(pid_, nullptr, 0);
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  bool is_ready() const {
    bool done = false;
    return ::read(answers_[0], &done, 1) == 1 && done;
  }
  bool publish(char count) const { return ::write(orders_[1], &count, 1) == 1 && is_ready(); }

 private:
  int orders_[2] = {};
  int answers_[2] = {};
  pid_t pid_ = 0;
};

TEST(Preallocate, leaves_no_page_fault_to_a_reader_of_another_process) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers' own memory is faulted in";
  const Place place;
  {
    const OtherProcess process(place);
    Pair<Message> other(place, "other", "");
    Node node = open(place, "subscriber", kPreallocate);
    auto subscriber = node.subscriber<Message>("topic").value();
    ASSERT_TRUE(process.is_ready());
    ASSERT_TRUE(subscriber.wait_for_publishers(1, std::chrono::seconds(10)));
    ASSERT_FALSE(subscriber.take());
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(talk(other));  // so that the code itself is there
    const std::string before = mappings(place);
    std::uint64_t taken = 0;
    long faulted = 0;
    for (int round = 0; round < 20; ++round) {
      ASSERT_TRUE(process.publish(8));
      const long faults_before = faults();
      while (subscriber.take()) ++taken;
      faulted += faults() - faults_before;
    }
    EXPECT_EQ(taken, 160U);
    EXPECT_EQ(faulted, 0);
    EXPECT_EQ(mappings(place), before);
  }
  place.join("reaper");
}

TEST(Preallocate, wants_a_largest_size_of_messages_that_have_their_own) {
  const Place place;
  Node node = open(place, "node", kPreallocate);
  const auto refused = node.publisher<bounded::Endless>("t");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  EXPECT_EQ(
      refused.error().message(),
      "topic 't': publisher in node: preallocate of f:4 is true, and the messages of type bounded::Endless have no "
      "largest size; give the type one, @baton(max_size=...), or set preallocate = false");
}

TEST(Preallocate, refuses_a_topic_that_cannot_fit_and_names_both_settings) {
  const Place place;
  Node node = open(place, "node", kPreallocate);
  const auto refused = node.publisher<bounded::Frame>("t", {.history = 100, .max_memory = 100'000});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "topic 't': publisher in node: max_loans 4 and history 100 take 104 chunks of 8192 bytes, for the largest "
            "message, by preallocate of f:4 = true, more than max_memory, 100000 bytes; raise max_memory, or lower the "
            "others");
  EXPECT_TRUE(open(place, "other").publisher<bounded::Frame>("t", {.history = 100, .max_memory = 100'000}));
}

TEST(Preallocate, counts_bytes_as_they_are) {
  const Place place;
  Pair<bounded::Frame> pair(place, "topic", kPreallocate);
  ASSERT_TRUE(pair.publisher.loan(100).value().publish());
  const std::uint64_t one = pair.publisher.counters().bytes;
  EXPECT_GE(one, 100U);
  EXPECT_LT(one, 300U);
  EXPECT_TRUE(pair.publisher.audit().empty());
}

TEST(Preallocate, takes_tables_of_any_size_up_to_the_largest) {
  const Place place;
  Pair<bounded::Route> pair(place, "topic", kPreallocate);
  for (const std::size_t bytes : {0U, 100U, 500U, 900U}) {
    auto loan = pair.publisher.loan(bytes).value();
    const auto image = loan.builder().CreateVector(std::vector<std::uint8_t>(bytes, 7));
    loan.finish(bounded::CreateRoute(loan.builder(), bytes, image));
    ASSERT_TRUE(loan.publish());
    const auto sample = pair.subscriber.take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->image()->size(), bytes);
  }
}

TEST(Preallocate, has_readers_map_what_the_pool_grows_by_before_the_first_message_there) {
  const Place place;
  Pair<Message> pair(place, "topic", kPreallocate);
  const auto names = [&] {
    std::size_t count = 0;
    for (const std::string& file : place.files()) count += file.find("seg-of.0.") == std::string::npos ? 0 : 1;
    return count;
  };
  EXPECT_EQ(names(), 0U) << "mapped at the match";
  Node other = open(place, "other");
  const auto late = other.subscriber<Message>("topic", {.depth = 100}).value();
  EXPECT_TRUE(domain::testing_support::eventually([&] {
    static_cast<void>(pair.subscriber.take());
    return pair.publisher.subscriber_count() == 2 && names() == 0;
  })) << names();
}

}  // namespace
}  // namespace baton
