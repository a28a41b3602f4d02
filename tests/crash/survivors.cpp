#include "survivors.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "process.hpp"

namespace crash {
namespace {

constexpr std::uint32_t kA = 1;  // writers
constexpr std::uint32_t kB = 2;
constexpr std::uint32_t kNewcomer = 3;
constexpr std::uint64_t kHistory = 4;
constexpr auto kReapedWithin = 5s;

/// The shortest heartbeat, so that the dead are found soon; or one so long that nobody looks.
std::string config_of(Reaping reaping) {
  return reaping == Reaping::by_survivors ? "[liveness]\nheartbeat = \"10 ms\"\nhung_after = \"10 s\"\n"
                                          : "[liveness]\nheartbeat = \"1 h\"\nhung_after = \"24 h\"\n";
}

bool contains_any(const std::string& text, std::initializer_list<const char*> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char* part) { return text.find(part) != std::string::npos; });
}

/// A segment of the survivors, who have the first two slots: they make some and give some back.
bool is_survivors_segment(const std::string& file) { return contains_any(file, {"/seg.0.", "/seg.1."}); }

/// A survivor's name of such a segment, until it has mapped it.
bool is_survivors_name(const std::string& file) {
  return contains_any(file, {"/seg-of.0.", "/seg-of.1."}) && contains_any(file, {".of.0.", ".of.1."});
}

/// How much they are.
std::uint64_t take_segments_out(std::map<std::string, std::uint64_t>& files) {
  std::uint64_t bytes = 0;
  std::erase_if(files, [&](const auto& file) {
    if (is_survivors_segment(file.first)) bytes += file.second;
    return is_survivors_segment(file.first) || is_survivors_name(file.first);
  });
  return bytes;
}

/// Segments are of different sizes, and one may stay for a sample that is held.
constexpr std::uint64_t kSpareFactor = 4;

const baton::QosSettings kUpQos = {.depth = 4, .overflow = baton::Overflow::drop_oldest, .max_held = 4};

}  // namespace

class Survivors::Sleeper {
 public:
  /// In `wait`, or in a wait set, or in one that polls.
  enum class Way { wait, set, polling_set };

  Sleeper(baton::Node& node, Way way, baton::Notify notify)
      : subscriber_(node.subscriber<Message>(kUp, {.depth = 16, .max_held = 4, .notify = notify, .spin = 0ns}).value()),
        thread_([this, way, set = node.wait_set()]() mutable {
          if (way == Way::wait) {
            while (!ends_) {
              subscriber_.wait(60s);
              take_all();
            }
            return;
          }
          EXPECT_TRUE(set.add(subscriber_, [this] { take_all(); }));
          if (way == Way::polling_set) {
            EXPECT_TRUE(set.add_descriptor(0, 0, [](short) {}));
          }
          while (!ends_) set.wait(60s);
        }) {}

  bool has_taken_all() const { return subscriber_.counters().total.queued == 0; }

  /// Before a last message.
  void end() { ends_ = true; }
  ~Sleeper() { thread_.join(); }

 private:
  void take_all() {
    for (Sample sample = subscriber_.take(); sample; sample = subscriber_.take()) {
      const std::string wrong = heard_.note(*sample);
      EXPECT_TRUE(wrong.empty()) << wrong;
    }
  }

