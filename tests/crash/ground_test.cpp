// What a domain stands on: its directory, the memory below, and the process itself.

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "foreign.hpp"

namespace crash {
namespace {

namespace fs = std::filesystem;
using baton::Errc;
using baton::EventKind;

Errc code_of_join(const std::string& domain) {
  baton::Node node = open_node(domain, "newcomer");
  const auto publisher = node.publisher<Message>("newcomers");
  if (publisher) {
    ADD_FAILURE() << "it could join";
    return Errc::system;
  }
  EXPECT_EQ(publisher.error().message().find('\n'), std::string::npos) << publisher.error();
  return publisher.error().code();
}

class Ground : public Foreign {
 protected:
  void SetUp() override {
    const fs::path user = fs::path(domain_path(domain_)).parent_path();
    fs::create_directories(user);
    fs::permissions(user, fs::perms::owner_all);
  }
};

TEST_F(Ground, that_is_a_symbolic_link_is_refused) {
  const std::string linked = unique_domain();
  fs::create_directory_symlink(domain_path(domain_), domain_path(linked));
  EXPECT_EQ(code_of_join(linked), Errc::permission);
  fs::remove(domain_path(linked));
}

TEST_F(Ground, that_is_a_file_is_refused) {
  const std::string file = unique_domain();
  std::ofstream(domain_path(file)) << "hello";
  EXPECT_EQ(code_of_join(file), Errc::permission);
  fs::remove(domain_path(file));
}

TEST_F(Ground, that_others_may_write_is_refused) {
  const std::string open = unique_domain();
  fs::create_directory(domain_path(open));
  fs::permissions(domain_path(open), fs::perms::all);
  EXPECT_EQ(code_of_join(open), Errc::permission);
  fs::remove(domain_path(open));
}

TEST_F(Ground, with_a_link_in_the_registrys_place_is_refused) {
  const std::string other = unique_domain();
  fs::create_directory(domain_path(other));
  fs::permissions(domain_path(other), fs::perms::owner_all);
  fs::create_symlink(path("registry"), domain_path(other) + "/registry");
  EXPECT_EQ(code_of_join(other), Errc::permission);
  fs::remove_all(domain_path(other));
}

TEST_F(Ground, of_somebody_else_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const std::string other = unique_domain();
  fs::create_directory(domain_path(other));
  fs::permissions(domain_path(other), fs::perms::owner_all);
  ASSERT_EQ(::chown(domain_path(other).c_str(), 65'534, 65'534), 0);
  EXPECT_EQ(code_of_join(other), Errc::permission);
  fs::remove_all(domain_path(other));
}

TEST_F(Ground, with_a_registry_of_somebody_else_is_refused_and_who_is_in_it_goes_on) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown(path("registry").c_str(), 65'534, 65'534), 0);
  EXPECT_EQ(code_of_join(domain_), Errc::permission);
  talk();
  ASSERT_EQ(::chown(path("registry").c_str(), 0, 0), 0);
}

TEST_F(Ground, with_an_inbox_of_somebody_else_refuses_it) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown(only("inbox.").c_str(), 65'534, 65'534), 0);
  baton::Node other = open_node(domain_, "other");
  auto publisher = other.publisher<Message>(kUp).value();
  EXPECT_EQ(publisher.subscriber_count(), 0U);
  EXPECT_EQ(events(other, EventKind::refused).size(), 1U);
  talk();
}

TEST_F(Ground, that_is_removed_ends_no_connection_and_is_reported) {
  Child writer({"writer", domain_, "2"});
  EXPECT_EQ(writer.hear(), "ready");
  Child reader({"reader", domain_});
  EXPECT_EQ(reader.hear(), "ready");
  ASSERT_TRUE(eventually([&] {  // it has mapped what it is given
    reader.tell("drain");
    const auto taken_and_dropped = reader.hear();
    return taken_and_dropped && !taken_and_dropped->starts_with("0 ");
  }));
  fs::remove_all(domain_path(domain_));
  const auto lost = events(*node_, EventKind::domain_lost);
  EXPECT_EQ(lost.size(), 1U);
  while (subscriber_->take()) {
  }
  subscriber_->close();  // the writer's messages would be between ours
  reader.tell("drain");
  const auto taken = reader.hear();
  std::this_thread::sleep_for(100ms);
  reader.tell("finish");
  const auto taken_later = reader.hear();
  EXPECT_NE(taken, taken_later) << "a running pair does not go on";
  EXPECT_EQ(reader.wait(), 0);
  writer.tell("finish");
  EXPECT_TRUE(writer.hear());
  EXPECT_EQ(writer.wait(), 0);
  EXPECT_TRUE(publish(*publisher_, 1, 1));
  close_all();
  const std::string again = domain_;  // the next one begins anew
  {
    baton::Node node = open_node(again, "next");
    EXPECT_TRUE(node.publisher<Message>(kUp).has_value());
  }
}

/// On a file system of the child's own.
void expect_role_succeeds(const std::vector<std::string>& role) {
  Child child(role);
  std::string said;
  while (const auto line = child.hear(60s)) said += *line + "\n";
  const auto status = child.wait();
  if (status == 77) GTEST_SKIP() << "a small file system cannot be mounted here";
  EXPECT_EQ(status, 0) << said;
}

