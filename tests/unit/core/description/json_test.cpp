#include "baton/json.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "baton/raw.hpp"
#include "test/tables.hpp"
#include "types.hpp"

namespace {

using baton::from_json;
using baton::to_json;
using baton::TypeDescription;

template <class T>
TypeDescription described_as() {
  return TypeDescription::of<T>().value();
}

template <class T>
std::string json_of(const T& value, const baton::JsonStyle& style = {}) {
  return to_json(described_as<T>(), std::as_bytes(std::span(&value, 1)), style).value();
}

template <class T>
T value_of(std::string_view json) {
  const auto bytes = from_json(described_as<T>(), json);
  EXPECT_TRUE(bytes) << bytes.error() << "\n" << json;
  T value{};
  if (bytes) {
    EXPECT_EQ(bytes->size(), sizeof(T));
    std::memcpy(static_cast<void*>(&value), bytes->data(), sizeof(T));
  }
  return value;
}

template <class T>
std::string problem_with(std::string_view json) {
  const auto bytes = from_json(described_as<T>(), json);
  return bytes ? "" : bytes.error().message();
}

template <class T>
void expect_survives(const T& value) {
  const std::string json = json_of(value);
  EXPECT_TRUE(value_of<T>(json) == value) << json;
  EXPECT_EQ(json_of(value_of<T>(json)), json);
  const std::string pretty = json_of(value, {.indent = 2});
  EXPECT_EQ(json_of(value_of<T>(pretty)), json);
}

template <class T>
class EveryTypeAsJson : public testing::Test {};
TYPED_TEST_SUITE(EveryTypeAsJson, described::FixedTypes);

TYPED_TEST(EveryTypeAsJson, has_its_defaults_where_nothing_is_said) {
  EXPECT_TRUE(value_of<TypeParam>("{}") == TypeParam{});
}

TYPED_TEST(EveryTypeAsJson, survives_the_way_there_and_back) { expect_survives(TypeParam{}); }

/// Whatever the bytes are, they are written; if they are a message, they can be read again, and are the same.
TYPED_TEST(EveryTypeAsJson, is_written_whatever_its_bytes_are) {
  std::mt19937_64 random(7);
  const auto type = described_as<TypeParam>();
  std::vector<std::byte> bytes(sizeof(TypeParam));
  for (int round = 0; round < 200; ++round) {
    for (std::byte& byte : bytes) byte = random() % 3 == 0 ? static_cast<std::byte>(random()) : std::byte{0};
    const auto json = to_json(type, bytes);
    ASSERT_TRUE(json) << json.error();
    if (baton::validate(type, bytes)) continue;
    const auto again = from_json(type, *json);
    ASSERT_TRUE(again) << again.error() << "\n" << *json;
    EXPECT_EQ(to_json(type, *again).value(), *json);
  }
}

TEST(Json, has_a_name_for_each_member) {
  geometry::Pose pose;
  pose.position = {1, -0.0, 1e300};
  pose.orientation = {0.1F, 0, 0, 1};
  EXPECT_EQ(json_of(pose), R"({"position":{"x":1.0,"y":-0.0,"z":1e+300},"orientation":[0.1,0.0,0.0,1.0]})");
  EXPECT_EQ(json_of(pose, {.indent = 2}),
            "{\n  \"position\": {\n    \"x\": 1.0,\n    \"y\": -0.0,\n    \"z\": 1e+300\n  },\n"
            "  \"orientation\": [0.1, 0.0, 0.0, 1.0]\n}");
  expect_survives(pose);
}

TEST(Json, keeps_every_number_to_its_last_digit) {
  test::Scalars low;
  low.a = true;
  low.b = 'x';
  low.c = 255;
  low.d = -128;
  low.e = std::numeric_limits<std::int16_t>::min();
  low.f = std::numeric_limits<std::int32_t>::min();
  low.g = std::numeric_limits<std::int64_t>::min();
  low.k = std::numeric_limits<std::uint64_t>::max();
  low.q = 9007199254740993;
  low.r = std::numeric_limits<float>::denorm_min();
  low.s = 0.1 + 0.2;
  expect_survives(low);
  EXPECT_NE(json_of(low).find(R"("g":-9223372036854775808)"), std::string::npos);
  EXPECT_NE(json_of(low).find(R"("k":18446744073709551615)"), std::string::npos);
  low.r = std::numeric_limits<float>::max();
  low.s = std::numeric_limits<double>::max();
  low.b = '\n';
  expect_survives(low);
  low.b = '\xff';
  low.r = -std::numeric_limits<float>::infinity();
  low.s = std::numeric_limits<double>::infinity();
  expect_survives(low);
  EXPECT_NE(json_of(low).find(R"("r":"-Infinity","s":"Infinity")"), std::string::npos) << json_of(low);
  EXPECT_EQ(value_of<test::Scalars>(R"({"k": "18446744073709551615", "g": "-9223372036854775808", "d": 3.0})").k,
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(std::isnan(value_of<test::Scalars>(R"({"r": "NaN"})").r));
}

TEST(Json, refuses_numbers_that_no_type_has) {
  const auto made = from_json(described_as<geometry::Point>(), R"({"x": 1e999})");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), baton::Errc::invalid_argument) << made.error();
  EXPECT_EQ(made.error().message().find("json.exception"), std::string::npos) << made.error();
  EXPECT_NE(made.error().message().find("number overflow parsing '1e999'"), std::string::npos) << made.error();
}

