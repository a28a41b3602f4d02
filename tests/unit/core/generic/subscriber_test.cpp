#include "baton/generic.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "baton/log.hpp"
#include "baton/node.hpp"
#include "baton/transport_inproc.hpp"
#include "test/conformance.hpp"

namespace {

using conformance::Message;

/// Carries as inproc does. What its directories say, and whether subscribers can be opened, is the test's choice.
class Tampering final : public baton::Transport {
 public:
  std::function<void(baton::PortAnnouncement&)> tamper = [](baton::PortAnnouncement&) {};
  int refusals = 0;  ///< of subscribers that would be opened next, with no_space
  int attempts = 0;

  std::string_view name() const noexcept override { return inner_->name(); }
  baton::Reach reach() const noexcept override { return inner_->reach(); }
  baton::Result<baton::PublisherPortHandle> create_publisher(const baton::PortRequest& request) override {
    return inner_->create_publisher(request);
  }
  baton::Result<baton::SubscriberPortHandle> create_subscriber(const baton::PortRequest& request) override {
    ++attempts;
    if (refusals == 0) return inner_->create_subscriber(request);
    --refusals;
    return baton::fail(baton::Errc::no_space, "a port", "as the test wants it", "");
  }
  baton::Result<std::unique_ptr<baton::PublisherDirectory>> watch_publishers(baton::DirectoryRequest request) override {
    auto directory = inner_->watch_publishers(std::move(request));
    if (!directory) return baton::fail(directory.error());
    return std::make_unique<Directory>(*this, *std::move(directory));
  }

 private:
  class Directory final : public baton::PublisherDirectory {
   public:
    Directory(Tampering& transport, std::unique_ptr<baton::PublisherDirectory> inner)
        : transport_(transport), inner_(std::move(inner)) {}

    bool look(std::vector<std::shared_ptr<const baton::PortAnnouncement>>& found) override {
      if (!inner_->look(found)) return false;
      for (auto& each : found) {
        auto& changed = changed_[each];
        if (changed == nullptr) {
          auto copy = std::make_shared<baton::PortAnnouncement>(*each);
          transport_.tamper(*copy);
          changed = std::move(copy);
        }
        each = changed;
      }
      return true;
    }

   private:
    Tampering& transport_;
    std::unique_ptr<baton::PublisherDirectory> inner_;
    std::map<std::shared_ptr<const baton::PortAnnouncement>, std::shared_ptr<const baton::PortAnnouncement>> changed_;
  };

  const std::shared_ptr<baton::Transport> inner_ = baton::inproc_transport();
};

class GenericSubscriberOpens : public testing::Test {
 protected:
  baton::Node open_node(const std::string& name) {
    return baton::Node::open(
               name, {.domain = "generic_subscriber_test", .config = baton::Config(), .transports = {transport_}})
        .value();
  }

  const std::shared_ptr<Tampering> transport_ = std::make_shared<Tampering>();
  baton::Node node_ = open_node("honest");
  baton::Node other_ = open_node("other");
};

TEST_F(GenericSubscriberOpens, by_an_honest_description_where_another_one_is_damaged) {
  transport_->tamper = [](baton::PortAnnouncement& announced) {
    if (announced.node == "other") announced.description = "damaged";
  };
  auto damaged = other_.publisher<Message>("topic").value();
  auto subscriber = node_.generic_subscriber().value();
  EXPECT_FALSE(subscriber.take());
  EXPECT_TRUE(subscriber.sources().empty());
  auto honest = node_.publisher<Message>("topic").value();
  EXPECT_EQ(subscriber.sources().size(), 1U);
  honest.publish({.number = 3});
  auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample.info().publisher, "honest");
}

TEST_F(GenericSubscriberOpens, again_what_there_was_no_room_for) {
  transport_->refusals = 2;
  auto publisher = other_.publisher<Message>("topic").value();
  auto subscriber = node_.generic_subscriber().value();
  EXPECT_FALSE(subscriber.take());
  for (int i = 0; i < 3; ++i) static_cast<void>(subscriber.take());
  EXPECT_EQ(subscriber.sources().size(), 1U);
  EXPECT_EQ(transport_->attempts, 3);
  publisher.publish({.number = 3});
  EXPECT_TRUE(subscriber.take());
}

TEST_F(GenericSubscriberOpens, no_damaged_description_twice_but_for_another_publisher) {
  const auto count = std::make_shared<std::atomic<int>>(0);
  baton::set_log_sink([count](baton::LogLevel, std::string_view line) {
    *count += line.find("cannot be received") != std::string_view::npos ? 1 : 0;
  });
  transport_->tamper = [](baton::PortAnnouncement& announced) { announced.description = "damaged"; };
  auto subscriber = node_.generic_subscriber().value();
  auto publisher = std::make_unique<baton::Publisher<Message>>(other_.publisher<Message>("topic").value());
  const auto warnings = [&count] {
    baton::flush_log();
    return count->load();
  };
  static_cast<void>(subscriber.sources());
  EXPECT_EQ(warnings(), 1);
  auto news = other_.publisher<Message>("another").value();
  for (int i = 0; i < 3; ++i) static_cast<void>(subscriber.sources());
  EXPECT_EQ(warnings(), 2) << "one for each";
  publisher.reset();
  static_cast<void>(subscriber.sources());
  publisher = std::make_unique<baton::Publisher<Message>>(other_.publisher<Message>("topic").value());
  static_cast<void>(subscriber.sources());
  EXPECT_EQ(warnings(), 3);
  baton::set_log_sink({});
}

}  // namespace
