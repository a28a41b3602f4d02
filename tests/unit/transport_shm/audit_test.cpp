// That an audit of a port finds what is wrong in its books: here what lies in shared memory is made wrong by hand.
#include <fcntl.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "../core/domain/place.hpp"
#include "baton/node.hpp"
#include "baton/transport_shm.hpp"
#include "layout.hpp"
#include "test/conformance.hpp"

namespace baton {
namespace {

using conformance::Message;
using testing::ElementsAre;
using testing::IsEmpty;

/// A word of a shared file, changed as long as this lives.
class Corrupted {
 public:
  Corrupted(const std::string& path, std::uint64_t offset, std::uint64_t add)
      : file_(::open(path.c_str(), O_RDWR | O_CLOEXEC)), offset_(static_cast<off_t>(offset)) {
    EXPECT_EQ(::pread(file_, &before_, sizeof(before_), offset_), static_cast<ssize_t>(sizeof(before_))) << path;
    write(before_ + add);
  }
  ~Corrupted() {
    write(before_);
    ::close(file_);
  }
  Corrupted(const Corrupted&) = delete;
  Corrupted& operator=(const Corrupted&) = delete;

 private:
  void write(std::uint64_t word) const {
    EXPECT_EQ(::pwrite(file_, &word, sizeof(word), offset_), static_cast<ssize_t>(sizeof(word)));
  }

  const int file_;
  const off_t offset_;
  std::uint64_t before_ = 0;
};

/// A publisher and a subscriber that drops nothing of what it has; one message is held, and one queued.
class ShmAudit : public testing::Test {
 protected:
  ShmAudit() {
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(publisher_.publish(Message{}));
    held_ = subscriber_.take();
    EXPECT_TRUE(held_);
    expect_nothing();
  }
  ~ShmAudit() override { expect_nothing(); }

  void expect_nothing() const {
    EXPECT_THAT(publisher_.audit(), IsEmpty());
    EXPECT_THAT(subscriber_.audit(), IsEmpty());
  }

  Node open(const std::string& name) const {
    const std::string file = fmt::format("[shared_memory]\ndirectory = \"{}\"\n", place_.path());
    return Node::open(name, {.domain = "test",
                             .config = Config::parse(file, "test.toml").value(),
                             .transports = {shm_transport()},
                             .keeper = false})
        .value();
  }

  /// The path of the one file whose name begins so.
  std::string file(std::string_view prefix) const {
    for (const std::string& file : place_.files()) {
      if (std::filesystem::path(file).filename().string().starts_with(prefix)) return place_.path() + "/" + file;
    }
    ADD_FAILURE() << "there is no file " << prefix;
    return "";
  }

  domain::testing_support::Place place_;
  Node writer_ = open("writer");
  Node reader_ = open("reader");
  Subscriber<Message> subscriber_ = reader_.subscriber<Message>("topic", {.overflow = Overflow::drop_newest}).value();
  Publisher<Message> publisher_ = writer_.publisher<Message>("topic").value();
  Sample<Message> held_;
};

TEST_F(ShmAudit, finds_a_message_that_was_published_and_not_offered) {
  const Corrupted published(file("pub-"),
                            offsetof(domain::PortFile, publisher) + offsetof(domain::PublisherFigures, published), 1);
  EXPECT_THAT(publisher_.audit(),
              ElementsAre("topic 'topic': publisher in writer: reader: messages offered: 2, expected 3"));
  EXPECT_THAT(subscriber_.audit(), IsEmpty());
}

TEST_F(ShmAudit, finds_a_message_that_left_the_queue_and_was_not_taken) {
  const Corrupted head(file("inbox."),
                       sizeof(shm::InboxHead) + offsetof(shm::SlotHead, head) + offsetof(shm::SlotHead::Head, position),
                       1);
  EXPECT_THAT(subscriber_.audit(),
              ElementsAre("topic 'topic': subscriber in reader: writer: the head is at 2, and the next entry is 1"));
}

}  // namespace
}  // namespace baton
