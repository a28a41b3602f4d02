// What batongen makes of idl/test/all.idl and of the files that it includes.
#include "test/all.hpp"

#include <cstring>
#include <memory>

#include <gtest/gtest.h>

#include "test/geometry.hpp"
#include "test/names.hpp"
#include "test/shapes/circle.hpp"

namespace {

using baton::TypeTraits;

static_assert(baton::Message<test::Nested> && baton::Message<test::Empty> && baton::Message<v1::Thing>);
static_assert(std::is_aggregate_v<test::Nested>);
static_assert(sizeof(test::Level) == 4 && sizeof(test::Tiny) == 1 && sizeof(test::Medium) == 2);

template <class T>
bool default_is_zero_bytes() {
  alignas(T) unsigned char zeros[sizeof(T)] = {};
  alignas(T) unsigned char made[sizeof(T)] = {};
  new (made) T{};
  return std::memcmp(zeros, made, sizeof(T)) == 0;
}

TEST(Generated, constants_have_the_values_of_their_expressions) {
  EXPECT_EQ(test::kExpression, (1 + 2 * 3) << 4 | ((0x0F & ~3) ^ 1));
  EXPECT_EQ(test::kQuotient, -7 / 2);
  EXPECT_EQ(test::kRemainder, -7 % 2);
  EXPECT_EQ(test::kComplement, 0xFFFE);
  EXPECT_EQ(test::kLongLong, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(test::kUnsignedLongLong, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(test::kFloat, 0.1F);
  EXPECT_EQ(test::kHighByte, '\xff');
  EXPECT_EQ(test::kText,
            "say \"hi\"\n\ttwice ?"
            "?= Gr\xc3\xb6\xc3\x9f"
            "e A");
  EXPECT_EQ(test::kLevel, test::Level::warning);
  EXPECT_EQ(test::inner::deep::kHere, 0756);
}

TEST(Generated, members_have_the_defaults_of_the_idl) {
  const test::Defaults defaults;
  EXPECT_TRUE(defaults.flag);
  EXPECT_EQ(defaults.letter, 'x');
  EXPECT_EQ(defaults.small, -5);
  EXPECT_EQ(defaults.large, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(defaults.ratio, 0.1F);
  EXPECT_EQ(defaults.frame, "base");
  EXPECT_EQ(defaults.gear, test::Gear::second);
  EXPECT_EQ(defaults.gears[1][1], test::Gear::second);
  EXPECT_EQ(test::Nested().defaults, defaults);
  const test::Level levels[] = {test::Level{}, test::Level::ok};
  EXPECT_EQ(levels[0], levels[1]);
}

TEST(Generated, zero_is_default_says_whether_zero_bytes_are_the_defaults) {
  EXPECT_TRUE(TypeTraits<test::Scalars>::kZeroIsDefault && default_is_zero_bytes<test::Scalars>());
  EXPECT_TRUE(TypeTraits<test::Arrays>::kZeroIsDefault && default_is_zero_bytes<test::Arrays>());
  EXPECT_TRUE(TypeTraits<test::Sequences>::kZeroIsDefault && default_is_zero_bytes<test::Sequences>());
  EXPECT_FALSE(TypeTraits<test::Defaults>::kZeroIsDefault || default_is_zero_bytes<test::Defaults>());
  EXPECT_FALSE(TypeTraits<test::Nested>::kZeroIsDefault || default_is_zero_bytes<test::Nested>());
}

TEST(Generated, messages_are_printed_member_by_member) {
  geometry::Pose pose{.position = {.x = 1.5}};
  pose.orientation[3] = 1;
  EXPECT_EQ(fmt::format("{}", pose), "{position: {x: 1.5, y: 0, z: 0}, orientation: [0, 0, 0, 1]}");
  test::Sequences sequences;
  sequences.words = {"a\"b", "c\n"};
  sequences.levels = {test::Level::fatal, static_cast<test::Level>(7)};
  sequences.bytes = {1, 255};
  sequences.nested.push_back({1, -2});
  EXPECT_EQ(
      fmt::format("{}", sequences),
      R"({samples: [], bytes: [1, 255], words: ["a\"b", "c\n"], levels: [fatal, Level(7)], places: [], rows: [], )"
      R"(labels: [], table: [[], [], []], nested: [[1, -2]], flags: [], defaults: [], nothings: []})");
  EXPECT_EQ(fmt::format("{} {}", test::Level::warning, static_cast<test::Tiny>(5)), "warning Tiny(5)");
  EXPECT_EQ(fmt::format("{}", test::Empty()), "{}");
}

TEST(Generated, a_foreign_bool_is_printed_as_what_it_is) {
  test::Scalars scalars;
  const unsigned char foreign = 2;
  std::memcpy(reinterpret_cast<unsigned char*>(&scalars) + offsetof(test::Scalars, a), &foreign, 1);
  EXPECT_TRUE(fmt::format("{}", scalars).starts_with("{a: bool(2), b: '\\x00', c: 0"));
}

TEST(Generated, info_describes_the_type) {
  constexpr const baton::TypeInfo& kInfo = TypeTraits<test::Nested>::info();  // no initialisation at run time
  EXPECT_EQ(kInfo.name, "test::Nested");
  EXPECT_EQ(kInfo.topic, "test/nested");
  EXPECT_EQ(kInfo.doc, "A struct of structs.\n\nWith a comment of several lines, one of them blank.");
  EXPECT_EQ(kInfo.size, sizeof(test::Nested));
  EXPECT_EQ(kInfo.alignment, alignof(test::Nested));
  ASSERT_EQ(kInfo.fields.size(), 10U);
  const baton::FieldInfo& places = kInfo.fields[3];
  EXPECT_EQ(places.name, "places");
  EXPECT_EQ(places.type, "geometry::Pose[2]");
  EXPECT_EQ(places.offset, offsetof(test::Nested, places));
  EXPECT_EQ(places.size, 2 * sizeof(geometry::Pose));
  EXPECT_EQ(places.nested, &TypeTraits<geometry::Pose>::info());
  EXPECT_EQ(kInfo.fields[4].doc, "forwards [m/s]");
  EXPECT_EQ(kInfo.fields[0].nested, nullptr);
  const auto levels = TypeTraits<test::Level>::info().enumerators;
  ASSERT_EQ(levels.size(), 4U);
  EXPECT_EQ(levels[3].name, "fatal");
  EXPECT_EQ(levels[3].value, 11);
  EXPECT_EQ(levels[1].doc, "worth a look");
}

TEST(Generated, names_keep_their_spelling_outside_of_cpp) {
  const auto& info = TypeTraits<names::Clashes>::info();
  EXPECT_EQ(info.fields[0].name, "int");
  EXPECT_EQ(info.fields[1].type, "names::class");
  EXPECT_EQ(TypeTraits<names::namespace_::template_>::info().name, "names::namespace::template");
  EXPECT_EQ(names::Clashes{.int_ = 3}.int_, 3);
  EXPECT_EQ(fmt::format("{}", names::class_::new_), "new");
}

TEST(Generated, the_canonical_text_has_every_type_once_before_its_users) {
  EXPECT_EQ(TypeTraits<test::Reader>::info().canonical,
            "baton-type 1\n"
            "enum test::Level int32\n"
            "  ok = 0\n"
            "  warning = 1\n"
            "  error = 10\n"
            "  fatal = 11\n"
            "struct test::inner::deep::Leaf fixed size 32 align 8\n"
            "  level test::Level @0\n"
            "  row double[3] @8\n"
            "struct test::Reader fixed size 32 align 8\n"
            "  leaf test::inner::deep::Leaf @0\n");
}

TEST(Generated, differences_between_generated_types_are_told) {
  EXPECT_EQ(baton::first_difference(TypeTraits<test::Again>::info().canonical,
                                    TypeTraits<test::Reader>::info().canonical, "X"),
            "type test::Again here, test::Reader in X");
}

}  // namespace
