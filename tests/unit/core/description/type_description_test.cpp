#include "baton/type_description.hpp"

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "baton/json.hpp"
#include "types.hpp"

namespace {

using baton::TypeDescription;
using baton::TypeInfo;

void expect_same(const TypeInfo& mine, const TypeInfo& theirs) {
  SCOPED_TRACE(std::string(theirs.name));
  EXPECT_EQ(mine.kind, theirs.kind);
  EXPECT_EQ(mine.name, theirs.name);
  EXPECT_EQ(mine.topic, theirs.topic);
  EXPECT_EQ(mine.doc, theirs.doc);
  EXPECT_EQ(mine.size, theirs.size);
  EXPECT_EQ(mine.alignment, theirs.alignment);
  EXPECT_EQ(mine.layout, theirs.layout);
  EXPECT_EQ(mine.elements_offset, theirs.elements_offset);
  EXPECT_EQ(mine.element_size, theirs.element_size);
  EXPECT_EQ(mine.max_bytes, theirs.max_bytes);
  EXPECT_EQ(mine.qos.depth, theirs.qos.depth);
  EXPECT_EQ(mine.qos.history, theirs.qos.history);
  EXPECT_EQ(mine.qos.overflow, theirs.qos.overflow);
  ASSERT_EQ(mine.fields.size(), theirs.fields.size());
  for (std::size_t i = 0; i < mine.fields.size(); ++i) {
    SCOPED_TRACE(std::string(theirs.fields[i].name));
    EXPECT_EQ(mine.fields[i].name, theirs.fields[i].name);
    EXPECT_EQ(mine.fields[i].type, theirs.fields[i].type);
    EXPECT_EQ(mine.fields[i].offset, theirs.fields[i].offset);
    EXPECT_EQ(mine.fields[i].size, theirs.fields[i].size);
    EXPECT_EQ(mine.fields[i].doc, theirs.fields[i].doc);
    EXPECT_EQ(mine.fields[i].role, theirs.fields[i].role);
    ASSERT_EQ(mine.fields[i].nested == nullptr, theirs.fields[i].nested == nullptr);
    if (mine.fields[i].nested != nullptr) expect_same(*mine.fields[i].nested, *theirs.fields[i].nested);
  }
  ASSERT_EQ(mine.enumerators.size(), theirs.enumerators.size());
  for (std::size_t i = 0; i < mine.enumerators.size(); ++i) {
    EXPECT_EQ(mine.enumerators[i].name, theirs.enumerators[i].name);
    EXPECT_EQ(mine.enumerators[i].value, theirs.enumerators[i].value);
    EXPECT_EQ(mine.enumerators[i].doc, theirs.enumerators[i].doc);
  }
}

template <class T>
void expect_described() {
  const auto description = TypeDescription::of<T>();
  ASSERT_TRUE(description) << description.error();
  const TypeInfo& info = baton::TypeTraits<T>::info();
  expect_same(description->info(), info);
  EXPECT_EQ(description->canonical(), info.canonical);
  EXPECT_EQ(description->fingerprint(), info.fingerprint);
  EXPECT_EQ(description->bytes().size(), info.description.size_bytes());
}

template <class T>
class EveryType : public testing::Test {};
TYPED_TEST_SUITE(EveryType, described::FixedTypes);

TYPED_TEST(EveryType, is_described_as_its_generated_code_describes_it) { expect_described<TypeParam>(); }

TEST(TypeDescription, describes_a_raw_type) { expect_described<conformance::Cloud>(); }

TEST(TypeDescription, has_the_hints_for_topics_of_the_type) {
  expect_described<conformance::Hinted>();
  const auto description = TypeDescription::of<conformance::Hinted>().value();
  EXPECT_EQ(description.info().qos.depth, 3U);
  EXPECT_EQ(description.info().qos.history, 2U);
  EXPECT_EQ(description.info().qos.overflow, baton::Overflow::reject);
}

TEST(TypeDescription, is_its_bytes) {
  const auto description = TypeDescription::of<test::Nested>().value();
  // From a place that no FlatBuffer may begin at.
  std::vector<std::byte> moved(description.bytes().size() + 1);
  std::memcpy(moved.data() + 1, description.bytes().data(), description.bytes().size());
  const auto again = TypeDescription::load(std::span(moved).subspan(1));
  ASSERT_TRUE(again) << again.error();
  expect_same(again->info(), description.info());
}

TEST(TypeDescription, says_that_there_is_none) {
  TypeInfo info = baton::TypeTraits<test::Level>::info();
  const auto none = TypeDescription::of(info);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message().find("test::Level: has no description"), std::string::npos) << none.error();
  EXPECT_EQ(TypeDescription::load({}).error().code(), baton::Errc::corrupt);
}

TEST(TypeDescription, refuses_or_understands_whatever_its_bytes_have_become) {
  std::mt19937 random(20221122);
  std::size_t understood = 0;
  for (const TypeInfo* info : {&baton::TypeTraits<unions::Scene>::info(), &baton::TypeTraits<members::Deep>::info(),
                               &baton::TypeTraits<conformance::Cloud>::info()}) {
    const auto original = std::as_bytes(info->description);
    for (int round = 0; round < 20'000; ++round) {
      std::vector<std::byte> bytes(original.begin(), original.end());
      for (std::uint32_t i = 0; i <= random() % 4; ++i) {
        std::byte& byte = bytes[random() % bytes.size()];
        byte = random() % 2 == 0 ? static_cast<std::byte>(random()) : byte ^ static_cast<std::byte>(1U << random() % 8);
      }
      if (random() % 8 == 0) bytes.resize(random() % bytes.size());
      if (const auto loaded = TypeDescription::load(bytes)) {
        ++understood;
        // What it is now serves as well as any other.
        std::vector<std::byte> message(random() % 400);
        for (std::byte& byte : message) byte = static_cast<std::byte>(random());
        static_cast<void>(baton::to_json(*loaded, message, {.max_bytes = 10'000}));
        static_cast<void>(baton::validate(*loaded, message));
        const auto made = baton::from_json(*loaded, "{}");
        ASSERT_TRUE(made || made.error().code() == baton::Errc::too_large) << made.error();
        if (!made) continue;
        EXPECT_TRUE(baton::to_json(*loaded, *made, {.max_bytes = 10'000}) ||
                    loaded->info().size > 1'000);  // it may have become long
      } else {
        EXPECT_EQ(loaded.error().code(), baton::Errc::corrupt);
      }
    }
  }
  EXPECT_GT(understood, 0U);
}

}  // namespace
