#include <gmock/gmock.h>

#include "baton/domain/member.hpp"

namespace baton::domain {
namespace {

constexpr PortRef kOwner{{3, 17}, 5};

Result<void> check(const FileHead& head, std::uint64_t layout) {
  return check_head(head, FileKind::segment, kOwner, 2, 4'096, "seg", layout);
}

TEST(Head, is_accepted_by_who_made_it) {
  const FileHead head = make_head(FileKind::segment, kOwner, 2, 4'096);
  EXPECT_TRUE(check_head(head, FileKind::segment, kOwner, 2, 4'096, "seg"));
  EXPECT_EQ(head.layout, layout_fingerprint());
}

TEST(Head, of_a_file_that_relies_on_more_than_the_domains_layout_is_checked_for_that) {
  const std::uint64_t own = fold_layout(layout_fingerprint(), std::array<std::uint64_t, 2>{64, 128});
  const std::uint64_t other = fold_layout(layout_fingerprint(), std::array<std::uint64_t, 2>{64, 192});
  const FileHead head = make_head(FileKind::segment, kOwner, 2, 4'096, own);
  EXPECT_TRUE(check(head, own));
  for (const std::uint64_t wrong : {other, layout_fingerprint()}) {
    const auto checked = check(head, wrong);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code(), Errc::incompatible);
    EXPECT_THAT(
        checked.error().message(),
        testing::HasSubstr(fmt::format("with the layout {:016x}, and this program has 1 with {:016x}", own, wrong)));
  }
}

TEST(Head, has_another_fingerprint_for_each_order_of_facts) {
  const std::uint64_t start = layout_fingerprint();
  EXPECT_NE(fold_layout(start, std::array<std::uint64_t, 2>{1, 2}),
            fold_layout(start, std::array<std::uint64_t, 2>{2, 1}));
  EXPECT_EQ(fold_layout(start, {}), start);
}

}  // namespace
}  // namespace baton::domain