TEST(Json, keeps_texts_that_are_no_utf8) {
  test::Defaults value;
  value.frame = "Gr\xc3\xb6\xc3\x9f\x65";
  value.label = "a\"\\\n\x01\xf0\x9f\x98\x80";
  expect_survives(value);
  EXPECT_NE(json_of(value).find("\"frame\":\"Größe\""), std::string::npos) << json_of(value);
  value.frame = "\xff\xfe";
  value.label = std::string_view("a\0b", 3);
  expect_survives(value);
  EXPECT_NE(json_of(value).find("\"frame\":[255,254],\"label\":\"a\\u0000b\""), std::string::npos) << json_of(value);
}

TEST(Json, has_names_for_enumerators_and_flags) {
  flags::Permissions value;
  value.access = flags::Access::read | flags::Access::own;
  value.sixty_four = flags::SixtyFour::negative;
  value.sixteen.push_back(flags::Sixteen::high);
  value.nine = flags::Nine::lowest;
  value.gapped = flags::Gapped::minus;
  expect_survives(value);
  EXPECT_NE(json_of(value).find(R"("access":["read","own"])"), std::string::npos) << json_of(value);
  value.access = static_cast<flags::Access>(0x41);
  value.gapped = static_cast<flags::Gapped>(77);
  expect_survives(value);
  EXPECT_NE(json_of(value).find(R"("access":["read",64])"), std::string::npos) << json_of(value);
  EXPECT_NE(json_of(value).find(R"("gapped":77)"), std::string::npos) << json_of(value);
  EXPECT_EQ(value_of<flags::Permissions>(R"({"access": 3})").access, flags::READ_WRITE);
}

TEST(Json, says_which_member_of_a_union_counts) {
  unions::Scene scene;
  scene.shapes[0].set_circle({2.5});
  scene.shapes[1].set_rectangle({1, 2}, unions::Kind::oblong);
  scene.numbers.resize(3);
  scene.numbers[0].set_text("two");
  scene.numbers[1].set_text("one", 1);
  scene.numbers[2].set_large(-1, 777);
  scene.answer.set_points();
  scene.answer.points()->push_back({1, 2, 3});
  scene.letter.set_flag(true, '\'');
  scene.rest.set_shape(scene.shapes[1]);
  expect_survives(scene);
  const std::string json = json_of(scene);
  EXPECT_NE(json.find(R"j("shapes":[{"circle":{"radius":2.5}},{"(tag)":"oblong","rectangle":)j"), std::string::npos)
      << json;
  EXPECT_NE(json.find(R"j({"text":"two"},{"(tag)":1,"text":"one"},{"(tag)":777,"large":-1})j"), std::string::npos)
      << json;
  EXPECT_NE(json.find(R"j("letter":{"(tag)":"'","flag":true})j"), std::string::npos) << json;
}

TEST(Json, keeps_a_tag_that_selects_nothing) {
  unions::Scene scene;
  const auto unknown = unions::Kind::nothing;
  std::memcpy(static_cast<void*>(&scene.shapes[0]), &unknown, sizeof(unknown));
  expect_survives(scene);
  EXPECT_NE(json_of(scene).find(R"j("shapes":[{"(tag)":"nothing"})j"), std::string::npos) << json_of(scene);
}

TEST(Json, has_null_for_what_is_absent) {
  members::Optionals value;
  expect_survives(value);
  EXPECT_NE(json_of(value).find(R"({"number":null,"ratio":null,)"), std::string::npos) << json_of(value);
  value.number = -3;
  value.text = "six";
  value.items.emplace();
  value.items->push_back(5);
  value.point.emplace();
  value.color = members::Color::green;
  value.flag = false;
  value.pairs.emplace();
  (*value.pairs)[1][0] = 9;
  expect_survives(value);
  EXPECT_EQ(value_of<members::Optionals>(R"({"point": {"y": 2}})").point->x, 1.0);
}

TEST(Json, nests) {
  test::Sequences value;
  value.samples = {1, 2, 3};
  value.bytes = {0, 128, 255};
  value.words.resize(2);
  value.words[1] = "word";
  value.levels = {test::Level::ok, static_cast<test::Level>(5)};
  value.places.resize(1);
  value.rows.resize(2);
  value.rows[1] = {4, 5, 6};
  value.table[2].push_back("label");
  value.nested.resize(3);
  value.nested[1] = {-1, 1};
  value.flags = {true, false};
  value.defaults.resize(1);
  value.nothings.resize(2);
  expect_survives(value);
  EXPECT_TRUE(value_of<test::Sequences>(R"({"defaults": [{}], "bytes": [1, 2]})").defaults[0] == test::Defaults{});
  test::Arrays arrays;
  arrays.plain = {1, 2, 3};
  arrays.matrix[1] = {7, 8, 9};
  arrays.words[1] = "abc";
  arrays.blobs[0] = {1, 2};
  expect_survives(arrays);
}

TEST(Json, carries_any_number_of_elements_of_a_raw_message) {
  const auto type = described_as<conformance::Cloud>();
  const auto bytes = from_json(type, R"({"number": 3, "points": [{"x": 1.5}, {"intensity": 2}]})").value();
  using Parts = baton::RawParts<conformance::Cloud>;
  ASSERT_EQ(bytes.size(), Parts::bytes(2));
  const auto points = Parts::elements_of_peer(bytes.data(), bytes.size());
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].x, 1.5F);
  EXPECT_EQ(points[0].intensity, 7U);
  EXPECT_EQ(points[1].intensity, 2U);
  EXPECT_EQ(to_json(type, bytes).value(),
            R"({"number":3,"checksum":0,"kind":5,"points":[{"x":1.5,"y":0.0,"intensity":7},)"
            R"({"x":0.0,"y":0.0,"intensity":2}]})");
  EXPECT_EQ(to_json(type, from_json(type, "{}").value()).value(), R"({"number":0,"checksum":0,"kind":5,"points":[]})");
}

