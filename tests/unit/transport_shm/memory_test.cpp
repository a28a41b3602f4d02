// That a publisher's memory follows its readers: segments are made when they come, and given back when they go.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <list>
#include <optional>

#include <gmock/gmock.h>

#include "../core/domain/place.hpp"
#include "baton/node.hpp"
#include "baton/transport_shm.hpp"
#include "layout.hpp"
#include "test/conformance.hpp"

namespace baton {
namespace {

using namespace std::chrono_literals;
using conformance::Cloud;
using conformance::Message;
using testing::IsEmpty;

/// How often readers come and go: BATON_GROWTHS, for a long run, or else as many.
int growths(int usual) {
  const char* const wanted = std::getenv("BATON_GROWTHS");
  return wanted == nullptr ? usual : std::atoi(wanted);
}

/// What a process has.
struct Possessions {
  std::size_t descriptors = 0;
  std::size_t mappings = 0;  // of files in shared memory

  static Possessions now(const std::string& directory) {
    Possessions has;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++has.descriptors;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) has.mappings += line.find(directory) != std::string::npos ? 1 : 0;
    return has;
  }
};

/// Nodes without keepers, which the test keeps, and whose heartbeats are short: what is too much is given back after
/// one.
class ShmMemory : public testing::Test {
 protected:
  Node open(const std::string& name) const {
    const std::string file =
        fmt::format("[shared_memory]\ndirectory = \"{}\"\n[liveness]\nheartbeat = \"10 ms\"\nhung_after = \"1 h\"\n",
                    place_.path());
    return Node::open(name, {.domain = "test",
                             .config = Config::parse(file, "test.toml").value(),
                             .transports = {shm_transport()},
                             .keeper = false})
        .value();
  }

  std::uint64_t segment_bytes() const {
    std::uint64_t bytes = 0;
    for (const std::string& file : place_.files()) {
      struct stat status {};
      const std::string path = place_.path() + "/" + file;
      if (std::filesystem::path(file).filename().string().starts_with("seg.") && ::stat(path.c_str(), &status) == 0) {
        bytes += static_cast<std::uint64_t>(status.st_size);
      }
    }
    return bytes;
  }

  void keep() {
    writer_.keep(1ms);
    reader_.keep(1ms);
  }

  /// Keeps the nodes until something holds.
  bool eventually(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      keep();
    }
    return true;
  }

  void publish(std::uint64_t number) {
    auto loan = publisher_->loan();
    ASSERT_TRUE(loan) << loan.error().message();
    (*loan)->number = number;
    (*loan)->checksum = ~number;
    EXPECT_TRUE(loan->publish());
  }

  static void expect_intact(const Sample<Message>& sample) { EXPECT_EQ(sample->checksum, ~sample->number); }

  domain::testing_support::Place place_;
  Node writer_ = open("writer");
  Node reader_ = open("reader");
  std::optional<Publisher<Message>> publisher_ = writer_.publisher<Message>("topic").value();
};

TEST_F(ShmMemory, is_given_back_when_readers_have_gone) {
  const std::uint64_t at_first = segment_bytes();
  {
    std::list<Subscriber<Message>> readers;
    for (int i = 0; i < 8; ++i) readers.push_back(reader_.subscriber<Message>("topic").value());
    ASSERT_TRUE(eventually([&] { return publisher_->subscriber_count() == 8; }));
    for (std::uint64_t number = 0; number < 20; ++number) publish(number);
    for (auto& reader : readers) expect_intact(reader.take());
    EXPECT_GT(segment_bytes(), 4 * at_first);
    EXPECT_THAT(publisher_->audit(), IsEmpty());
  }
  EXPECT_TRUE(eventually([&] { return segment_bytes() == at_first; })) << segment_bytes() << " of " << at_first;
  EXPECT_THAT(publisher_->audit(), IsEmpty());
  const PublisherCounters counters = publisher_->counters();
  EXPECT_EQ(counters.free_chunks, counters.chunks);
}

/// A reader that always holds the newest sample, while others come and go.
class ShmMemoryOfAHolder : public ShmMemory {
 protected:
  ShmMemoryOfAHolder() {
    EXPECT_TRUE(eventually([&] { return publisher_->subscriber_count() == 1; }));
  }

