// What docs/idl.md shows of tables, run.

#include <chrono>
#include <iostream>
#include <sstream>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <baton/baton.hpp>

#include "test/plan.hpp"

namespace {

using namespace std::chrono_literals;

void publish(baton::Publisher<planning::Plan>& publisher, std::string_view title) {
  auto plan = publisher.loan(1024).value();  // a first guess: it moves to a larger chunk if need be
  auto& builder = plan.builder();            // flatbuffers::FlatBufferBuilder, over the chunk
  const planning::Pose corner{.x = 2, .y = 3.5, .angle = 0};
  const std::vector steps{planning::CreateStepDirect(builder, "to the corner", &corner)};
  const auto title_at = builder.CreateString(title.data(), title.size());
  const auto steps_at = builder.CreateVector(steps);
  plan.finish(planning::CreatePlan(builder, 7, title_at, planning::Mode::MOVING, steps_at));
  plan.publish();
}

void print(const baton::Sample<planning::Plan>& plan, std::ostream& out) {
  if (plan->title() != nullptr) out << plan->title()->str() << '\n';  // absent: null
  if (plan->steps() == nullptr) return;
  for (const auto* step : *plan->steps()) {
    out << step->name()->str();
    if (const planning::Pose* where = step->where()) out << " at " << where->x << ", " << where->y;
    out << '\n';
  }
}

TEST(TableDocumentation, shows_what_works) {
  auto node = baton::Node::open("planner", {.domain = "table-documentation"}).value();
  auto subscriber = node.subscriber<planning::Plan>().value();
  auto publisher = node.publisher<planning::Plan>().value();
  publish(publisher, "tidy up");
  ASSERT_TRUE(subscriber.wait(10s));
  const auto plan = subscriber.take();
  std::ostringstream out;
  print(plan, out);
  EXPECT_EQ(out.str(), "tidy up\nto the corner at 2, 3.5\n");
  EXPECT_EQ(baton::key_of(*plan), 7U);
  EXPECT_FALSE(baton::validate(*plan));
}

}  // namespace
