// What batongen makes of the enums and bitmasks of idl/test/flags.idl.
#include "test/flags.hpp"

#include <type_traits>

#include <gtest/gtest.h>

namespace {

using baton::TypeTraits;
using flags::Access;

static_assert(sizeof(flags::Bit) == 1 && sizeof(flags::Nine) == 2 && sizeof(flags::Gapped) == 4);
static_assert(sizeof(flags::One) == 1 && sizeof(flags::Sixteen) == 2 && sizeof(Access) == 4);
static_assert(sizeof(flags::ThirtyThree) == 8 && sizeof(flags::SixtyFour) == 8);
static_assert(static_cast<int>(flags::Gapped::six) == 6 && static_cast<int>(flags::Gapped::zero) == 0);
static_assert(static_cast<unsigned>(Access::write) == 2 && static_cast<unsigned>(Access::own) == 0x80);
static_assert(static_cast<unsigned>(Access::list) == 0x100, "positions count on from the one before");
static_assert(static_cast<std::uint64_t>(flags::SIGN) == std::uint64_t{1} << 63);

TEST(Bitmask, has_the_operators_of_a_set) {
  static_assert(flags::READ_WRITE == (Access::read | Access::write));
  static_assert((flags::READ_WRITE & Access::read) == Access::read);
  static_assert((flags::READ_WRITE ^ Access::read) == Access::write);
  Access access{};
  access |= Access::own;
  access |= Access::list;
  access &= ~Access::list;
  EXPECT_EQ(access, Access::own);
  access ^= Access::read | Access::own;
  EXPECT_EQ(access, Access::read);
}

TEST(Bitmask, has_tells_whether_all_flags_of_the_second_are_in_the_first) {
  EXPECT_TRUE(has(flags::READ_WRITE, Access::write));
  EXPECT_TRUE(has(flags::READ_WRITE, Access::read | Access::write));
  EXPECT_FALSE(has(flags::READ_WRITE, Access::read | Access::own));
}

TEST(Bitmask, the_complement_has_declared_flags_only) {
  EXPECT_EQ(~flags::READ_WRITE, Access::own | Access::list);
  EXPECT_EQ(~flags::READ_WRITE, flags::OTHERS);
  EXPECT_EQ(~static_cast<Access>(0x40), Access::read | Access::write | Access::own | Access::list);
}

TEST(Bitmask, is_printed_by_the_names_of_its_flags) {
  EXPECT_EQ(fmt::format("{}", Access::read | Access::own), "read | own");
  EXPECT_EQ(fmt::format("{}", flags::NOTHING), "Access(0)");
  EXPECT_EQ(fmt::format("{}", static_cast<Access>(0x41)), "read | Access(0x40)");
  EXPECT_EQ(fmt::format("{}", flags::SixtyFour::negative), "negative");
  flags::Permissions permissions;
  permissions.sixteen = {flags::Sixteen::high};
  EXPECT_EQ(fmt::format("{}", permissions),
            "{access: Access(0), one: One(0), eight: [Eight(0), Eight(0), Eight(0)], sixteen: [high], thirty_three: "
            "ThirtyThree(0), sixty_four: SixtyFour(0), bit: off, two: a0, nine: lowest, gapped: five}");
}

TEST(Bitmask, reflection_gives_the_positions) {
  const baton::TypeInfo& info = TypeTraits<Access>::info();
  EXPECT_EQ(info.kind, baton::TypeKind::bitmask_);
  ASSERT_EQ(info.enumerators.size(), 4U);
  EXPECT_EQ(info.enumerators[2].name, "own");
  EXPECT_EQ(info.enumerators[2].value, 7);
  EXPECT_EQ(info.enumerators[1].doc, "change");
  EXPECT_EQ(info.canonical,
            "baton-type 1\nbitmask flags::Access uint32\n  read = 0\n  write = 1\n  own = 7\n  list = 8\n");
}

TEST(Bitmask, differences_name_the_flag) {
  EXPECT_EQ(baton::first_difference("baton-type 1\nbitmask m::B uint8\n  a = 0\n",
                                    "baton-type 1\nbitmask m::B uint8\n  a = 1\n", "X"),
            "enumerator m::B.a: 0 here, 1 in X");
}

TEST(Enum, the_default_is_the_first_enumerator_whatever_its_number) {
  EXPECT_EQ(flags::Permissions().gapped, flags::Gapped::five);
  EXPECT_FALSE(TypeTraits<flags::Permissions>::kZeroIsDefault);
}

}  // namespace