  void talk() {
    for (int i = 0; i < 50; ++i) publish(number_++);
    while (auto sample = stays_.take()) {
      newest_ = std::move(sample);
      expect_intact(newest_);
    }
    ASSERT_TRUE(newest_);
  }

  /// One round; true if the memory is no more than that in the end.
  bool others_come_and_go(std::uint64_t bytes) {
    {
      std::list<Subscriber<Message>> others;
      for (int i = 0; i < 3; ++i) others.push_back(reader_.subscriber<Message>("topic", {.depth = 1'024}).value());
      EXPECT_TRUE(eventually([&] { return publisher_->subscriber_count() == 4; }));
      EXPECT_GT(segment_bytes(), bytes + (256U << 10U));
      for (int i = 0; i < 4; ++i) talk();
    }
    // Which segments can go depends on what is in use; to make the pool anew is worth while from 64 KiB on.
    return eventually([&] {
      talk();
      return segment_bytes() <= bytes + (64U << 10U);
    });
  }

  void expect_books_agree() const {
    EXPECT_EQ(number_, stays_.counters().total.taken) << "every message arrived";
    EXPECT_THAT(publisher_->audit(), IsEmpty());
    EXPECT_THAT(stays_.audit(), IsEmpty());
  }

  Subscriber<Message> stays_ = reader_.subscriber<Message>("topic", {.depth = 64}).value();
  Sample<Message> newest_;
  std::uint64_t number_ = 0;
};

TEST_F(ShmMemoryOfAHolder, is_given_back_by_a_reader_that_always_holds_something) {
  talk();
  const std::uint64_t bytes = segment_bytes();
  const Possessions possessions = Possessions::now(place_.path());
  const int rounds = growths(20);
  for (int round = 0; round < rounds; ++round)
    ASSERT_TRUE(others_come_and_go(bytes)) << segment_bytes() << " in " << round;
  EXPECT_EQ(Possessions::now(place_.path()).descriptors, possessions.descriptors);
  EXPECT_LE(Possessions::now(place_.path()).mappings, possessions.mappings + 4);
  expect_books_agree();
}

TEST_F(ShmMemoryOfAHolder, is_given_back_though_a_sample_is_held_for_good) {
  talk();
  const Sample<Message> for_good = std::exchange(newest_, {});
  const std::uint64_t bytes = 2 * segment_bytes();  // where it lies stays, beside what is needed
  const Possessions possessions = Possessions::now(place_.path());
  const int rounds = growths(20);
  for (int round = 0; round < rounds; ++round)
    ASSERT_TRUE(others_come_and_go(bytes)) << segment_bytes() << " in " << round;
  expect_intact(for_good);
  EXPECT_EQ(Possessions::now(place_.path()).descriptors, possessions.descriptors);
  EXPECT_LE(Possessions::now(place_.path()).mappings, possessions.mappings + 4);
  expect_books_agree();
}

TEST_F(ShmMemory, stays_where_a_sample_lies_until_that_is_released) {
  auto stays = reader_.subscriber<Message>("topic", {.depth = 256}).value();
  std::optional other = reader_.subscriber<Message>("topic", {.depth = 256}).value();
  ASSERT_TRUE(eventually([&] { return publisher_->subscriber_count() == 2; }));
  // All chunks of both segments are out, one of each is held.
  for (std::uint64_t number = 0; number < 256; ++number) publish(number);
  std::vector<Sample<Message>> held;
  for (int i = 0; i < 256; ++i) {
    auto sample = stays.take();
    ASSERT_TRUE(sample);
    if (i % 50 == 0) held.push_back(std::move(sample));
  }
  const std::uint64_t of_two = segment_bytes();
  other.reset();
  for (int i = 0; i < 100; ++i) keep();
  for (const auto& sample : held) expect_intact(sample);
  for (std::uint64_t number = 256; number < 300; ++number) publish(number);
  while (auto sample = stays.take()) expect_intact(sample);
  for (const auto& sample : held) expect_intact(sample);
  held.clear();
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(stays.take());
    return segment_bytes() < of_two;
  }));
  EXPECT_THAT(publisher_->audit(), IsEmpty());
}

