// What batongen makes of the unions of idl/test/unions.idl.
#include "test/unions.hpp"

#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace {

using baton::TypeTraits;
using unions::Kind;
using unions::Shape;

static_assert(baton::Message<Shape> && baton::Message<unions::Scene>);

template <class T, class Byte>
void poke(T& value, std::size_t offset, Byte byte) {
  std::memcpy(reinterpret_cast<unsigned char*>(&value) + offset, &byte, sizeof(byte));
}

TEST(Union, begins_with_the_member_that_zero_bytes_select) {
  EXPECT_EQ(Shape().tag(), Kind::disc);
  EXPECT_NE(Shape().circle(), nullptr);
  EXPECT_NE(unions::Number().large(), nullptr) << "0 falls to the default";
  EXPECT_FALSE(unions::Answer().tag());
  EXPECT_NE(unions::Answer().reasons(), nullptr);
  EXPECT_EQ(unions::Letter().tag(), 'a') << "no case has 0: the first label";
  EXPECT_TRUE(TypeTraits<Shape>::kZeroIsDefault && TypeTraits<unions::Answer>::kZeroIsDefault);
  EXPECT_FALSE(TypeTraits<unions::Letter>::kZeroIsDefault);
}

TEST(Union, gives_a_member_only_while_it_counts) {
  Shape shape;
  shape.set_circle({.radius = 2});
  EXPECT_EQ(shape.circle()->radius, 2);
  EXPECT_EQ(shape.rectangle(), nullptr);
  shape.set_rectangle().width = 3;
  EXPECT_EQ(shape.tag(), Kind::quadrat);
  EXPECT_EQ(shape.circle(), nullptr);
  EXPECT_EQ(shape.rectangle()->width, 3);
  EXPECT_EQ(shape.rectangle()->height, 0);
}

TEST(Union, a_member_with_several_tags_takes_any_of_them) {
  Shape shape;
  shape.set_rectangle({1, 2}, Kind::oblong);
  EXPECT_EQ(shape.tag(), Kind::oblong);
  EXPECT_EQ(shape.rectangle()->height, 2);
  EXPECT_DEATH(shape.set_rectangle({}, Kind::disc), "member_of");
  unions::Number number;
  number.set_large(5);
  EXPECT_EQ(number.tag(), 0) << "the first value without a case";
  number.set_large(6, -7);
  EXPECT_EQ(number.tag(), -7);
  EXPECT_EQ(*number.large(), 6);
  EXPECT_DEATH(number.set_large(6, 1), "member_of");
  EXPECT_EQ(unions::Rest(), [] {
    unions::Rest rest;
    rest.set_l('\0');
    return rest;
  }());
  unions::Rest rest;
  rest.set_shape();
  EXPECT_EQ(rest.tag(), geometry::Side::right);
}

TEST(Union, a_tag_without_a_case_selects_nothing) {
  Shape shape;
  for (const std::int32_t foreign : {3, 17, -1}) {  // an enumerator without a case, and no enumerators at all
    poke(shape, 0, foreign);
    EXPECT_EQ(shape.circle(), nullptr);
    EXPECT_EQ(shape.rectangle(), nullptr);
    shape.visit([](const auto&) { FAIL(); });
    EXPECT_EQ(shape.visit([](const auto&) { return 0; }, [](Kind tag) { return static_cast<int>(tag); }), foreign);
    EXPECT_EQ(shape, shape);
  }
  EXPECT_EQ(fmt::format("{}", shape), "{tag: Kind(-1)}");
}

TEST(Union, a_boolean_tag_of_another_byte_is_true) {
  unions::Answer answer;
  poke(answer, 0, std::uint8_t{2});
  EXPECT_TRUE(answer.tag());
  EXPECT_NE(answer.points(), nullptr);
}

TEST(Union, visit_calls_with_the_member_that_counts) {
  unions::Number number;
  number.set_text("hello", 1);
  std::string seen;
  number.visit([&](const auto& member) {
    if constexpr (std::is_same_v<decltype(member), const baton::String<12>&>) seen = member.view();
  });
  EXPECT_EQ(seen, "hello");
  number.visit([](auto& member) {
    if constexpr (std::is_same_v<decltype(member), std::int64_t&>) member = 1;
    if constexpr (std::is_same_v<decltype(member), baton::String<12>&>) member = "changed";
  });
  EXPECT_EQ(*number.text(), "changed");
}

TEST(Union, is_equal_if_tag_and_member_are) {
  Shape a;
  Shape b;
  EXPECT_EQ(a, b);
  a.set_rectangle({1, 2});
  EXPECT_NE(a, b);
  b.set_rectangle({1, 2});
  EXPECT_EQ(a, b);
  b.set_rectangle({1, 2}, Kind::oblong);
  EXPECT_NE(a, b);
  a.set_circle({1});
  b.set_circle({1});
  EXPECT_EQ(a, b) << "what is left of the larger member does not count";
}

TEST(Union, is_printed_with_its_tag) {
  unions::Scene scene;
  scene.numbers.resize(1);
  scene.numbers[0].set_small(3);
  scene.answer.set_points({{.x = 1}});
  EXPECT_EQ(
      fmt::format("{}", scene),
      "{shapes: [{tag: disc, circle: {radius: 0}}, {tag: disc, circle: {radius: 0}}], numbers: [{tag: -3, small: "
      "3}], answer: {tag: true, points: [{x: 1, y: 0, z: 0}]}, letter: {tag: 'a', flag: false}, rest: {tag: left, l: "
      "'\\x00'}}");
}

TEST(Union, reflection_lists_the_tag_and_the_members) {
  const baton::TypeInfo& info = TypeTraits<unions::Number>::info();
  EXPECT_EQ(info.kind, baton::TypeKind::union_);
  ASSERT_EQ(info.fields.size(), 4U);
  EXPECT_EQ(info.fields[0].name, "(tag)");
  EXPECT_EQ(info.fields[0].type, "int16");
  EXPECT_EQ(info.fields[1].role, "case 1, 2");
  EXPECT_EQ(info.fields[3].role, "case default");
  EXPECT_EQ(info.fields[3].offset, 8U);
  EXPECT_EQ(info.canonical,
            "baton-type 1\n"
            "union unions::Number fixed size 24 align 8\n"
            "  (tag) int16 @0\n"
            "  text string<12> @8 case 1, 2\n"
            "  small octet @8 case -3\n"
            "  large int64 @8 case default\n");
  EXPECT_EQ(TypeTraits<Shape>::info().fields[0].nested, &TypeTraits<Kind>::info());
}

TEST(Union, differences_name_the_labels) {
  const std::string mine(TypeTraits<unions::Number>::info().canonical);
  std::string theirs = mine;
  theirs.replace(theirs.find("case 1, 2"), 9, "case 1, 4");
  EXPECT_EQ(baton::first_difference(mine, theirs, "X"), "field text: case 1, 2 here, case 1, 4 in X");
  const std::string shape(TypeTraits<Shape>::info().canonical);
  theirs = shape;
  theirs.replace(theirs.find("nothing"), 7, "nobody!");
  EXPECT_EQ(baton::first_difference(shape, theirs, "X"), "enumerator unions::Kind.nothing: 3 here, absent in X");
}

TEST(Union, names_may_be_those_of_types_and_of_its_own_functions) {
  unions::Coded coded;
  EXPECT_EQ(coded.tag(), 0);
  coded.set_tag_().set_large(1);
  EXPECT_EQ(coded.tag(), 2);
  coded.set_Shape();
  EXPECT_NE(coded.Shape(), nullptr);
}

}  // namespace
