#include "segment.hpp"

#include "../core/domain/place.hpp"

namespace {

using namespace baton::domain;
using namespace baton::shm;
using baton::domain::testing_support::Place;

class SegmentTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kBucket = 3;
  static constexpr std::uint32_t kPayload = 100;

  Segment create(std::uint32_t number, std::uint32_t generation) {
    return Segment::create(*member_,
                           {kBucket, publisher_, number, generation, 4, kPayload, segment_name(publisher_, number)})
        .value();
  }
  SegmentView open(std::uint32_t number) {
    return SegmentView::open(*member_, kBucket, reader_, publisher_, number, kPayload).value();
  }

  Place place_;
  std::shared_ptr<Member> member_ = place_.join("node");
  const PortRef publisher_{member_->id(), 1};
  const PortRef reader_{member_->id(), 2};
};

TEST_F(SegmentTest, is_found_by_references_however_many_generations_its_number_has_had) {
  for (const std::uint32_t generation : {1U, 1'023U, 1'024U, 5'000U}) {
    const Segment segment = create(2, generation);
    ASSERT_TRUE(segment.link_for(*member_, reader_));
    const SegmentView view = open(2);
    EXPECT_NE(view.find(Reference::make(segment.number(), segment.generation(), 3)), nullptr) << generation;
    EXPECT_EQ(view.find(Reference::make(segment.number(), segment.generation() + 1, 3)), nullptr) << generation;
    EXPECT_EQ(view.find(Reference::make(segment.number(), segment.generation(), 4)), nullptr) << generation;
    segment.remove_name(*member_);
  }
}

}  // namespace
