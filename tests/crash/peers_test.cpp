// What a program is told of the processes around it: who joins, who leaves, and who is killed.

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "place.hpp"
#include "process.hpp"

namespace crash {
namespace {

using baton::EventKind;

class Told : public testing::TestWithParam<bool> {
 protected:
  ~Told() override {
    EXPECT_TRUE(eventually([this] { return is_gone(domain_); })) << domain_ << " is left";
  }

  static bool is_killed() { return GetParam(); }
  static EventKind its_end() { return is_killed() ? EventKind::died : EventKind::left; }

  static void end(Child& process) {
    is_killed() ? process.signal(SIGKILL) : process.tell("end");
    EXPECT_EQ(process.wait(), is_killed() ? 128 + SIGKILL : 0);
  }

  /// The kinds of the events about the other process, in order, up to the first of the kind that is waited for.
  static std::vector<EventKind> heard(baton::Node& node, EventKind last) {
    std::vector<EventKind> kinds;
    EXPECT_TRUE(eventually([&] {
      node.keep();  // where there is a keeper, it does no harm
      for (auto event = node.take_event(); event; event = node.take_event()) {
        EXPECT_EQ(event->peer, "hoarder");
        kinds.push_back(event->kind);
        if (event->kind == last) return true;
      }
      return false;
    })) << to_string(last)
        << " does not come";
    return kinds;
  }

  const std::string domain_ = unique_domain();
  const std::string config_ = "[liveness]\nheartbeat = \"20 ms\"\nhung_after = \"10 s\"\n";
};
INSTANTIATE_TEST_SUITE_P(ends, Told, testing::Values(false, true),
                         [](const auto& param) { return param.param ? "killed" : "well"; });

using Kinds = std::vector<EventKind>;

TEST_P(Told, who_is_connected_to_a_process_hears_of_it_first_and_of_its_end_last) {
  baton::Node node = open_node(domain_, "writer", true, config_);
  auto publisher = node.publisher<Message>(kUp).value();
  for (int round = 0; round < 3; ++round) {
    Child process({"hoarder", domain_});
    EXPECT_EQ(heard(node, EventKind::matched), (Kinds{EventKind::joined, EventKind::matched}));
    EXPECT_EQ(process.hear(), "ready");
    end(process);
    EXPECT_EQ(heard(node, its_end()), (Kinds{EventKind::unmatched, its_end()}));
  }
  std::this_thread::sleep_for(100ms);
  EXPECT_FALSE(node.take_event()) << "something is told twice";
}

TEST_P(Told, who_is_not_connected_to_a_process_hears_of_it_too) {
  for (const bool keeper : {true, false}) {
    SCOPED_TRACE(keeper);
    baton::Node node = open_node(domain_, "bystander", keeper, config_);
    auto publisher = node.publisher<Message>(kDown).value();
    Child process({"hoarder", domain_});
    EXPECT_EQ(heard(node, EventKind::joined), (Kinds{EventKind::joined}));
    EXPECT_EQ(process.hear(), "ready");
    end(process);
    EXPECT_EQ(heard(node, its_end()), (Kinds{its_end()}));
  }
}

TEST_P(Told, who_comes_later_hears_of_a_process_that_is_there) {
  Child process({"hoarder", domain_});
  EXPECT_EQ(process.hear(), "ready");
  baton::Node node = open_node(domain_, "late", true, config_);
  auto publisher = node.publisher<Message>(kDown).value();
  EXPECT_EQ(heard(node, EventKind::joined), (Kinds{EventKind::joined}));
  end(process);
  EXPECT_EQ(heard(node, its_end()), (Kinds{its_end()}));
}

}  // namespace
}  // namespace crash