TEST_F(ShmMemory, is_lent_again_to_a_reader_that_comes_before_it_has_gone) {
  auto stays = reader_.subscriber<Message>("topic", {.depth = 4, .max_held = 64}).value();
  std::optional other = reader_.subscriber<Message>("topic", {.depth = 64, .max_held = 64}).value();
  ASSERT_TRUE(eventually([&] { return publisher_->subscriber_count() == 2; }));
  std::vector<Sample<Message>> held;
  for (std::uint64_t number = 0; number < 60; ++number) {
    publish(number);
    held.push_back(stays.take());
    static_cast<void>(other->take());
  }
  const std::uint64_t bytes = segment_bytes();
  other.reset();
  for (int i = 0; i < 30; ++i) keep();
  other = reader_.subscriber<Message>("topic", {.depth = 64, .max_held = 64}).value();
  ASSERT_TRUE(eventually([&] { return publisher_->subscriber_count() == 2; }));
  EXPECT_EQ(segment_bytes(), bytes);
  for (const auto& sample : held) expect_intact(sample);
  publish(60);
  expect_intact(other->take());
  EXPECT_THAT(publisher_->audit(), IsEmpty());
}

TEST_F(ShmMemory, of_one_large_segment_is_made_anew) {
  publisher_.reset();
  std::optional large = reader_.subscriber<Message>("topic", {.depth = 16'384}).value();
  publisher_ = writer_.publisher<Message>("topic").value();
  const std::uint64_t at_first = segment_bytes();
  ASSERT_GT(at_first, 2U << 20U);
  auto small = reader_.subscriber<Message>("topic").value();
  publish(1);
  large.reset();
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(small.take());
    return segment_bytes() < at_first / 50;
  })) << segment_bytes();
  publish(2);
  auto sample = small.take();
  while (!sample) sample = small.take();
  EXPECT_EQ(sample->number, 2U);
  EXPECT_THAT(publisher_->audit(), IsEmpty());
}

TEST_F(ShmMemory, of_other_sizes_makes_place_for_a_message_that_finds_none) {
  auto publisher = writer_.publisher<Cloud>("clouds", {.max_memory = 8U << 20U}).value();
  auto subscriber = reader_.subscriber<Cloud>("clouds").value();
  ASSERT_TRUE(eventually([&] { return publisher.subscriber_count() == 1; }));
  // Of each size there is a megabyte at first.
  for (std::uint32_t points = 16; points < 400'000; points *= 2) {
    ASSERT_TRUE(eventually([&] {
      auto loan = publisher.loan(points);
      if (!loan) {
        static_cast<void>(subscriber.take());  // lets go of what is wanted back
        return false;
      }
      loan->data().back().intensity = points;
      EXPECT_TRUE(loan->publish());
      const auto sample = subscriber.take();
      return sample && sample.data().size() == points && sample.data().back().intensity == points;
    })) << points;
  }
  EXPECT_THAT(publisher.audit(), IsEmpty());
}

TEST_F(ShmMemory, that_a_publisher_falsely_wants_back_stays_mapped_until_it_is_released) {
  auto subscriber = reader_.subscriber<Message>("topic").value();
  ASSERT_TRUE(eventually([&] { return publisher_->subscriber_count() == 1; }));
  publish(1);
  publish(2);
  auto first = subscriber.take();
  ASSERT_TRUE(first);
  std::string inbox;
  for (const std::string& file : place_.files()) {
    if (std::filesystem::path(file).filename().string().starts_with("inbox.")) inbox = place_.path() + "/" + file;
  }
  const int file = ::open(inbox.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(file, 0);
  const auto write = [file](std::uint64_t offset, auto value) {
    EXPECT_EQ(::pwrite(file, &value, sizeof(value), static_cast<off_t>(offset)), static_cast<ssize_t>(sizeof(value)));
  };
  const std::uint64_t drops = sizeof(shm::InboxHead) + offsetof(shm::SlotHead, dropped);
  write(drops + offsetof(shm::SlotHead::Drops, retired), ~std::uint64_t{0});
  write(drops + offsetof(shm::SlotHead::Drops, retiring), std::uint32_t{77});
  write(offsetof(shm::InboxHead, slot_epoch), std::uint32_t{9'999});
  ::close(file);
  const auto refused = subscriber.take();  // lies in what was said to be wanted back
  EXPECT_FALSE(refused);
  expect_intact(first);
  EXPECT_EQ(first->number, 1U);
  EXPECT_EQ(first.info().sequence, 0U);
  first.release();
  publisher_.reset();
}

}  // namespace
}  // namespace baton
