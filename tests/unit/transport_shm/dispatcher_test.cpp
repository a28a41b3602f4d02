#include "dispatcher.hpp"

#include <atomic>
#include <functional>
#include <memory>

#include "../core/domain/place.hpp"

namespace {

using namespace baton::domain;
using namespace baton::shm;
using baton::domain::testing_support::Place;
using namespace std::chrono_literals;

bool eventually(const std::atomic<bool>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!holds && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(100us);
  return holds;
}

/// Does what it is told when it has its turn.
struct Turn final : Dispatched {
  explicit Turn(std::function<void()> f) : function(std::move(f)) {}
  bool dispatch() noexcept override {
    function();
    return false;
  }
  std::function<void()> function;
};

TEST(Dispatcher, serves_those_behind_one_that_leaves_before_it_sleeps) {
  const Place place;
  const auto member = place.join("node");
  const auto dispatcher = Dispatcher::of(member);
  const auto view = member->view(member->id()).value();
  Bell& bell = *view.bell(dispatcher->bell_name() - 1);
  std::atomic<bool> something{false};
  std::atomic<bool> served{false};
  std::shared_ptr<Turn> first;
  first = std::make_shared<Turn>([&] {
    if (bell.armed.load() == 0) return;
    // The last turn before the sleep. The other one got something before the bell was armed: nobody rings for it.
    something = true;
    dispatcher->remove(*first);
  });
  const auto second = std::make_shared<Turn>([&] {
    if (something) served = true;
  });
  dispatcher->add(first);
  dispatcher->add(second);
  dispatcher->wake();
  EXPECT_TRUE(eventually(served));
  dispatcher->remove(*second);
}

}  // namespace
