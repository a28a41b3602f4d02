#include "baton/thread_check.hpp"

#include <atomic>
#include <thread>
#include <type_traits>

#include <gtest/gtest.h>

namespace baton {
namespace {

PortAnnouncement port() {
  PortAnnouncement announcement;
  announcement.topic = "topic";
  announcement.node = "node";
  return announcement;
}

/// Is in a verb on one thread when another one begins.
template <class Check>
void be_in_two_verbs_at_once() {
  const PortAnnouncement announcement = port();
  const Check check{};
  std::atomic<bool> inside{false};
  std::atomic<bool> over{false};
  std::thread waiting([&] {
    const typename Check::Verb verb(check, "wait", announcement);
    inside = true;
    while (!over) std::this_thread::yield();
  });
  while (!inside) std::this_thread::yield();
  { const typename Check::Verb verb(check, "take", announcement); }
  over = true;
  waiting.join();
}

// Of every build of the library: a transport that checks may be linked to one that does not.
TEST(ThreadCheck, ends_the_program_when_two_threads_are_in_verbs_at_once) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(be_in_two_verbs_at_once<CheckedThreads>(), "topic 'topic': take of node on thread .* is in its wait");
}

TEST(ThreadCheck, lets_a_thread_call_a_verb_inside_another_and_another_thread_afterwards) {
  const PortAnnouncement announcement = port();
  const CheckedThreads check;
  {
    const CheckedThreads::Verb outer(check, "wait_for_publishers", announcement);
    const CheckedThreads::Verb inner(check, "counters", announcement);
  }
  std::thread([&] { const CheckedThreads::Verb verb(check, "take", announcement); }).join();
}

TEST(ThreadCheck, is_nothing_where_it_is_not_asked_for) {
  be_in_two_verbs_at_once<UncheckedThreads>();
  EXPECT_TRUE(std::is_empty_v<UncheckedThreads>);
}

}  // namespace
}  // namespace baton