TEST(Json, believes_no_number_of_elements_beyond_a_raw_message) {
  const auto type = described_as<conformance::Cloud>();
  auto bytes = from_json(type, R"({"points": [{}]})").value();
  const std::uint64_t many = ~std::uint64_t{0};
  std::memcpy(bytes.data() + baton::RawParts<conformance::Cloud>::kCountOffset, &many, sizeof(many));
  EXPECT_EQ(to_json(type, bytes).value(),
            R"({"number":0,"checksum":0,"kind":5,"points":[{"x":0.0,"y":0.0,"intensity":7}]})");
  EXPECT_EQ(baton::validate(type, bytes)->path, "points");
  EXPECT_FALSE(to_json(type, std::span(bytes).first(10)));
}

TEST(Json, says_where_it_is_wrong_and_what_was_expected) {
  const auto contains = [](const std::string& text, std::string_view part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  contains(problem_with<geometry::Pose>("{"), "the JSON text: at line 1, column 2");
  contains(problem_with<geometry::Pose>(R"({"position": {"x": 1, "y": 2, "x": 3}})"),
           "the JSON text: an object has the member 'x' twice");
  EXPECT_EQ(problem_with<test::Arrays>(R"({"matrix": [[1, 2, 3], [4, 5, 6]]})"), "");
  contains(problem_with<geometry::Pose>(std::string(100'000, '[')), "the JSON text: at line 1");
  contains(problem_with<geometry::Pose>("[]"), "a message of type geometry::Pose: expected an object, got an array");
  contains(problem_with<geometry::Pose>(R"({"positon": {}})"),
           "geometry::Pose has no member 'positon'; did you mean \"position\"?");
  contains(problem_with<geometry::Pose>(R"({"position": {"x": "far"}})"), "position.x: expected a number");
  contains(problem_with<geometry::Pose>(R"({"orientation": [0, 0, "up", 0]})"),
           "orientation[2]: expected a number, \"NaN\", \"Infinity\" or \"-Infinity\", got 'up'");
  contains(problem_with<geometry::Pose>(R"({"orientation": [0]})"),
           "orientation: expected an array of 4, got one of 1");
  contains(problem_with<geometry::Pose>(R"({"orientation": [1e39, 0, 0, 0]})"),
           "orientation[0]: expected a number that");
  contains(problem_with<test::Arrays>(R"({"grid": [[1, 2], [3, 4]]})"), "grid[0]: expected an array of");
  contains(problem_with<test::Scalars>(R"({"d": 128})"), "d: expected a whole number from -128 to 127, got 128");
  contains(problem_with<test::Scalars>(R"({"d": -129})"), "d: expected a whole number from -128 to 127, got -129");
  contains(problem_with<test::Scalars>(R"({"k": -1})"), "k: expected a whole number from 0 to 18446744073709551615");
  contains(problem_with<test::Scalars>(R"({"k": 18446744073709551616})"), "k: expected a whole number");
  contains(problem_with<test::Scalars>(R"({"f": 1.5})"), "f: expected a whole number");
  contains(problem_with<test::Scalars>(R"({"a": 1})"), "a: expected true or false, got 1");
  contains(problem_with<test::Scalars>(R"({"b": "ab"})"), "b: expected a string of one byte");
  contains(problem_with<test::Defaults>(R"({"frame": "123456789"})"), "frame: expected at most 8 bytes, got 9");
  contains(problem_with<test::Defaults>(R"({"frame": 3})"), "frame: expected a string, got 3");
  contains(problem_with<test::Defaults>(R"({"level": "eror"})"),
           "level: 'eror' is no value of test::Level; did you mean \"error\"?");
  contains(problem_with<test::Sequences>(R"({"samples": [1, 2, 3, 4]})"),
           "samples: expected at most 3 elements, got 4");
  contains(problem_with<flags::Permissions>(R"({"access": ["reed"]})"),
           "access[0]: 'reed' is no flag of flags::Access");
  contains(problem_with<members::Ranged>(R"({"small": 6})"), "small: 6 is not from -5 to 5");
  contains(problem_with<members::Ranged>(R"({"positive": 0})"), "positive: 0 is not from 1 to 18446744073709551615");
  contains(problem_with<members::Ranged>(R"({"fraction": 0.75})"), "fraction: 0.75 is not from -inf to 0.5");
  EXPECT_EQ(problem_with<members::Ranged>(R"({"fraction": 0.5, "ratios": [0, 1]})"), "");
  contains(problem_with<members::Ranged>(R"({"ratios": [0, 2]})"), "ratios[1]: 2 is not from 0 to 1");
  contains(problem_with<members::Ranged>(R"({"digit": 0})"), "digit: 0 is not from 1 to 9");
  contains(problem_with<unions::Scene>(R"({"letter": {"flag": true, "kinds": []}})"), "letter: has two members");
  contains(problem_with<unions::Scene>(R"j({"letter": {"(tag)": "a", "kinds": ["disc", "disc"]}})j"),
           "letter: the tag 'a' does not select kinds");
  contains(problem_with<unions::Scene>(R"({"letter": {}})"), "letter: expected the union's member");
  contains(problem_with<unions::Scene>(R"({"numbers": [{"small": 6}]})"), "numbers[0].small: 6 is not from 0 to 5");
}

TEST(Json, is_refused_beyond_the_length_that_is_allowed) {
  const auto type = described_as<bench::Bytes4K>();
  const auto json = to_json(type, from_json(type, "{}").value(), {.max_bytes = 1'000});
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code(), baton::Errc::too_large);
}

TEST(Json, takes_back_a_row_that_a_table_does_not_have) {
  const auto type = described_as<tables::All>();
  const auto message = from_json(type, R"({"rows": [null, [1.5], []]})");
  ASSERT_TRUE(message) << message.error();
  EXPECT_FALSE(baton::validate(type, *message));
  const auto json = to_json(type, *message).value();
  EXPECT_NE(json.find(R"("rows":[null,[1.5],[]])"), std::string::npos) << json;
  EXPECT_EQ(to_json(type, from_json(type, json).value()).value(), json);
}

TEST(ValidateByDescription, looks_at_ranges_after_everything_else_as_generated_code_does) {
  members::Ranged value;
  value.small = 100;  // comes first
  value.digit = 5;
  *(reinterpret_cast<std::byte*>(&value.digit) + sizeof(std::int32_t)) = std::byte{9};
  const auto mine = baton::validate(described_as<members::Ranged>(), std::as_bytes(std::span(&value, 1)));
  ASSERT_TRUE(mine);
  EXPECT_EQ(mine->path, "digit");
  EXPECT_EQ(mine->path, baton::validate(value)->path);
}

TEST(ValidateByDescription, says_what_validate_says) {
  const auto type = described_as<members::Deep>();
  std::mt19937_64 random(11);
  auto value = std::make_unique<members::Deep>();
  std::size_t wrong = 0;
  for (int round = 0; round < 20'000; ++round) {
    *value = {};
    value->color = members::Color::green;
    const std::span bytes(reinterpret_cast<std::byte*>(value.get()), sizeof(members::Deep));
    bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    const auto mine = baton::validate(type, bytes);
    const auto theirs = baton::validate(*value);
    ASSERT_EQ(mine.has_value(), theirs.has_value())
        << (mine ? mine->path + mine->reason : theirs->path + theirs->reason);
    if (!mine) continue;
    ++wrong;
    EXPECT_EQ(mine->path, theirs->path);
    EXPECT_EQ(mine->reason, theirs->reason);
  }
  EXPECT_GT(wrong, 1'000U);
}

}  // namespace
