// What batongen makes of idl/test/members.idl: keys, ranges, inheritance, validate().
#include "test/members.hpp"

#include <cmath>
#include <cstring>
#include <map>

#include <gtest/gtest.h>

namespace {

using baton::key_of;
using baton::TypeTraits;
using baton::validate;

template <class T, class Bytes>
void poke(T& value, const Bytes& bytes) {
  std::memcpy(static_cast<void*>(&value), &bytes, sizeof(bytes));
}

template <class T>
std::string problem(const T& value) {
  const auto error = validate(value);
  return error ? error->path + ": " + error->reason : "";
}

// --- Keys ---

static_assert(baton::Keyed<members::Station> && !baton::Keyed<members::Plain>);
static_assert(std::is_same_v<decltype(key_of(members::One())), members::Color>);

TEST(KeyOf, gives_copies_of_the_keys) {
  members::Station station;
  station.id = 7;
  station.keeper = {"Ada", "King", 36};
  station.mac = {1, 2, 3, 4, 5, 6};
  auto key = key_of(station);
  EXPECT_EQ(std::get<0>(key), 7U);
  EXPECT_EQ(std::get<2>(key), std::make_tuple(baton::String<8>("Ada"), baton::String<8>("King")));
  members::Station other = station;
  other.value = 3;
  other.keeper.age = 1;
  EXPECT_EQ(key_of(other), key);
  other.keeper.last = "Lovelace";
  EXPECT_NE(key_of(other), key);
  std::map<decltype(key), int> last_of_each;
  last_of_each[key_of(station)] = 1;
  last_of_each[key_of(other)] = 2;
  EXPECT_EQ(last_of_each.size(), 2U);
}

TEST(KeyOf, a_foreign_boolean_is_read_as_a_byte) {
  members::Station a;
  members::Station b;
  a.active = true;
  poke(b.active, std::uint8_t{2});
  EXPECT_EQ(key_of(a), key_of(b));
}

TEST(KeyOf, keys_are_part_of_the_type) {
  const auto& info = TypeTraits<members::One>::info();
  EXPECT_EQ(info.fields[0].role, "key");
  std::string theirs(info.canonical);
  theirs.erase(theirs.find(" key"), 4);
  EXPECT_EQ(baton::first_difference(info.canonical, theirs, "X"), "field color: key here, no key in X");
}

// --- Inheritance ---

TEST(Inheritance, the_members_of_the_base_come_first) {
  const members::More more{.at = {.x = 1}, .name = "n", .level = 3, .color = members::Color::green};
  EXPECT_EQ(fmt::format("{}", more), "{at: {x: 1, y: 0}, name: \"n\", level: 3, color: green, options: Options(0)}");
  EXPECT_EQ(TypeTraits<members::Last>::info().fields.size(), 3U);
}

// --- validate ---

TEST(Validate, a_new_message_is_valid) {
  EXPECT_EQ(problem(members::Deep()), "");
  EXPECT_EQ(problem(members::Optionals()), "");
  EXPECT_EQ(problem(members::Station()), "");
}

TEST(Validate, finds_numbers_out_of_range) {
  members::Ranged ranged;
  ranged.small = 6;
  EXPECT_EQ(problem(ranged), "small: 6 is not from -5 to 5");
  ranged = {};
  ranged.positive = 0;
  EXPECT_EQ(problem(ranged), "positive: 0 is not from 1 to 18446744073709551615");
  ranged = {};
  ranged.fraction = 0.75F;
  EXPECT_EQ(problem(ranged), "fraction: 0.75 is not from -inf to 0.5");
  ranged.fraction = -HUGE_VALF;
  EXPECT_EQ(problem(ranged), "");
  ranged.fraction = std::nanf("");
  EXPECT_EQ(problem(ranged), "fraction: nan is not from -inf to 0.5");
  ranged = {};
  ranged.ratios[1] = -1;
  EXPECT_EQ(problem(ranged), "ratios[1]: -1 is not from 0 to 1");
  ranged = {};
  ranged.digit = 0;
  EXPECT_EQ(problem(ranged), "digit: 0 is not from 1 to 9");
  ranged.digit.reset();
  EXPECT_EQ(problem(ranged), "");
  ranged.wide = {1, 19};
  EXPECT_EQ(problem(ranged), "wide[1]: 19 is not from -9223372036854775808 to 18");
}

TEST(Validate, finds_what_only_a_damaged_writer_makes) {
  members::Deep deep;
  poke(deep.flag, std::uint8_t{2});
  EXPECT_EQ(problem(deep), "flag: the byte 2 is neither false (0) nor true (1)");
  deep = {};
  deep.color = static_cast<members::Color>(0);
  EXPECT_EQ(problem(deep), "color: 0 is no value of members::Color");
  deep = {};
  deep.options = static_cast<members::Options>(0x13);
  EXPECT_EQ(problem(deep), "options: the bits 0x2 are no flags of members::Options");
  deep = {};
  poke(deep.text, std::uint32_t{5});
  EXPECT_EQ(problem(deep), "text: the length 5 is more than 4");
  deep = {};
  poke(deep.flags, std::uint32_t{0xFFFFFFFF});
  EXPECT_EQ(problem(deep), "flags: the length 4294967295 is more than 3");
  deep = {};
  deep.flags = {true, false, true};
  poke(deep.flags[2], std::uint8_t{7});
  EXPECT_EQ(problem(deep), "flags[2]: the byte 7 is neither false (0) nor true (1)");
  deep = {};
  deep.readings[1].set_options(static_cast<members::Options>(2));
  EXPECT_EQ(problem(deep), "readings[1].options: the bits 0x2 are no flags of members::Options");
  deep = {};
  deep.point.emplace();
  EXPECT_EQ(problem(deep), "");
  poke(*(reinterpret_cast<unsigned char*>(&deep.point) + sizeof(members::Point)), std::uint8_t{3});
  EXPECT_EQ(problem(deep), "point: the byte 3 is neither absent (0) nor present (1)");
  deep = {};
  deep.ranged.ratios[0] = 2;
  EXPECT_EQ(problem(deep), "ranged.ratios[0]: 2 is not from 0 to 1");
}

}  // namespace
