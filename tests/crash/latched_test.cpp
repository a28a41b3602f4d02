// What a latched publisher leaves, however it ends: killed at every point, its files damaged afterwards, its domain
// without anybody.

#include <fcntl.h>

#include <filesystem>
#include <string>
#include <vector>

#include "../sanitized.hpp"
#include "baton/domain/member.hpp"
#include "foreign.hpp"
#include "sweep.hpp"

namespace crash {
namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<std::uint64_t>;

constexpr auto kConfig = "[liveness]\nheartbeat = \"10 ms\"\nhung_after = \"30 s\"\n";

Numbers take_all(Subscriber& subscriber) {
  Numbers numbers;
  for (Sample sample = subscriber.take(); sample; sample = subscriber.take()) {
    EXPECT_EQ(sample->checksum, checksum_of(*sample)) << "torn or overwritten";
    numbers.push_back(sample->number);
  }
  return numbers;
}

class Latched : public testing::Test {
 protected:
  void TearDown() override {
    { auto next = open_node(domain_, "next").publisher<Message>(kUp).value(); }
    EXPECT_TRUE(eventually([this] { return is_gone(domain_); })) << domain_ << " is left";
  }

  Child start_latcher() const {
    Child child({"latcher", domain_, kUp});
    EXPECT_EQ(child.hear(), "ready");
    return child;
  }

  std::optional<std::string> heard_by_a_new_process() const { return Child({"late", domain_, kUp}).hear(); }

  const std::string domain_ = unique_domain();
};

TEST_F(Latched, history_of_a_killed_publisher_reaches_a_later_subscriber) {
  baton::Node node = open_node(domain_, "survivor", true, kConfig);
  auto early = node.subscriber<Message>(kUp).value();
  Child latcher = start_latcher();
  latcher.kill();
  auto late = node.subscriber<Message>(kUp).value();
  EXPECT_EQ(take_all(late), (Numbers{2, 3, 4}));
  auto later = node.subscriber<Message>(kUp).value();
  EXPECT_EQ(take_all(later), (Numbers{2, 3, 4}));
  EXPECT_EQ(take_all(early), (Numbers{0, 1, 2, 3, 4}));
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(take_all(early), Numbers{});
  EXPECT_EQ(take_all(late), Numbers{});
}

TEST_F(Latched, history_of_one_that_died_just_now_reaches_a_new_subscriber_at_once) {
  baton::Node node = open_node(domain_, "survivor", true, "[liveness]\nheartbeat = \"1 h\"\nhung_after = \"24 h\"\n");
  auto elsewhere = node.publisher<Message>("elsewhere").value();  // the node has joined, and reaps nobody by itself
  start_latcher().kill();
  auto late = node.subscriber<Message>(kUp).value();
  EXPECT_EQ(take_all(late), (Numbers{2, 3, 4}));
}

TEST_F(Latched, history_is_there_for_a_new_process_when_all_others_are_gone) {
  start_latcher().kill();
  EXPECT_EQ(heard_by_a_new_process(), "2 3 4 ");
  EXPECT_EQ(heard_by_a_new_process(), "2 3 4 ");
  {
    Child latcher = start_latcher();  // the next one
    latcher.tell("close");
    EXPECT_EQ(latcher.wait(), 0);
  }
  EXPECT_FALSE(fs::exists(domain_path(domain_) + "/registry"));
  EXPECT_EQ(heard_by_a_new_process(), "2 3 4 ");
  {
    Child latcher = start_latcher();
    latcher.tell("just end");
    EXPECT_EQ(latcher.wait(), 0);
  }
  EXPECT_EQ(heard_by_a_new_process(), "2 3 4 ");
}

TEST_F(Latched, history_of_one_that_died_just_now_ends_with_the_next_publisher_of_a_node_that_was_there) {
  baton::Node node = open_node(domain_, "survivor", true, "[liveness]\nheartbeat = \"1 h\"\nhung_after = \"24 h\"\n");
  auto elsewhere = node.publisher<Message>("elsewhere").value();  // the node has joined, and reaps nobody by itself
  start_latcher().kill();
  auto next = node.publisher<Message>(kUp).value();
  auto late = node.subscriber<Message>(kUp).value();
  EXPECT_EQ(take_all(late), Numbers{});
}

TEST_F(Latched, names_never_meet_those_of_a_new_registry) {
  start_latcher().kill();
  EXPECT_EQ(heard_by_a_new_process(), "2 3 4 ");
  // As if the clock had been set back since: what is left is of a node that is later than any by the clock.
  const auto left = find_files(domain_, "latched-");
  ASSERT_EQ(left.size(), over_ring() ? 2U : 3U);
  for (const std::string& file : left) {
    std::string name = fs::path(file).filename().string();
    const std::size_t begin = name.find('.', name.find('.') + 1);  // "latched-<hash>.0"
    const std::size_t first = name.find('.') + 1;
    const std::size_t dot = name.find('.', first);
    EXPECT_EQ(begin, dot);
    name.replace(dot + 1, 1, "9");
    fs::rename(file, fs::path(file).parent_path() / name);
  }
  const auto later = find_files(domain_, "latched-");
  baton::Node node = open_node(domain_, "node");
  auto elsewhere = node.publisher<Message>("elsewhere").value();
  const auto generation_in = [](const std::string& path) {
    std::string name = fs::path(path).filename().string();
    name = name.substr(name.find('.') + 1);
    return std::stoull(name.substr(name.find('.') + 1));
  };
  EXPECT_GT(generation_in(find_files(domain_, "node.").at(0)), generation_in(later.at(0)));
}

// ---- Killed at every point

struct Window {
  std::string name;
  sweep::Grain grain = sweep::Grain::instructions;
  bool published = true;     ///< something, before the window
  bool left_before = false;  ///< by another publisher, before the victim
};

std::ostream& operator<<(std::ostream& out, const Window& window) { return out << window.name; }

class LatchedSweep : public testing::TestWithParam<Window> {
 protected:
  void SetUp() override {
    if (baton::kSanitized) GTEST_SKIP() << "sweeps are for builds without sanitizers";
    const std::string why_not = sweep::why_not();
    if (!why_not.empty()) GTEST_SKIP() << why_not;
  }

