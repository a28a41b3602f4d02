// That an audit of a port finds what is wrong in its books: here each is made wrong by hand.
#include <gmock/gmock.h>

#include "baton/transport_inproc.hpp"
#include "connection.hpp"

namespace baton {
namespace {

using inproc::Connection;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A publisher and a subscriber without nodes, and one message that the subscriber holds.
class InprocAudit : public testing::Test {
 protected:
  InprocAudit() {
    const Chunk loan = publisher_->loan(kBytes);
    EXPECT_TRUE(publisher_->publish(loan, kBytes));
    held_ = subscriber_->take();
    EXPECT_THAT(publisher_->audit(), IsEmpty());
    EXPECT_THAT(subscriber_->audit(), IsEmpty());
  }
  ~InprocAudit() override {
    EXPECT_THAT(publisher_->audit(), IsEmpty());
    EXPECT_THAT(subscriber_->audit(), IsEmpty());
    subscriber_->release(held_);
  }

  static PortRequest request(const std::string& node) {
    PortRequest request;
    request.announcement.node = node;
    request.announcement.topic = "topic";
    request.announcement.transport = "inproc";
    request.announcement.reach = Reach::process;
    request.domain = "inproc_audit_test";
    request.payload_bytes = kBytes;
    request.events = std::make_shared<EventQueue>(node);
    return request;
  }
  Connection& connection() const { return Connection::of(held_); }

  static constexpr std::size_t kBytes = 64;
  const std::shared_ptr<Transport> transport_ = inproc_transport();
  PublisherPortHandle publisher_ = transport_->create_publisher(request("writer")).value();
  SubscriberPortHandle subscriber_ = transport_->create_subscriber(request("reader")).value();
  Chunk held_;
};

TEST_F(InprocAudit, finds_a_message_that_was_offered_and_is_nowhere) {
  connection().offered += 1;
  EXPECT_THAT(publisher_->audit(), ElementsAre("topic 'topic': publisher in writer: reader: 2 messages were offered, "
                                               "and 1 are accounted for"));
  connection().offered -= 1;
}

TEST_F(InprocAudit, finds_a_chunk_that_nobody_has) {
  connection().released += 1;
  EXPECT_THAT(publisher_->audit(), ElementsAre(HasSubstr("publisher in writer: 1 chunks are in use, where readers have "
                                                         "0, those that left 0 at most, and the history 0")));
  connection().released -= 1;
}

TEST_F(InprocAudit, finds_a_sample_that_the_queues_count_and_the_user_has_not) {
  connection().taken += 1;
  EXPECT_THAT(subscriber_->audit(),
              ElementsAre("topic 'topic': subscriber in reader: 2 samples are held by the queues' "
                          "count, 1 by the user's"));
  connection().taken -= 1;
}

TEST_F(InprocAudit, finds_more_given_back_than_was_taken) {
  connection().released += 2;
  EXPECT_THAT(subscriber_->audit(), ElementsAre(HasSubstr("writer: 2 were given back of 1 taken")));
  connection().released -= 2;
}

TEST_F(InprocAudit, finds_more_samples_held_than_may_be) {
  connection().taken += 100;
  EXPECT_THAT(subscriber_->audit(), Contains(HasSubstr("subscriber in reader: 101 samples are held of ")));
  connection().taken -= 100;
}

}  // namespace
}  // namespace baton