TEST(FullMemory, refuses_newcomers_and_harms_nobody) { expect_role_succeeds({"full_memory", "growth"}); }
TEST(FullMemory, is_an_error_that_says_what_there_is_before_there_is_a_domain) {
  expect_role_succeeds({"full_memory", "start"});
}
TEST(FullMemory, that_another_domain_has_taken_ends_a_growth_and_not_what_goes_on) {
  expect_role_succeeds({"full_memory", "beside"});
}
TEST(FullMemory, of_a_container_at_its_defaults_has_room_for_rings_at_theirs) {
  expect_role_succeeds({"full_memory", "rings"});
}
TEST(HugePages, are_used_where_the_file_system_gives_them) { expect_role_succeeds({"huge_memory", "huge=advise"}); }
TEST(HugePages, that_are_not_given_are_said_once_with_what_to_set) {
  expect_role_succeeds({"huge_memory", "huge=never"});
}

/// What a forked child finds, as text; empty if it is as it should be.
std::string verbs_in_child(baton::Node& node, Publisher& publisher, Subscriber& subscriber, baton::Loan<Message>& loan,
                           Sample& held) {
  const auto forked = [](const auto& result) { return !result && result.error().code() == Errc::forked; };
  std::string wrong;
  const auto expect = [&wrong](bool holds, const char* what) {
    if (!holds) wrong += std::string(what) + "; ";
  };
  expect(forked(node.publisher<Message>("another")), "a publisher can be made");
  expect(forked(node.subscriber<Message>("another")), "a subscriber can be made");
  expect(forked(publisher.loan()), "loan does not say forked");
  expect(publisher.publish(Message{}).status == baton::PublishStatus::closed, "publish does not say closed");
  expect(loan.publish().status == baton::PublishStatus::closed, "a loan can be published");
  expect(subscriber.take().status() == baton::TakeStatus::closed, "take does not say closed");
  expect(subscriber.wait(1s) == baton::WaitStatus::closed, "wait does not say closed");
  expect(forked(subscriber.fd()), "fd does not say forked");
  expect(held->checksum == checksum_of(*held), "a held sample cannot be read");
  held.release();
  node.keep();
  subscriber.on_message([](const Sample&) {});
  subscriber.on_message(nullptr);
  publisher.close();
  subscriber.close();
  return wrong;
}

TEST_F(Foreign, forked_children_are_told_so_by_every_verb_and_the_parent_notices_nothing) {
  talk();
  auto loan = publisher_->loan().value();
  fill(*loan, 1, next_);
  ASSERT_TRUE(publish(*publisher_, 3, 0));
  Sample held = subscriber_->take();
  ASSERT_TRUE(held);
  const auto files = files_of(domain_);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::string wrong = verbs_in_child(*node_, *publisher_, *subscriber_, loan, held);
    publisher_.reset();
    subscriber_.reset();
    node_.reset();
    try {  // a node of its own; without a thread, because ThreadSanitizer has none in children of programs with threads
      baton::Node own = open_node(domain_, "child", false);
      auto subscriber = own.subscriber<Message>(kUp).value();
    } catch (const std::exception& error) {
      wrong += error.what();
    }
    if (!wrong.empty()) std::fprintf(stderr, "in the child: %s\n", wrong.c_str());
    ::_exit(wrong.empty() ? 0 : 1);
  }
  int status = -1;
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(publish(*publisher_, 3, static_cast<std::uint64_t>(i) + 1));
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(held->checksum, checksum_of(*held));
  EXPECT_TRUE(loan.publish());
  while (subscriber_->take()) {
  }
  held.release();
  EXPECT_TRUE(eventually([this] { return publisher_->counters().free_chunks == publisher_->counters().chunks; }));
  EXPECT_EQ(publisher_->subscriber_count(), 1U);
  EXPECT_TRUE(is_balanced(subscriber_->counters().total));
  for (const auto& connection : publisher_->counters().connections) EXPECT_TRUE(is_balanced(connection));
  EXPECT_EQ(publisher_->counters().published, subscriber_->counters().total.offered);
  for (const auto& [file, bytes] : files) EXPECT_TRUE(files_of(domain_).contains(file)) << file;
  ++next_;
}

TEST_F(Foreign, a_forked_child_does_not_give_back_what_its_parent_holds_of_a_subscriber_that_was_closed_before) {
  ASSERT_TRUE(publish(*publisher_, 3, 7));
  Sample held = subscriber_->take();
  ASSERT_TRUE(held);
  subscriber_.reset();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    held.release();
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  for (std::uint64_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(publish(*publisher_, 3, 1'000 + i));
    EXPECT_LT(publisher_->counters().free_chunks, publisher_->counters().chunks);
  }
  EXPECT_EQ(held->number, 7U);
  EXPECT_EQ(held->checksum, checksum_of(*held));
  publisher_.reset();
}

TEST_F(Foreign, a_reader_of_many_takes_what_it_is_woken_for_though_a_publisher_was_stopped_before_its_ready_bit) {
  baton::Node other = open_node(domain_, "other");
  std::vector<Publisher> publishers;
  for (int i = 0; i < 9; ++i) publishers.push_back(other.publisher<Message>(kUp).value());
  for (auto& publisher : publishers) ASSERT_TRUE(publish(publisher, 2, 0));
  for (int taken = 0; taken < 9;) taken += subscriber_->take() ? 1 : 0;
  ASSERT_FALSE(subscriber_->take());
  ASSERT_TRUE(publish(publishers.back(), 2, 1));
  patch_file(only("inbox."), 4'096, std::uint64_t{0});  // the ready bits
  ASSERT_TRUE(subscriber_->wait(0s));
  EXPECT_TRUE(subscriber_->take()) << "take says that there is nothing, and wait that there is";
}

}  // namespace
}  // namespace crash