  std::unique_ptr<sweep::Victim> start() {
    auto victim = std::make_unique<sweep::Victim>(
        std::vector<std::string>{"victim", domain_, GetParam().name, "7", "alone"},
        [this] { joining_.emplace(node_->subscriber<Message>(kUp, {.depth = 16}).value()); });
    EXPECT_TRUE(victim->run_to_window()) << "the victim ended before its window";
    return victim;
  }

  void begin() {
    node_.emplace(open_node(domain_, "survivor", true, kConfig));
    if (GetParam().left_before) {
      auto former = node_->publisher<Message>(kUp, {.history = 3, .latched = true}).value();
      for (std::uint64_t number = 0; number < 5; ++number) EXPECT_TRUE(publish(former, 6, number));
    }
    early_.emplace(node_->subscriber<Message>(kUp, {.depth = 16}).value());
    if (GetParam().left_before) {
      EXPECT_EQ(take_all(*early_), (Numbers{2, 3, 4}));
    }
  }

  void end() {
    joining_.reset();
    early_.reset();
    node_.reset();
    { auto next = open_node(domain_, "next").publisher<Message>(kUp).value(); }
    EXPECT_TRUE(eventually([this] { return is_gone(domain_); })) << domain_ << " is left";
  }

  /// What a subscriber has heard when nothing more comes: everything of the victim is reaped.
  static Numbers heard_by(Subscriber& subscriber, std::size_t least) {
    Numbers heard;
    EXPECT_TRUE(eventually([&] {
      for (const std::uint64_t number : take_all(subscriber)) heard.push_back(number);
      return heard.size() >= least;
    })) << "heard "
        << testing::PrintToString(heard);
    return heard;
  }

  void check() {
    EXPECT_TRUE(eventually([this] { return find_files(domain_, "pub-").empty(); })) << "the victim is not reaped";
    Subscriber late = node_->subscriber<Message>(kUp, {.depth = 16}).value();
    const Numbers before = {2, 3, 4};
    const Numbers after = {3, 4, 5};
    if (GetParam().published) {
      const Numbers last = heard_by(late, 3);
      EXPECT_TRUE(last == before || last == after) << testing::PrintToString(last);
      EXPECT_GE(last.back(), newest_) << "a message that an earlier kill left is missing";
      newest_ = last.back();
      const Numbers all = heard_by(*early_, 5);
      EXPECT_TRUE(all == (Numbers{0, 1, 2, 3, 4}) || all == (Numbers{0, 1, 2, 3, 4, 5})) << testing::PrintToString(all);
      if (joining_) {
        const Numbers joined = heard_by(*joining_, 3);
        EXPECT_TRUE(joined == before || joined == after || joined == (Numbers{2, 3, 4, 5}))
            << testing::PrintToString(joined);
      }
    } else {
      const Numbers last = take_all(late);
      EXPECT_TRUE(last.empty() || (GetParam().left_before && last == before)) << testing::PrintToString(last);
      ended_ |= last.empty();
      EXPECT_EQ(last.empty(), ended_) << "what an earlier kill found ended is there again";
      for (auto event = node_->take_event(); event; event = node_->take_event()) {
        EXPECT_NE(event->kind, baton::EventKind::refused) << event->reason;
      }
    }
    // And no more comes, although everybody looks.
    { auto another = node_->subscriber<Message>(kUp).value(); }
    EXPECT_EQ(take_all(*early_), Numbers{});
    EXPECT_EQ(take_all(late), Numbers{});
    if (joining_) {
      EXPECT_EQ(take_all(*joining_), Numbers{});
      EXPECT_TRUE(is_balanced(joining_->counters().total));
    }
  }

