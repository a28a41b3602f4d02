// Files that are damaged, of another version, or not ours at all, in the directory of a domain: each is reported once,
// and nobody crashes; who runs goes on.

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "baton/domain/member.hpp"
#include "foreign.hpp"

namespace crash {
namespace {

namespace fs = std::filesystem;
using baton::EventKind;
using baton::domain::FileHead;
using baton::domain::PortRole;

/// Opens a node with a port, because that is when it joins.
baton::Result<void> try_to_join(const std::string& domain) {
  baton::Node node = open_node(domain, "newcomer");
  auto publisher = node.publisher<Message>("newcomers");
  if (!publisher) return baton::fail(publisher.error());
  return {};
}

// ---- The registry

class ForeignRegistry : public Foreign, public testing::WithParamInterface<Damage> {};

TEST_P(ForeignRegistry, is_replaced_when_nobody_is_in_the_domain) {
  const std::string content = read_file(path("registry"));
  close_all();
  ASSERT_TRUE(is_gone(domain_));
  fs::create_directories(domain_path(domain_));
  fs::permissions(domain_path(domain_), fs::perms::owner_all);
  fs::permissions(fs::path(domain_path(domain_)).parent_path(), fs::perms::owner_all);
  // A registry says nothing of an owner: one that differs in nothing that counts is as good as any.
  replace_file(path("registry"), GetParam().made_of(content));
  const auto joined = try_to_join(domain_);
  EXPECT_TRUE(joined) << joined.error();
}

TEST_P(ForeignRegistry, of_a_domain_that_is_in_use_refuses_newcomers_and_harms_nobody) {
  const std::string content = read_file(path("registry"));
  const std::string damaged = GetParam().made_of(content);
  if (damaged.size() != content.size()) GTEST_SKIP() << "a file that is mapped and cut off is beyond help";
  patch_file(path("registry"), 0, *reinterpret_cast<const FileHead*>(damaged.data()));
  const auto joined = try_to_join(domain_);
  const bool by_version = GetParam().name == "of_another_version" || GetParam().name == "of_another_layout";
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error().code(), by_version ? baton::Errc::incompatible : baton::Errc::corrupt) << joined.error();
  EXPECT_NE(joined.error().message().find("registry"), std::string::npos) << joined.error();
  talk();
  patch_file(path("registry"), 0, *reinterpret_cast<const FileHead*>(content.data()));
  const auto again = try_to_join(domain_);
  EXPECT_TRUE(again) << again.error();
}

INSTANTIATE_TEST_SUITE_P(damages, ForeignRegistry, testing::ValuesIn(any_damages()), name_of_damage);

// ---- A port's announcement

class ForeignAnnouncement : public Foreign, public testing::WithParamInterface<Damage> {
 protected:
  static std::vector<Damage> damages() {
    auto all = any_damages();
    all.push_back(
        {"without_its_text", [](const std::string& file) { return file.substr(0, sizeof(baton::domain::PortFile)); }});
    all.push_back({"of_a_text_that_is_no_json", [](std::string file) {
                     std::fill(file.begin() + sizeof(baton::domain::PortFile), file.end(), '{');
                     return file;
                   }});
    all.push_back({"of_a_text_with_a_zero", [](std::string file) {
                     file[sizeof(baton::domain::PortFile) + 100] = '\0';
                     return file;
                   }});
    all.push_back({"of_another_length", [](const std::string& file) {
                     return patched(file, offsetof(baton::domain::PortHead, announcement_bytes), ~std::uint64_t{0});
                   }});
    all.push_back({"of_several_megabytes", [](const std::string& file) { return file + std::string(5U << 20U, 'x'); }});
    return all;
  }
  friend std::vector<Damage> announcement_damages();
};
std::vector<Damage> announcement_damages() { return ForeignAnnouncement::damages(); }

TEST_P(ForeignAnnouncement, is_reported_once_and_passed_over) {
  const std::string real = only("sub-");
  const std::string foreign =
      (fs::path(real).parent_path() / baton::domain::port_file_name(PortRole::subscriber, kUp, {{900, 5}, 1})).string();
  while (node_->take_event()) {
  }
  std::string content = read_file(real);
  content = patched(content, offsetof(FileHead, node_slot), std::uint32_t{900});
  content = patched(content, offsetof(FileHead, node_generation), std::uint64_t{5});
  content = patched(content, offsetof(FileHead, port), std::uint32_t{1});
  replace_file(foreign, GetParam().made_of(content));
  {
    baton::Node other = open_node(domain_, "other");  // has everybody look
    auto publisher = other.publisher<Message>(kUp).value();
    const auto refused = events(*node_, EventKind::refused);
    ASSERT_EQ(refused.size(), 1U);
    EXPECT_NE(refused[0].reason.find("cannot be used"), std::string::npos) << refused[0].reason;
    talk();
  }
  fs::remove(foreign);
}

INSTANTIATE_TEST_SUITE_P(damages, ForeignAnnouncement, testing::ValuesIn(announcement_damages()), name_of_damage);

// ---- An inbox, and a node's file: what a publisher maps of a reader

class ForeignInbox : public Foreign, public testing::WithParamInterface<Damage> {};
class ForeignNodeFile : public Foreign, public testing::WithParamInterface<Damage> {};

std::vector<Damage> inbox_damages() {
  auto all = any_damages();
  // The word after the head is the size of the queues, the next one that of a slot.
  all.push_back({"of_queues_of_no_size", [](const std::string& file) { return patched(file, 128, std::uint32_t{0}); }});
  all.push_back({"of_huge_queues", [](const std::string& file) { return patched(file, 128, std::uint32_t{63}); }});
  all.push_back({"of_slots_of_no_size", [](const std::string& file) { return patched(file, 132, std::uint32_t{0}); }});
  return all;
}

void expect_refusal_of(baton::Node& node, std::size_t most = 1) {
  std::vector<baton::Event> refused;
  EXPECT_TRUE(eventually([&] {
    for (auto event = node.take_event(); event; event = node.take_event()) {
      if (event->kind == EventKind::refused) refused.push_back(*event);
    }
    return !refused.empty();
  })) << "a damaged file is not reported";
  EXPECT_LE(refused.size(), most);
}

TEST_P(ForeignInbox, is_refused_by_new_publishers_and_harms_nobody) {
  const std::string inbox = only("inbox.");
  const std::string content = read_file(inbox);
  replace_file(inbox, GetParam().made_of(content));
  baton::Node other = open_node(domain_, "other");
  auto publisher = other.publisher<Message>(kUp).value();
  expect_refusal_of(other);
  EXPECT_EQ(publisher.subscriber_count(), 0U);
  EXPECT_TRUE(publish(publisher, 2, 0));
  talk();
}

INSTANTIATE_TEST_SUITE_P(damages, ForeignInbox, testing::ValuesIn(inbox_damages()), name_of_damage);

TEST_P(ForeignNodeFile, is_refused_by_new_publishers_and_harms_nobody) {
  const std::string file = only("node.");
  const std::string content = read_file(file);
  replace_file(file, GetParam().made_of(content));
  {
    baton::Node other = open_node(domain_, "other");
    auto publisher = other.publisher<Message>(kUp).value();
    expect_refusal_of(other);
    EXPECT_EQ(publisher.subscriber_count(), 0U);
    EXPECT_TRUE(publish(publisher, 2, 0));
    talk();
  }
  EXPECT_TRUE(names_of_other().empty()) << "a name for a reader that was refused is left";
}

INSTANTIATE_TEST_SUITE_P(damages, ForeignNodeFile, testing::ValuesIn(any_damages()), name_of_damage);

// ---- A segment: what a reader maps of a publisher

class ForeignSegment : public Foreign, public testing::WithParamInterface<Damage> {};

std::vector<Damage> segment_damages() {
  auto all = any_damages();
  const auto with_word = [&all](const char* name, std::size_t offset, auto value) {
    all.push_back({name, [offset, value](const std::string& file) { return patched(file, offset, value); }});
  };
  // After the head: the bytes of a payload, from chunk to chunk, the number of chunks, the generation.
  with_word("of_other_payloads", 128, std::uint64_t{8});
  with_word("of_other_chunks", 136, std::uint64_t{64});
  with_word("of_too_many_chunks", 144, std::uint32_t{1U << 23U});
  with_word("of_no_chunks", 144, std::uint32_t{0});
  with_word("of_another_generation", 148, std::uint32_t{77});
  all.push_back({"cut_off_after_its_first_page", [](const std::string& file) { return file.substr(0, 4096); }});
  return all;
}

TEST_P(ForeignSegment, ends_the_connection_to_its_publisher_and_no_other) {
  talk();  // the pair's own is mapped
  baton::Node other = open_node(domain_, "other");
  auto publisher = other.publisher<Message>(kUp).value();
  ASSERT_TRUE(eventually([&] { return publisher.subscriber_count() == 1; }));
  ASSERT_TRUE(publish(publisher, 2, 0));
  ASSERT_EQ(names_of_other().size(), 1U);
  const std::string name = names_of_other().front();
  const std::string content = read_file(name);
  replace_file(name, GetParam().made_of(content));
  while (node_->take_event()) {
  }
  EXPECT_FALSE(subscriber_->take()) << "something was taken from a foreign segment";
  const auto ended = events(*node_, EventKind::unmatched);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_FALSE(ended[0].reason.empty());
  talk();
}

INSTANTIATE_TEST_SUITE_P(damages, ForeignSegment, testing::ValuesIn(segment_damages()), name_of_damage);

TEST_F(Foreign, a_publisher_that_loses_nothing_is_told_when_a_reader_cannot_read_it_and_closes_its_slot) {
  const auto word_of_slot = [&](std::uint32_t slot) {
    const std::string inbox = read_file(only("inbox."));
    return *reinterpret_cast<const std::uint64_t*>(inbox.data() + 8'192 + 8 * std::size_t{slot});
  };
  talk();  // the pair's own is mapped
  baton::Node other = open_node(domain_, "other", true, kConfig);
  auto publisher = other.publisher<Message>(kUp, {.overflow = baton::Overflow::reject}).value();
  ASSERT_TRUE(eventually([&] { return publisher.subscriber_count() == 1; }));
  ASSERT_NE(word_of_slot(1), 0U);
  std::uint64_t number = 0;
  while (publish(publisher, 2, number)) ++number;  // until there is no room
  const std::string name = names_of_other().front();
  replace_file(name, read_file(name).substr(0, 5'000));
  EXPECT_FALSE(subscriber_->take()) << "something was taken from a foreign segment";
  const auto ended = events(other, EventKind::unmatched);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_FALSE(ended[0].reason.empty());
  EXPECT_TRUE(publish(publisher, 2, number)) << "there is nobody left to lose it";
  EXPECT_EQ(publisher.subscriber_count(), 0U);
  EXPECT_TRUE(eventually([&] { return publisher.counters().free_chunks == publisher.counters().chunks; }));
  EXPECT_TRUE(eventually([&] {
    while (subscriber_->take()) {
    }
    return (word_of_slot(1) & 3U) == 0;
  })) << "the slot does not become free again";
  EXPECT_TRUE(is_balanced(subscriber_->counters().total));
  talk();
}

TEST_F(Foreign, a_publisher_for_which_there_is_no_place_is_told_so_and_gets_the_first_that_is_free) {
  const std::string inbox = only("inbox.");
  const auto word_at = [](std::uint32_t slot) { return 8'192 + 8 * std::size_t{slot}; };
  // All places but the pair's are somebody's who lives: its own node's, as they say.
  auto taken = *reinterpret_cast<const std::uint64_t*>(read_file(inbox).data() + word_at(0));
  for (std::uint32_t slot = 1; slot < 1'024; ++slot) patch_file(inbox, word_at(slot), taken);
  baton::Node other = open_node(domain_, "other", true, kConfig);
  auto publisher = other.publisher<Message>(kUp).value();
  const auto refused = events(other, EventKind::refused);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_NE(refused[0].reason.find("1024 places"), std::string::npos) << refused[0].reason;
  EXPECT_EQ(publisher.subscriber_count(), 0U);
  for (std::uint32_t slot = 1; slot < 1'024; ++slot) patch_file(inbox, word_at(slot), std::uint64_t{0});
  EXPECT_TRUE(eventually([&] { return publisher.subscriber_count() == 1; }));
  publisher.close();
  talk();
}

// ---- What is not a file

TEST_F(Foreign, links_and_pipes_in_the_place_of_files_are_refused) {
  const fs::path bucket = fs::path(only("sub-")).parent_path();
  const auto port = [&](std::uint32_t number) {
    return bucket / baton::domain::port_file_name(PortRole::subscriber, kUp, {{900, 5}, number});
  };
  while (node_->take_event()) {
  }
  fs::create_symlink(only("sub-"), port(1));
  fs::create_directory(port(2));
  ASSERT_EQ(::mkfifo(port(3).c_str(), 0600), 0);
  fs::create_symlink("/nowhere", port(4));
  std::ofstream(bucket / "something else") << "hello";
  std::ofstream(bucket / ("sub-" + std::string(200, '9'))) << "hello";
  {
    baton::Node other = open_node(domain_, "other");
    auto publisher = other.publisher<Message>(kUp).value();
    ASSERT_TRUE(publish(publisher, 2, 0));
    EXPECT_EQ(publisher.subscriber_count(), 1U);
    EXPECT_EQ(events(*node_, EventKind::refused).size(), 4U);  // each once
    while (subscriber_->take()) {
    }
    talk();
  }
  for (std::uint32_t number = 1; number <= 4; ++number) fs::remove(port(number));
}

}  // namespace
}  // namespace crash
