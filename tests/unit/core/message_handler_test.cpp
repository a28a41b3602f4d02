#include "baton/message_handler.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace baton {
namespace {

TEST(MessageHandler, is_empty_until_it_has_a_function) {
  EXPECT_FALSE(MessageHandler());
  EXPECT_FALSE(MessageHandler(nullptr));
  EXPECT_TRUE(MessageHandler([](Chunk) {}));
}

TEST(MessageHandler, calls_its_function_with_the_chunk) {
  std::byte memory{};
  Chunk seen;
  const MessageHandler handler([&](Chunk chunk) { seen = chunk; });
  handler({&memory, 7});
  EXPECT_EQ(seen.payload, &memory);
  EXPECT_EQ(seen.token, 7U);
}

TEST(MessageHandler, owns_its_function_exactly_once_however_it_is_moved) {
  auto token = std::make_shared<int>(0);
  {
    MessageHandler first([owned = std::make_unique<std::shared_ptr<int>>(token)](Chunk) { ++**owned; });
    EXPECT_EQ(token.use_count(), 2);
    MessageHandler second(std::move(first));
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the question
    second({});
    first = std::move(second);
    first({});
    EXPECT_EQ(*token, 2);
    EXPECT_EQ(token.use_count(), 2);
    first = nullptr;
    EXPECT_EQ(token.use_count(), 1);
  }
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace baton
