// A peer that writes anything into the words that it shares with another: that connection may be lost, and nothing
// else.
//
// In one process, so that a sanitizer sees every access. BATON_SEED repeats a run, BATON_SCRIBBLES makes it longer.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <span>

#include "foreign.hpp"

namespace crash {
namespace {

/// The words of an inbox that publishers may write. Where they are: docs/memory-layout.md, and the sizes in the file.
class SharedWords {
 public:
  explicit SharedWords(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    bytes_ = static_cast<std::size_t>(::lseek(file, 0, SEEK_END));
    data_ = static_cast<std::byte*>(::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    ::close(file);
    slot_bytes_ = *reinterpret_cast<std::uint32_t*>(data_ + 132);
  }
  ~SharedWords() { ::munmap(data_, bytes_); }
  SharedWords(const SharedWords&) = delete;
  SharedWords& operator=(const SharedWords&) = delete;

  /// Everything but the head.
  std::uint64_t* pick(std::mt19937& random) {
    switch (random() % 10) {
      case 0: return at(8'192 + 8 * (random() % 8));                 // slot words
      case 1: return at(4'096);                                      // ready bits
      case 2: return at(192 + 64 * (random() % 4));                  // notes, the bell, the slots' epoch
      case 3: return at(slot(random) + 384 + 8 * (random() % 2));    // the head, and whether the reader refuses
      case 4: return at(slot(random) + 8 * (random() % 16));         // who the publisher is
      case 5: return at(slot(random) + 192 + 64 * (random() % 2));   // the bell of who waits for room
      default: return at(slot(random) + 512 + 8 * (random() % 32));  // entries, completions
    }
  }

 private:
  std::size_t slot(std::mt19937& random) const { return 16'384 + std::size_t{slot_bytes_} * (random() % 3); }
  std::uint64_t* at(std::size_t offset) { return reinterpret_cast<std::uint64_t*>(data_ + offset); }

  std::byte* data_;
  std::size_t bytes_;
  std::uint32_t slot_bytes_;
};

/// Something wrong: random, a bit of what was there, or what was there a little before or after.
std::uint64_t scribbled(std::uint64_t word, std::mt19937& random) {
  switch (random() % 4) {
    case 0: return (std::uint64_t{random()} << 32U) | random();
    case 1: return word ^ (std::uint64_t{1} << random() % 64);
    case 2: return word + (std::uint64_t{1} << random() % 64);
    default: return random() % 3 == 0 ? 0 : word - 1;
  }
}

TEST_F(Foreign, words_that_a_peer_scribbles_cost_a_connection_and_nothing_else) {
  const unsigned seed = number_from("BATON_SEED", 1);
  const unsigned rounds = number_from("BATON_SCRIBBLES", 150);
  std::printf("%u rounds, seed %u\n", rounds, seed);
  baton::set_log_level(baton::LogLevel::off);
  std::mt19937 random(seed);
  unsigned lost = 0;
  for (unsigned round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round) + " of seed " + std::to_string(seed));
    const auto overflow = static_cast<baton::Overflow>(round % 3);  // to wait would be for ever
    baton::Node node = open_node(domain_, "scribbled", round % 2 == 0, kConfig);
    auto subscriber = node.subscriber<Message>(kDown, {.depth = 4, .max_held = 4}).value();
    auto publisher = node.publisher<Message>(kDown, {.overflow = overflow, .history = 2}).value();
    auto second = node_->publisher<Message>(kDown, {.overflow = overflow}).value();
    SharedWords words(only("inbox.1."));
    std::vector<Sample> held;
    for (int verb = 0; verb < 60; ++verb) {
      if (random() % 3 == 0) {
        std::atomic_ref<std::uint64_t> word(*words.pick(random));
        word.store(scribbled(word.load(), random));
      }
      switch (random() % 7) {
        case 0:
        case 1: publish(publisher, 1, static_cast<std::uint64_t>(verb)); break;
        case 2: publish(second, 2, static_cast<std::uint64_t>(verb)); break;
        case 3:
        case 4:
          // What a scribbled reference leads to may be another message, but lies within the publisher's memory.
          if (Sample sample = subscriber.take()) {
            static_cast<void>(checksum_of(*sample));
            held.push_back(std::move(sample));
          }
          break;
        case 5:
          if (!held.empty()) held.erase(held.begin() + static_cast<std::ptrdiff_t>(random() % held.size()));
          break;
        default:
          static_cast<void>(publisher.counters());
          static_cast<void>(subscriber.counters());
          subscriber.wait(0ms);
          node.keep();
      }
    }
    for (auto event = node.take_event(); event; event = node.take_event()) {
      lost += event->kind == baton::EventKind::unmatched && !event->reason.empty() ? 1 : 0;
    }
    talk();
    held.clear();
    publisher.close();
    subscriber.close();
  }
  std::printf("%u connections were lost\n", lost);
  baton::set_log_level(baton::LogLevel::warn);
}

}  // namespace
}  // namespace crash
