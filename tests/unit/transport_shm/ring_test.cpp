// The large-data ring where it is too small, held, lied to, or chosen by "auto". What it has in common with the other
// transports is in tests/conformance.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "baton/baton.hpp"
#include "baton/transport_shm.hpp"
#include "layout.hpp"
#include "test/conformance.hpp"

namespace baton {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using conformance::Cloud;
using conformance::Message;
using testing::HasSubstr;

class LargeRing : public testing::Test {
 protected:
  Node open(const std::string& name, std::vector<std::shared_ptr<Transport>> transports = {ring_transport()}) {
    Options options;
    options.domain = domain_;
    options.config = Config();
    options.transports = std::move(transports);
    return Node::open(name, std::move(options)).value();
  }

  fs::path only_file(const std::string& prefix) const {
    for (const auto& entry :
         fs::recursive_directory_iterator("/dev/shm/baton-" + std::to_string(::getuid()) + "/" + domain_)) {
      if (entry.path().filename().string().starts_with(prefix)) return entry.path();
    }
    return {};
  }

  const std::string domain_ = "ring-test-" + std::to_string(::getpid());
};

/// Bytes of a file that somebody else owns, as a program gone wild might write to them.
class Scribbled {
 public:
  explicit Scribbled(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    bytes_ = static_cast<std::size_t>(::lseek(file, 0, SEEK_END));
    data_ = static_cast<std::byte*>(::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    ::close(file);
  }
  ~Scribbled() { ::munmap(data_, bytes_); }
  Scribbled(const Scribbled&) = delete;
  Scribbled& operator=(const Scribbled&) = delete;

  std::atomic<std::uint64_t>& word(std::size_t offset) {
    return *reinterpret_cast<std::atomic<std::uint64_t>*>(data_ + offset);
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

template <class Change>
void change_first_entry(const fs::path& ring, Change change) {
  Scribbled file(ring);
  std::atomic<std::uint64_t>& entry = file.word(sizeof(shm::RecordsHead));
  entry.store(change(entry.load()));
}

constexpr std::uint64_t kSmall = 64U << 10U;

std::size_t points_in(std::uint64_t bytes) { return bytes / sizeof(conformance::Point); }

TEST_F(LargeRing, refuses_a_record_larger_than_its_capacity_and_names_both) {
  auto node = open("writer");
  auto publisher = node.publisher<Cloud>("topic", {.capacity = kSmall}).value();
  const auto refused = publisher.loan(points_in(100'000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::out_of_chunks);
  EXPECT_THAT(refused.error().message(), HasSubstr("a record of 100060 bytes, where the ring's capacity is 65536"));
  EXPECT_TRUE(publisher.loan(points_in(65'000)));
}

TEST_F(LargeRing, refuses_a_capacity_that_is_not_there) {
  auto node = open("writer");
  const auto refused = node.publisher<Cloud>("topic", {.max_memory = Qos::kMaxMemory, .capacity = Qos::kMaxCapacity});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::no_space);
  EXPECT_THAT(refused.error().message(), HasSubstr("its ring of 1099511627776 bytes cannot be made"));
  EXPECT_THAT(refused.error().message(), HasSubstr("bytes are available"));
}

TEST_F(LargeRing, takes_no_more_memory_than_it_has_used) {
  auto node = open("writer");
  auto publisher = node.publisher<Cloud>("topic").value();
  const auto kilobytes = [&] {
    struct stat status {};
    EXPECT_EQ(::stat(only_file("seg.").c_str(), &status), 0);
    return status.st_blocks / 2;
  };
  EXPECT_LT(kilobytes(), 1'024) << "the index, and the first steps of the buffer";
  for (int i = 0; i < 100; ++i) publisher.loan(points_in(1U << 20U)).value().publish();
  EXPECT_LT(kilobytes(), 10 << 10) << "nobody wants the old ones: the start is used again";
}

TEST_F(LargeRing, fails_a_loan_that_fits_between_no_held_records_and_names_the_holder) {
  auto node = open("writer");
  auto other = open("hoarder");
  auto publisher = node.publisher<Cloud>("topic", {.capacity = kSmall}).value();
  auto subscriber = other.subscriber<Cloud>("topic", {.depth = 1, .max_held = 8}).value();
  std::vector<Sample<Cloud>> held;
  for (int i = 0; i < 4; ++i) {  // a small one that is held, a large one that is not
    publisher.loan(points_in(1'000)).value().publish();
    held.push_back(subscriber.take());
    publisher.loan(points_in(14'000)).value().publish();
    EXPECT_TRUE(subscriber.take());
  }
  const auto refused = publisher.loan(points_in(30'000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::out_of_chunks);
  EXPECT_THAT(refused.error().message(), HasSubstr("hoarder holds 4"));
  EXPECT_TRUE(publisher.loan(points_in(10'000))) << "what fits is lent";
  held.clear();
  EXPECT_TRUE(publisher.loan(points_in(30'000)));
}

TEST_F(LargeRing, goes_on_at_full_rate_while_records_are_held_which_do_not_change) {
  auto node = open("writer");
  auto other = open("reader");
  auto publisher = node.publisher<Cloud>("topic", {.capacity = 2 * kSmall}).value();
  auto subscriber =
      other.subscriber<Cloud>("topic", {.depth = 4, .overflow = Overflow::drop_oldest, .max_held = 6}).value();
  std::mt19937 random(1);
  struct Held {
    Sample<Cloud> sample;
    std::uint64_t number;
  };
  std::vector<Held> held;
  std::uint64_t next = 0;
  const auto expect_intact = [](const Held& it) {
    EXPECT_EQ(it.sample->number, it.number);
    for (const auto& point : it.sample.data()) ASSERT_EQ(point.intensity, static_cast<std::uint32_t>(it.number));
  };
  for (std::uint64_t number = 0; number < 30'000; ++number) {
    auto loan = publisher.loan(points_in(64 + random() % 8'000));
    ASSERT_TRUE(loan) << loan.error().message();
    (*loan)->number = number;
    for (auto& point : loan->data()) point = {0, 0, static_cast<std::uint32_t>(number)};
    ASSERT_TRUE(loan->publish());
    if (random() % 3 == 0) {
      if (auto sample = subscriber.take()) {
        ASSERT_GE(sample->number, next);
        EXPECT_EQ(sample.info().dropped_before, sample->number - next);
        next = sample->number + 1;
        held.push_back({std::move(sample), next - 1});
      }
    }
    if (held.size() > 5 || (!held.empty() && random() % 5 == 0)) {
      const std::size_t which = random() % held.size();
      expect_intact(held[which]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
    }
  }
  for (const Held& it : held) expect_intact(it);
  held.clear();
  const ConnectionCounters at_reader = subscriber.counters().connections.at(0);
  const ConnectionCounters at_writer = publisher.counters().connections.at(0);
  EXPECT_EQ(at_reader.offered, 30'000U);
  EXPECT_EQ(at_reader.taken + at_reader.queued + at_reader.dropped_oldest, 30'000U);
  EXPECT_EQ(at_writer.taken, at_reader.taken);
  EXPECT_EQ(at_writer.dropped_oldest, at_reader.dropped_oldest);
  EXPECT_EQ(publisher.audit(), std::vector<std::string>());
}

TEST_F(LargeRing, waits_for_the_reader_under_block_when_the_capacity_is_used_up) {
  auto node = open("writer");
  auto other = open("reader");
  auto publisher =
      node.publisher<Cloud>("topic", {.overflow = Overflow::block, .block_timeout = 50ms, .capacity = kSmall}).value();
  auto subscriber = other.subscriber<Cloud>("topic", {.depth = 64}).value();
  std::uint64_t published = 0;
  while (auto loan = publisher.loan(points_in(10'000))) {  // at last it waits in vain
    (*loan)->number = published;
    ASSERT_TRUE(loan->publish());
    ++published;
  }
  EXPECT_GE(published, 4U);
  EXPECT_LE(published, 6U);
  for (std::uint64_t number = 0; number < published; ++number) EXPECT_EQ(subscriber.take()->number, number);
  EXPECT_TRUE(publisher.loan(points_in(10'000)));
}

TEST_F(LargeRing, fails_no_loan_that_waits_for_a_reader_which_lets_go_of_all_at_once) {
  auto node = open("writer");
  auto other = open("reader");
  auto publisher =
      node.publisher<Cloud>("topic", {.overflow = Overflow::block, .block_timeout = 60s, .capacity = kSmall}).value();
  auto subscriber = other.subscriber<Cloud>("topic", {.depth = 64, .max_held = 64}).value();
  constexpr std::uint64_t kMessages = 5'000;
  std::atomic<bool> failed{false};
  std::thread reading([&] {
    std::uint64_t next = 0;
    std::vector<Sample<Cloud>> held;
    while (next < kMessages && !failed) {
      auto sample = subscriber.take();
      if (sample) {
        EXPECT_EQ(sample->number, next++);
        held.push_back(std::move(sample));
      } else {
        held.clear();
      }
    }
  });
  for (std::uint64_t number = 0; number < kMessages && !failed; ++number) {
    auto loan = publisher.loan(points_in(20'000));
    failed = !loan;
    if (failed) {
      ADD_FAILURE() << number << ": " << loan.error().message();
    } else {
      (*loan)->number = number;
      EXPECT_EQ(loan->publish().status, PublishStatus::ok);
    }
  }
  reading.join();
}

TEST_F(LargeRing, hears_of_each_reader_that_lets_go_while_it_waits_for_several) {
  auto node = open("writer");
  auto other = open("reader");
  auto publisher =
      node.publisher<Cloud>("topic", {.overflow = Overflow::block, .block_timeout = 60s, .capacity = kSmall}).value();
  auto slow = other.subscriber<Cloud>("topic").value();
  auto holder = other.subscriber<Cloud>("topic", {.max_held = 4}).value();
  std::vector<Sample<Cloud>> held;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(publisher.loan(points_in(i == 2 ? 100 : 25'000)).value().publish());
    held.push_back(holder.take());
    if (i != 2) static_cast<void>(slow.take());
  }
  std::thread letting_go([&] {
    std::this_thread::sleep_for(100ms);
    held.clear();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(publisher.loan(points_in(25'000))) << "one has a small one to take, the other holds the large ones";
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
  letting_go.join();
}

TEST_F(LargeRing, goes_on_after_a_loan_that_was_published_long_after_it_was_made) {
  auto node = open("writer");
  auto publisher = node.publisher<Cloud>("topic", {.history = 1, .max_loans = 2, .capacity = kSmall}).value();
  for (int round = 0; round < 20; ++round) {
    auto late = publisher.loan(points_in(1'000)).value();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(publisher.loan(points_in(9'000)).value().publish());
    ASSERT_TRUE(late.publish());
    ASSERT_TRUE(publisher.loan(points_in(30'000))) << "only the last one is kept, and it is small";
  }
}

TEST_F(LargeRing, loses_nothing_of_a_lossless_reader_that_may_hold_more_than_the_index_has_entries) {
  auto node = open("writer");
  auto publisher = node.publisher<Message>("topic", {.overflow = Overflow::reject}).value();
  auto subscriber = node.subscriber<Message>("topic", {.depth = 8, .max_held = 20'000}).value();
  std::uint64_t published = 0;
  while (publisher.publish({.number = published}).status == PublishStatus::ok && published < 30'000) ++published;
  EXPECT_GT(published, 10'000U);
  EXPECT_LT(published, 20'008U) << "it is refused in time";
  for (std::uint64_t number = 0; number < published; ++number) ASSERT_EQ(subscriber.take()->number, number);
  EXPECT_EQ(subscriber.counters().total.dropped(), 0U);
}

TEST_F(LargeRing, gives_a_lossless_reader_nothing_that_was_written_over_though_more_passed_it_by_than_the_index_keeps) {
  auto node = open("writer");
  constexpr std::uint64_t kIndex = 16'384;
  auto publisher =
      node.publisher<Cloud>(
              "topic",
              {.overflow = Overflow::block, .block_timeout = 0ms, .max_loans = 2, .capacity = 64 * kIndex + 4'096})
          .value();
  auto subscriber = node.subscriber<Cloud>("topic", {.depth = 8, .max_held = 8}).value();
  const auto lent = [&](std::uint64_t number, std::uint64_t bytes) {
    auto loan = publisher.loan(points_in(bytes)).value();
    loan->number = number;
    return loan;
  };
  for (std::uint64_t number = 0; number < kIndex; ++number) lent(number, 0).publish();
  auto last = lent(kIndex, 0);
  EXPECT_EQ(subscriber.take()->number, 0U);
  last.publish();  // in the entry of the first one: a part of the index is given up, and of the buffer
  std::vector<Loan<Cloud>> writing;
  writing.push_back(lent(kIndex + 1, 5'000));
  for (auto& point : writing.front().data()) point = {};
  while (const auto sample = subscriber.take()) EXPECT_EQ(sample->number, sample.info().sequence);
  EXPECT_TRUE(writing.front().publish());
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->number, kIndex + 1);
}

TEST_F(LargeRing, publishes_loans_in_any_order) {
  auto node = open("writer");
  auto publisher = node.publisher<Cloud>("topic", {.max_loans = 3, .capacity = kSmall}).value();
  auto subscriber = node.subscriber<Cloud>("topic").value();
  for (std::uint64_t round = 0; round < 100; ++round) {
    std::vector<Loan<Cloud>> loans;
    for (std::uint64_t i = 0; i < 3; ++i) {
      loans.push_back(publisher.loan(points_in(5'000)).value());
      loans.back()->number = 3 * round + i;
    }
    loans[2].publish();
    loans[0].publish();
    if (round % 2 == 0) loans[1].publish();
    EXPECT_EQ(subscriber.take()->number, 3 * round + 2);
    EXPECT_EQ(subscriber.take()->number, 3 * round);
    if (round % 2 == 0) {
      EXPECT_EQ(subscriber.take()->number, 3 * round + 1);
    }
  }
  EXPECT_EQ(publisher.audit(), std::vector<std::string>());
}

TEST_F(LargeRing, keeps_what_is_queued_when_a_publisher_that_has_closed_is_asked_for_its_figures) {
  auto node = open("writer");
  auto other = open("reader");
  auto publisher = node.publisher<Message>("topic").value();
  auto subscriber = other.subscriber<Message>("topic", {.depth = 4}).value();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(publisher.publish({}));
  publisher.close();
  EXPECT_EQ(publisher.counters().published, 3U);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(subscriber.take()) << "message " << i;
  EXPECT_EQ(subscriber.counters().total.dropped_oldest, 0U);
}

TEST_F(LargeRing, verifies_checksums_when_it_takes_and_counts_what_is_wrong) {
  auto node = open("writer");
  auto publisher = node.publisher<Cloud>("topic", {.checksum = Checksum::crc32c}).value();
  auto subscriber = node.subscriber<Cloud>("topic").value();
  std::vector<std::byte*> payloads;
  for (std::uint64_t number = 0; number < 3; ++number) {
    auto loan = publisher.loan(1'000).value();
    loan->number = number;
    for (auto& point : loan.data()) point = {1, 2, 3};
    payloads.push_back(reinterpret_cast<std::byte*>(loan.get()));
    ASSERT_TRUE(loan.publish());
  }
  payloads[1][4'000] ^= std::byte{1};
  EXPECT_EQ(subscriber.take()->number, 0U);
  const auto third = subscriber.take();
  EXPECT_EQ(third->number, 2U);
  EXPECT_EQ(third.info().dropped_before, 1U);
  EXPECT_EQ(subscriber.counters().damaged, 1U);
}

/// A publisher whose file somebody writes to, and its reader.
class LyingPublisher : public LargeRing {
 protected:
  Node writer_ = open("writer");
  Node reader_ = open("reader");
  Publisher<Message> publisher_ = writer_.publisher<Message>("topic").value();
  Subscriber<Message> subscriber_ = reader_.subscriber<Message>("topic").value();
};

TEST_F(LyingPublisher, ends_the_connection_of_a_publisher_whose_entries_lead_nowhere) {
  ASSERT_TRUE(publisher_.publish({}));
  change_first_entry(only_file("seg."), [](std::uint64_t entry) { return entry | ((std::uint64_t{1} << 40) - 1); });
  EXPECT_FALSE(subscriber_.take());
  bool told = false;
  while (const auto event = reader_.take_event()) told |= event->kind == EventKind::unmatched;
  EXPECT_TRUE(told);
  EXPECT_TRUE(publisher_.publish({})) << "the publisher goes on";
  EXPECT_EQ(publisher_.subscriber_count(), 0U);
}

TEST_F(LyingPublisher, ends_the_connection_of_a_publisher_that_overwrites_what_could_still_be_taken) {
  ASSERT_TRUE(publisher_.publish({}));
  // Three laps later, and the floor is where it was.
  change_first_entry(only_file("seg."), [](std::uint64_t entry) { return entry + (std::uint64_t{3} << 40); });
  subscriber_.wait(10ms);
  EXPECT_FALSE(subscriber_.take());
  EXPECT_FALSE(subscriber_.wait(10ms)) << "it sleeps";
  EXPECT_TRUE(publisher_.publish({})) << "the publisher goes on";
  EXPECT_EQ(publisher_.subscriber_count(), 0U);
}

TEST_F(LyingPublisher, finds_nothing_where_a_publisher_s_tail_is_ahead_of_its_entries) {
  Scribbled(only_file("seg.")).word(offsetof(shm::RecordsHead, tail)).store(1'000);
  EXPECT_FALSE(subscriber_.wait(10ms)) << "it sleeps";
  EXPECT_FALSE(subscriber_.take());
  ASSERT_TRUE(publisher_.publish({}));
  EXPECT_TRUE(subscriber_.take());
}

TEST_F(LyingPublisher, is_not_led_astray_by_a_publisher_that_says_wrong_where_the_next_record_begins) {
  ASSERT_TRUE(publisher_.publish({}));
  Scribbled file(only_file("seg."));
  const std::uint64_t entries = std::uint64_t{1} << (file.word(offsetof(shm::RecordsHead, index_shift)).load() & 63);
  file.word(sizeof(shm::RecordsHead) + 8 * entries + offsetof(shm::RecordNote, next)).store(~std::uint64_t{0});
  EXPECT_TRUE(subscriber_.take());
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(subscriber_.take());
  ASSERT_TRUE(publisher_.publish({}));
  EXPECT_TRUE(subscriber_.take());
}

TEST_F(LargeRing, ends_the_connection_of_a_reader_whose_cursor_cannot_be) {
  auto node = open("writer");
  auto other = open("reader");
  auto publisher = node.publisher<Message>("topic").value();
  auto subscriber = other.subscriber<Message>("topic", {.depth = 2, .max_held = 1}).value();
  auto healthy = node.subscriber<Message>("topic", {.depth = 100}).value();
  ASSERT_TRUE(publisher.publish({}));
  for (const auto& entry :
       fs::recursive_directory_iterator("/dev/shm/baton-" + std::to_string(::getuid()) + "/" + domain_)) {
    if (!entry.path().filename().string().starts_with("inbox.")) continue;
    Scribbled inbox(entry.path());
    inbox.word(sizeof(shm::InboxHead) + offsetof(shm::SlotHead, head)).store(1'000'000);
    break;
  }
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(publisher.publish({}));
  EXPECT_EQ(publisher.subscriber_count(), 1U);
}

TEST(Auto, gives_raw_and_large_messages_the_ring_and_others_the_queues) {
  Options options;
  options.domain = "auto-test-" + std::to_string(::getpid());
  options.config = Config();
  auto node = Node::open("node", options).value();
  EXPECT_EQ(node.publisher<Cloud>("cloud").value().transport(), "ring");
  EXPECT_EQ(node.publisher<Message>("message").value().transport(), "shm");
  EXPECT_EQ(node.publisher<conformance::Plan>("plan").value().transport(), "shm");
}

TEST(Auto, reaches_publishers_of_both_kinds_from_one_subscriber_and_none_in_process) {
  Options options;
  options.domain = "auto-test-" + std::to_string(::getpid());
  options.config = Config();
  auto node = Node::open("node", options).value();
  auto queue = node.publisher<Message>("topic", {.transport = "shm"}).value();
  auto ring = node.publisher<Message>("topic", {.transport = "ring"}).value();
  auto inproc = node.publisher<Message>("topic", {.transport = "inproc"}).value();
  auto both = node.subscriber<Message>("topic").value();
  auto one = node.subscriber<Message>("topic", {.transport = "ring"}).value();
  EXPECT_EQ(queue.subscriber_count(), 1U);
  EXPECT_EQ(ring.subscriber_count(), 2U);
  EXPECT_EQ(inproc.subscriber_count(), 0U);
  for (auto* const publisher : {&queue, &ring}) {
    Message message;
    message.number = publisher == &queue ? 1 : 2;
    ASSERT_TRUE(publisher->publish(message));
  }
  std::uint64_t sum = 0;
  while (const auto sample = both.take()) sum += sample->number;
  EXPECT_EQ(sum, 3U);
  EXPECT_EQ(one.take()->number, 2U);
}

}  // namespace
}  // namespace baton