  const std::string domain_ = unique_domain();
  std::optional<baton::Node> node_;
  std::optional<Subscriber> early_;
  std::optional<Subscriber> joining_;
  std::uint64_t newest_ = 0;
  bool ended_ = false;
};

TEST_P(LatchedSweep, a_later_subscriber_gets_the_last_messages_whenever_their_publisher_was_killed) {
  begin();
  std::optional<sweep::Trace> trace;
  {
    auto victim = start();
    trace = victim->step_through(GetParam().grain);
    ASSERT_TRUE(trace) << "the victim ended in its window";
    victim->kill();
  }
  end();
  std::size_t kills = 0;
  const std::size_t every = std::max<std::size_t>(1, trace->points.size() / 64);  // a share of long windows
  for (std::size_t at = 0; at < trace->points.size() && !HasFailure(); ++at) {
    if (at % every != 0 && at + 1 != trace->points.size()) continue;
    SCOPED_TRACE("point " + std::to_string(at));
    begin();
    auto victim = start();
    victim->run_to(trace->points[at], GetParam().grain);
    victim->kill();
    ++kills;
    check();
    end();
  }
  std::printf("%zu steps, %zu points, %zu kills\n", std::size_t{trace->steps}, trace->points.size(), kills);
}

INSTANTIATE_TEST_SUITE_P(windows, LatchedSweep,
                         testing::Values(Window{"publish_latched"},
                                         Window{"connect_a_new_reader_latched", sweep::Grain::instructions},
                                         Window{"close_a_latched_publisher", sweep::Grain::instructions},
                                         Window{"make_a_latched_publisher", sweep::Grain::calls, false},
                                         Window{"make_a_latched_publisher", sweep::Grain::calls, false, true}),
                         [](const auto& param) {
                           return param.param.name + (param.param.left_before ? "_over_what_is_left" : "");
                         });

// ---- Damaged

class ForeignLeft : public Foreign, public testing::WithParamInterface<Damage> {
 protected:
  static constexpr auto kTopic = "left";

  /// Damages one file of what a publisher has left, before somebody comes for it.
  void expect_refused_once(const std::string& suffix) {
    {
      baton::Node other = open_node(domain_, "other", true, kConfig);
      auto publisher = other.publisher<Message>(kTopic, {.history = 3, .latched = true}).value();
      for (std::uint64_t number = 0; number < 5; ++number) ASSERT_TRUE(publish(publisher, 2, number));
    }
    std::string path;
    for (const std::string& file : find_files(domain_, "latched-")) {
      const std::string name = fs::path(file).filename().string();
      const auto dots = std::count(name.begin(), name.end(), '.');
      if (suffix.empty() ? dots == 3 : name.ends_with(suffix) && dots == 4) path = file;
    }
    ASSERT_FALSE(path.empty());
    replace_file(path, GetParam().made_of(read_file(path)));
    while (node_->take_event()) {
    }
    {
      auto late = node_->subscriber<Message>(kTopic).value();
      { auto another = node_->subscriber<Message>("another").value(); }
      const auto refused = events(*node_, baton::EventKind::refused);
      EXPECT_EQ(refused.size(), 1U);
      EXPECT_TRUE(take_all(late).empty());
      talk();
    }
    { auto next = node_->publisher<Message>(kTopic).value(); }
    EXPECT_TRUE(find_files(domain_, "latched-").empty()) << "the next publisher removes it all the same";
  }
};
class ForeignRing : public ForeignLeft {};
class ForeignLeftSegment : public ForeignLeft {};
class ForeignLeftAnnouncement : public ForeignLeft {};

std::vector<Damage> ring_damages() {
  auto all = any_damages();
  const auto with_word = [&all](const char* name, std::size_t offset, auto value) {
    all.push_back({name, [offset, value](const std::string& file) { return patched(file, offset, value); }});
  };
  with_word("of_no_entries", 128, std::uint32_t{0});
  with_word("of_many_entries", 128, std::uint32_t{1U << 30U});
  with_word("of_an_entry_without_its_mark", 256, std::uint64_t{5});
  with_word("of_an_entry_of_another_segment", 256, std::uint64_t{1} << 63 | std::uint64_t{9} << 24);
  with_word("of_an_entry_beyond_the_chunks", 256, ~std::uint64_t{0} >> 34 | std::uint64_t{1} << 63);
  all.push_back({"of_an_entry_twice", [](const std::string& file) {
                   return patched(file, 256, *reinterpret_cast<const std::uint64_t*>(file.data() + 264));
                 }});
  all.push_back({"cut_off_in_its_entries", [](const std::string& file) { return file.substr(0, 270); }});
  return all;
}

TEST_P(ForeignRing, is_refused_once_and_harms_nobody) { expect_refused_once(".ring"); }
INSTANTIATE_TEST_SUITE_P(damages, ForeignRing, testing::ValuesIn(ring_damages()), name_of_damage);

TEST_P(ForeignLeftSegment, is_refused_once_and_harms_nobody) { expect_refused_once(".0"); }
INSTANTIATE_TEST_SUITE_P(damages, ForeignLeftSegment, testing::ValuesIn(any_damages()), name_of_damage);

TEST_P(ForeignLeftAnnouncement, is_refused_once_and_harms_nobody) { expect_refused_once(""); }
INSTANTIATE_TEST_SUITE_P(damages, ForeignLeftAnnouncement, testing::ValuesIn(any_damages()), name_of_damage);

}  // namespace
}  // namespace crash
