#include "baton/topic_watch.hpp"

#include <chrono>
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include "baton/log.hpp"
#include "baton/node.hpp"
#include "baton/transport_inproc.hpp"
#include "test/conformance.hpp"

namespace {

/// How many allocations of this thread succeed until one does not, once; none fails if it is negative.
thread_local int allocations_until_failure = -1;

}  // namespace

// Of the whole program: they fail where a test of this file wants it.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (allocations_until_failure >= 0 && allocations_until_failure-- == 0) throw std::bad_alloc();
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t& /*unused*/) noexcept {
  return std::malloc(bytes);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

TEST(TopicWatch, tells_of_what_went_while_there_was_no_memory) {
  baton::set_log_level(baton::LogLevel::off);
  const auto open = [](const std::string& name, bool keeper) {
    return baton::Node::open(name, {.domain = "topic_watch_test",
                                    .config = baton::Config::parse("[liveness]\nheartbeat = \"10 ms\"\n", "t").value(),
                                    .transports = {baton::inproc_transport()},
                                    .keeper = keeper})
        .value();
  };
  auto node = open("watching", false);
  auto other = open("other", true);
  int there = 0;
  const auto watch = node.watch("**",
                                [&](const baton::TopicEvent& event) {
                                  there += event.change == baton::TopicChange::appeared ? 1 : -1;
                                })
                         .value();
  const auto becomes = [&](int count) {
    for (int i = 0; i < 2'000 && there != count; ++i) node.keep(std::chrono::milliseconds(1));
    return there == count;
  };
  bool failed = true;
  for (int allocations = 0; failed; ++allocations) {
    {
      const auto publisher = other.publisher<conformance::Message>("topic").value();
      ASSERT_TRUE(becomes(1));
    }
    allocations_until_failure = allocations;
    try {
      node.keep();
    } catch (const std::bad_alloc&) {  // what was due stays due
    }
    failed = allocations_until_failure < 0;
    allocations_until_failure = -1;
    ASSERT_TRUE(becomes(0)) << "after a failure of allocation " << allocations;
  }
  baton::set_log_level(baton::LogLevel::warn);
}

}  // namespace