  Subscriber subscriber_;
  Order heard_;
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

Survivors::Survivors(Reaping reaping)
    : reaping_(reaping),
      a_(open_node(domain_, "survivor_a", true, config_of(reaping))),
      b_(open_node(domain_, "survivor_b", true, config_of(reaping))),
      down_(a_.publisher<Message>(kDown, {.history = kHistory}).value()),
      b_up_(b_.publisher<Message>(kUp).value()),
      up_(a_.subscriber<Message>(kUp, kUpQos).value()),
      b_down_(b_.subscriber<Message>(kDown, {.depth = 8, .max_held = 4}).value()) {
  EXPECT_TRUE(eventually([this] { return down_.subscriber_count() == 1 && b_up_.subscriber_count() == 1; }));
  publish(down_, kA, next_down_++);
  publish(b_up_, kB, next_up_++);
  held_down_ = b_down_.take();
  held_up_ = up_.take();
  EXPECT_TRUE(held_down_ && held_up_);
  note(heard_down_, *held_down_);
  note(heard_up_, *held_up_);
  EXPECT_TRUE(up_.fd().has_value());  // so that its bell is armed whenever it has taken everything
  exchange();
  exchange();
}

Survivors::~Survivors() = default;

void Survivors::note(Order& order, const Message& message) {
  const std::string wrong = order.note(message);
  EXPECT_TRUE(wrong.empty()) << wrong;
}

void Survivors::exchange() {
  const std::uint64_t from = next_down_;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(publish(down_, kA, next_down_++));
  for (Sample sample = b_down_.take(); sample; sample = b_down_.take()) {
    note(heard_down_, *sample);
  }
  EXPECT_EQ(heard_down_.next(kA), from + 3) << "survivors lose messages of each other";
  EXPECT_EQ(heard_down_.missing(kA), 0U);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(publish(b_up_, kB, next_up_++));
  drain_up();
  EXPECT_EQ(heard_up_.next(kB), next_up_) << "survivors lose messages of each other";
  EXPECT_EQ(heard_up_.missing(kB), 0U);
  for (Subscriber& extra : extra_subscribers_) {
    for (Sample sample = extra.take(); sample; sample = extra.take()) note(heard_extra_, *sample);
  }
  if (!extra_publishers_.empty()) {
    EXPECT_TRUE(publish(extra_publishers_.back(), extra_writer_, extra_next_++));
  }
}

void Survivors::drain_up() {
  for (Sample sample = up_.take(); sample; sample = up_.take()) {
    note(heard_up_, *sample);
    if (sample->writer > kNewcomer && !of_victim_) of_victim_ = std::move(sample);
  }
}

void Survivors::check_held() const {
  for (const Sample* held : {&held_down_, &held_up_, &of_victim_}) {
    EXPECT_TRUE(!*held || (*held)->checksum == checksum_of(**held)) << "a held sample has changed";
  }
}

void Survivors::remember() {
  EXPECT_TRUE(eventually([this] { return up_.publisher_count() == 1 && down_.subscriber_count() == 1; }));
  of_victim_.release();
  let_a_newcomer_talk();
  exchange();
  // Each of the two readers has one publisher; who takes sees that others have gone.
  EXPECT_TRUE(eventually([this] {
    take_and_release();
    while (b_down_.take()) {
    }
    files_ = files_of(domain_);
    return std::all_of(files_.begin(), files_.end(), [](const auto& file) {
      return file.first.find("/inbox.") == std::string::npos || file.second == 1;
    });
  }));
  segment_bytes_ = take_segments_out(files_);
}

bool Survivors::is_as_before(std::string* why) const {
  const auto differs = [why](const std::string& what, std::uint64_t is, std::uint64_t was) {
    if (is == was) return false;
    *why = what + ": " + std::to_string(is) + ", expected " + std::to_string(was);
    return true;
  };
  if (differs("publishers of 'up'", up_.publisher_count(), 1)) return false;
  if (differs("subscribers of 'down'", down_.subscriber_count(), 1)) return false;
  // One sample of each is held all the time, and nobody else has anything.
  for (const Publisher* const publisher : {&down_, &b_up_}) {
    std::vector<std::string> findings = publisher->audit();
    if (!findings.empty()) {
      *why = std::move(findings.front());
      return false;
    }
    const auto connections = publisher->counters().connections;
    if (differs("connections", connections.size(), 1)) return false;
    if (differs("samples held", connections.front().held, 1)) return false;
    if (differs("messages queued", connections.front().queued, 0)) return false;
  }
  auto files = files_of(domain_);
  // Which segments stay depends on what was in use; but they are no more in the end than in the first run.
  const std::uint64_t segment_bytes = take_segments_out(files);
  if (segment_bytes > kSpareFactor * segment_bytes_) {
    *why = std::to_string(segment_bytes) + " bytes of segments, " + std::to_string(segment_bytes_) + " before";
    return false;
  }
  for (const auto& [file, bytes] : files) {
    const auto known = files_.find(file);
    if (known != files_.end() && known->second == bytes) continue;
    *why = file + (known == files_.end() ? " is left" : " is other than before: " + std::to_string(bytes));
    return false;
  }
  for (const auto& [file, bytes] : files_) {
    if (files.contains(file)) continue;
    *why = file + " was taken away";
    return false;
  }
  return true;
}

/// The victim died in the middle of a publish, perhaps between a message and its ring: then the keeper rings.
void Survivors::expect_sleepers_awake() {
  for (const auto& sleeper : sleepers_) {
    EXPECT_TRUE(eventually([&] { return sleeper->has_taken_all(); }, kReapedWithin)) << "a sleeper was not woken";
  }
}

void Survivors::outlive() {
  if (reaping_ == Reaping::by_survivors) expect_sleepers_awake();
  exchange();
  check_held();
  const auto expect_as_before = [&] {
    std::string why;
    EXPECT_TRUE(eventually(
        [&] {
          exchange();  // whoever takes looks at its slots
          return is_as_before(&why);
        },
        kReapedWithin))
        << why;
  };
  close_extras();
  if (reaping_ == Reaping::by_joiners) let_a_newcomer_talk();
  check_held();
  of_victim_.release();
  expect_as_before();
  exchange();
  if (reaping_ == Reaping::by_survivors) let_a_newcomer_talk();
  expect_as_before();
}

void Survivors::let_a_newcomer_talk() {
  {
    baton::Node node = open_node(domain_, "newcomer", false);
    auto publisher = node.publisher<Message>(kUp).value();
    EXPECT_GE(publisher.subscriber_count(), 1U) << "a newcomer is not connected to who was there";
    const std::uint64_t number = heard_up_.next(kNewcomer);
    EXPECT_TRUE(publish(publisher, kNewcomer, number));
    EXPECT_TRUE(eventually([&] {
      drain_up();
      return heard_up_.next(kNewcomer) == number + 1;
    })) << "what a newcomer says is not heard";
    auto subscriber = node.subscriber<Message>(kDown, {.depth = 8, .history = 2}).value();
    EXPECT_TRUE(eventually([&] { return static_cast<bool>(subscriber.take()); })) << "a newcomer hears nothing";
  }
  drain_up();
}

void Survivors::stand_by() {
  const auto before = files_of(domain_);
  const std::size_t publishers = up_.publisher_count();
  const std::size_t subscribers = down_.subscriber_count();
  exchange();
  check_held();
  const auto after = files_of(domain_);
  for (const auto& [file, bytes] : before) {
    // Nothing may go but names that readers need no more, and memory that survivors do.
    EXPECT_TRUE(after.contains(file) || is_survivors_segment(file) || file.find("/seg-of.") != std::string::npos)
        << file << " was taken away";
  }
  EXPECT_GE(up_.publisher_count(), publishers) << "a stopped publisher was disconnected";
  // The keeper of a ring's publisher looks by itself while a reader is behind, and lets go of one that has just said
  // that it leaves, and was stopped before it told others to look.
  EXPECT_GE(down_.subscriber_count() + (over_ring() ? 1 : 0), subscribers) << "a stopped subscriber was disconnected";
}

void Survivors::check_after_end() {
  drain_up();
  outlive();
}

void Survivors::open_subscriber() { extra_subscribers_.push_back(a_.subscriber<Message>(kUp, kUpQos).value()); }

void Survivors::open_lossless_subscriber() {
  extra_subscribers_.push_back(a_.subscriber<Message>(kUp, {.depth = 1, .max_held = 1}).value());
}

void Survivors::open_readers(int count) {
  for (int i = 0; i < count; ++i) extra_subscribers_.push_back(b_.subscriber<Message>(kDown, {.depth = 16}).value());
}

void Survivors::open_publishers(int count) {
  ++extra_writer_;
  extra_next_ = 0;
  for (int i = 0; i < count; ++i) extra_publishers_.push_back(b_.publisher<Message>(kDown).value());
  EXPECT_TRUE(publish(extra_publishers_.back(), extra_writer_, extra_next_++));
}

/// Opens a reader for whom the publisher needs more memory, and sends so much that all readers have seen all of it.
void Survivors::fill_more_memory() {
  extra_subscribers_.push_back(b_.subscriber<Message>(kDown, {.depth = 64}).value());
  EXPECT_TRUE(eventually([this] { return down_.subscriber_count() >= 3; }));
  for (int i = 0; i < 60; ++i) exchange();
}

/// And that memory is not needed any more. A sleep: nothing shows that it is wanted back.
void Survivors::want_memory_back() {
  close_extras();
  std::this_thread::sleep_for(100ms);
  exchange();
}

void Survivors::start_reader_process() {
  extra_process_.emplace(std::vector<std::string>{"hoarder", domain_});
  EXPECT_EQ(extra_process_->hear(), "ready");
}

void Survivors::kill_reader_process() {
  extra_process_.reset();
  EXPECT_TRUE(eventually([this] { return b_up_.subscriber_count() == 1; })) << "a dead reader is not let go of";
}

void Survivors::have_a_publisher_die() {
  Child({"brief", domain_, "killed", kDown, std::to_string(++extra_writer_)}).wait();
  EXPECT_TRUE(eventually([&] { return find_files(domain_, "pub-").size() == 2; })) << "a dead publisher is not reaped";
}

void Survivors::open_sleepers() {
  using Way = Sleeper::Way;
  using baton::Notify;
  for (const Notify notify : {Notify::futex, Notify::semaphore, Notify::socket}) {
    sleepers_.push_back(std::make_unique<Sleeper>(a_, Way::wait, notify));
  }
  for (const Way way : {Way::set, Way::polling_set}) {
    sleepers_.push_back(std::make_unique<Sleeper>(a_, way, Notify::futex));
  }
  std::this_thread::sleep_for(20ms);  // until they sleep, most of the time
}

void Survivors::close_extras() {
  for (const auto& sleeper : sleepers_) sleeper->end();
  if (!sleepers_.empty()) {
    EXPECT_TRUE(publish(b_up_, kB, next_up_++));
  }
  sleepers_.clear();
  extra_process_.reset();
  extra_publishers_.clear();
  extra_subscribers_.clear();
}

void Survivors::take_and_release() {
  drain_up();
  of_victim_.release();
}

void Survivors::end() {
  check_held();
  close_extras();
  held_down_.release();
  held_up_.release();
  of_victim_.release();
  down_.close();
  b_up_.close();
  up_.close();
  b_down_.close();
}

}  // namespace crash
