#include "baton/posix/futex.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <thread>

#include <gtest/gtest.h>

#include "baton/posix/mapping.hpp"
#include "ticking.hpp"
#include "unnamed_memory.hpp"

namespace baton::posix {
namespace {

using testing_support::unnamed_memory;

using namespace std::chrono_literals;
using Word = std::atomic<std::uint32_t>;

std::chrono::steady_clock::time_point in(std::chrono::nanoseconds time) {
  return std::chrono::steady_clock::now() + time;
}

TEST(Futex, does_not_sleep_when_the_word_has_changed_already) {
  Word word{1};
  EXPECT_EQ(futex_wait(word, 0, FutexScope::process), FutexWait::changed);
}

TEST(Futex, sleeps_until_its_deadline_although_signals_interrupt) {
  Word word{0};
  const testing_support::Ticking ticking;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(futex_wait(word, 0, FutexScope::process, in(60ms)), FutexWait::timeout);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 60ms);
  EXPECT_EQ(futex_wait(word, 0, FutexScope::process, start), FutexWait::timeout);
  EXPECT_EQ(futex_wait(word, 0, FutexScope::process, std::chrono::steady_clock::time_point::min()), FutexWait::timeout);
}

TEST(Futex, wakes_a_thread) {
  Word word{0};
  std::thread sleeper([&] {
    while (word.load() == 0) static_cast<void>(futex_wait(word, 0, FutexScope::process, in(10s)));
  });
  std::this_thread::sleep_for(20ms);
  word.store(1);
  static_cast<void>(futex_wake(word, FutexScope::process));
  const auto start = std::chrono::steady_clock::now();
  sleeper.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_EQ(futex_wake(word, FutexScope::process, 100), 0);
}

TEST(Futex, wakes_another_process_through_shared_memory) {
  const SharedMemory memory = unnamed_memory(4096);
  const Mapping mapping = Mapping::map(memory, Access::read_write).value();
  Word& word = *new (mapping.writable_bytes().data()) Word{0};
  const pid_t pid = ::fork();
  if (pid == 0) {
    const Mapping own = Mapping::map(memory, Access::read_only).value();  // a sleeper need not be able to write
    const Word& seen = *reinterpret_cast<const Word*>(own.bytes().data());
    const auto deadline = in(10s);
    while (seen.load() == 0) {
      if (futex_wait(seen, 0, FutexScope::shared, deadline) == FutexWait::timeout) ::_exit(1);
    }
    ::_exit(0);
  }
  std::this_thread::sleep_for(50ms);
  word.store(1);
  const int woken = futex_wake(word, FutexScope::shared);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_LE(woken, 1);
}

TEST(Futex, that_is_not_mapped_fails) {
  EXPECT_EQ(futex_wait(*reinterpret_cast<const Word*>(4096), 0, FutexScope::process), FutexWait::failed);
  EXPECT_EQ(errno, EFAULT);
}

}  // namespace
}  // namespace baton::posix
