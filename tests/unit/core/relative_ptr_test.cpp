#include "baton/relative_ptr.hpp"

#include <gtest/gtest.h>

#include "baton/posix/mapping.hpp"
#include "posix/unnamed_memory.hpp"

namespace baton {
namespace {

using testing_support::unnamed_memory;

struct Node {
  int value = 0;
  RelativePtr<Node> next;
};

static_assert(sizeof(RelativePtr<Node>) == 8);
static_assert(!std::is_trivially_copyable_v<RelativePtr<Node>>);
static_assert(!std::is_convertible_v<RelativePtr<const int>, RelativePtr<int>>);
static_assert(std::is_convertible_v<RelativePtr<int>, RelativePtr<const int>>);

TEST(RelativePtr, is_valid_in_two_mappings_of_one_segment_at_different_addresses) {
  const auto memory = unnamed_memory(4096);
  const auto here = posix::Mapping::map(memory, posix::Access::read_write).value();
  const auto there = posix::Mapping::map(memory, posix::Access::read_only).value();
  ASSERT_NE(here.bytes().data(), there.bytes().data());

  auto* const nodes = new (here.writable_bytes().data()) Node[3];
  nodes[0] = {1, nullptr};
  nodes[1] = {2, nullptr};
  nodes[2] = {3, nullptr};
  nodes[0].next = &nodes[2];
  nodes[2].next = &nodes[1];  // backwards

  const auto* const seen = reinterpret_cast<const Node*>(there.bytes().data());
  EXPECT_EQ(seen->next.get(), seen + 2);
  EXPECT_EQ(seen->next->value, 3);
  EXPECT_EQ(seen->next->next->value, 2);
  EXPECT_EQ(seen->next->next->next, nullptr);
}

TEST(RelativePtr, of_zero_filled_memory_is_null) {
  const auto memory = unnamed_memory(4096);
  const auto mapping = posix::Mapping::map(memory, posix::Access::read_only).value();
  const auto& pointer = *reinterpret_cast<const RelativePtr<int>*>(mapping.bytes().data());
  EXPECT_EQ(pointer, nullptr);
  EXPECT_FALSE(pointer);
}

TEST(RelativePtr, can_point_at_the_structure_that_begins_with_it) {
  struct Ring {
    RelativePtr<Ring> next;
  } ring;
  EXPECT_FALSE(ring.next);
  ring.next = &ring;
  EXPECT_TRUE(ring.next);
  EXPECT_EQ(ring.next.get(), &ring);
  EXPECT_EQ(ring.next->next->next.get(), &ring);
}

TEST(RelativePtr, keeps_its_target_when_it_is_copied_or_assigned) {
  int targets[2] = {1, 2};
  RelativePtr<int> pointers[3] = {&targets[0], &targets[1], nullptr};
  RelativePtr<int> copy(pointers[0]);
  EXPECT_EQ(copy.get(), &targets[0]);
  copy = pointers[1];
  EXPECT_EQ(copy.get(), &targets[1]);
  EXPECT_EQ(copy, pointers[1]);
  EXPECT_NE(copy, pointers[0]);
  copy = *&copy;
  EXPECT_EQ(*copy, 2);
  copy = pointers[2];
  EXPECT_EQ(copy, nullptr);
  const Node a{4, nullptr};
  const Node b = a;
  EXPECT_EQ(b.value, 4);
}

TEST(RelativePtr, gives_what_its_constness_allows) {
  int values[3] = {1, 2, 3};
  const RelativePtr<int> pointer(values);
  pointer[2] = 4;
  EXPECT_EQ(values[2], 4);
  const RelativePtr<const int> view(pointer);
  static_assert(std::is_same_v<decltype(view[0]), const int&>);
  EXPECT_EQ(view[2], 4);
  EXPECT_EQ(view, pointer);
  EXPECT_EQ(view, &values[0]);
  const RelativePtr<void> anything(values);
  EXPECT_EQ(anything.get(), values);
}

}  // namespace
}  // namespace baton
