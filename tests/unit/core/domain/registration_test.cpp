#include "domain/registration.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include <gmock/gmock.h>

#include "baton/log.hpp"
#include "domain/file_names.hpp"
#include "program.hpp"

namespace baton::domain {
namespace {

using namespace testing_support;
using testing::HasSubstr;

// Changes bytes of the registry's file.
void overwrite(const std::string& path, std::size_t offset, std::string_view bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file) << path;
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// A registry that nobody is in any more, as a killed process leaves it.
void leave_a_registry(const Place& place) {
  Program program(place, "stays");
  ASSERT_NE(program.line(), "");
  program.kill();
  ASSERT_TRUE(std::filesystem::exists(place.registry_path()));
}

const struct Damage {
  const char* name;
  std::function<void(const std::string& path)> apply;
  Errc code;
  const char* message;
} kDamages[] = {
    {"foreign", [](const auto& path) { overwrite(path, 0, "BATON"); }, Errc::corrupt, "is not a file of baton's"},
    {"of another version", [](const auto& path) { overwrite(path, offsetof(FileHead, version), "\x07"); },
     Errc::incompatible, "has format version 7, and this program has 1"},
    {"of another layout", [](const auto& path) { overwrite(path, offsetof(FileHead, layout), "layout!!"); },
     Errc::incompatible, "with the layout"},
    {"from before a boot", [](const auto& path) { overwrite(path, offsetof(FileHead, boot), "earlier"); },
     Errc::corrupt, "is from before the machine was started"},
    {"of another kind", [](const auto& path) { overwrite(path, offsetof(FileHead, kind), "\x02"); }, Errc::corrupt,
     "is a node's file, expected a registry"},
    {"cut off", [](const auto& path) { std::filesystem::resize_file(path, 100); }, Errc::corrupt,
     "is cut off: it has 100 bytes"},
    {"empty", [](const auto& path) { std::filesystem::resize_file(path, 0); }, Errc::corrupt, "is cut off"},
    {"too long", [](const auto& path) { std::filesystem::resize_file(path, sizeof(Registry) + 1); }, Errc::corrupt,
     "bytes, expected"},
};

TEST(Registration, takes_the_first_free_slot_with_a_generation_of_its_own) {
  const Place place;
  const auto first = place.join("first");
  auto second = place.join("second");
  EXPECT_EQ(first->id().slot, 0U);
  EXPECT_EQ(second->id().slot, 1U);
  const NodeId gone = second->id();
  second.reset();
  EXPECT_EQ(first->health(gone), Health::gone);
  second = place.join("second");
  EXPECT_EQ(second->id().slot, 1U);
  EXPECT_GT(second->id().generation, gone.generation);
  EXPECT_EQ(first->health(gone), Health::gone);
  EXPECT_EQ(first->health(second->id()), Health::alive);
}

TEST(Registration, never_repeats_a_generation_in_a_new_registry) {
  const Place place;
  const NodeId first = place.join("node")->id();
  const NodeId second = place.join("node")->id();
  EXPECT_EQ(first.slot, second.slot);
  EXPECT_GT(second.generation, first.generation);
}

TEST(Registration, of_the_last_one_out_leaves_nothing_whoever_was_first) {
  const Place place;
  auto first = place.join("first");
  const auto registry = [&] { return std::filesystem::exists(place.registry_path()); };
  {
    auto second = place.join("second");
    ASSERT_TRUE(second->directory(7));
    std::ofstream(place.domain_path() + "/07/rubbish") << "of nobody";
    std::ofstream(place.domain_path() + "/rubbish") << "of nobody";
    first.reset();
    EXPECT_TRUE(registry());
  }
  EXPECT_TRUE(place.files().empty());
}

TEST(Registration, survives_many_who_come_and_go_at_once) {
  const Place place;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto member = place.try_join("node", false);
        ASSERT_TRUE(member) << member.error();
        ASSERT_TRUE((*member)->directory(static_cast<std::uint32_t>(i % 3)));
        const Port port(*member, PortRole::publisher, announcement("node", fmt::format("topic_{}", i % 3)));
        ASSERT_EQ((*member)->health((*member)->id()), Health::alive);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(place.files().empty());
}

TEST(Registration, reaps_a_killed_node_when_another_joins) {
  const Place place;
  Program program(place, "stays");
  ASSERT_NE(program.line(), "");
  const std::size_t files = place.files_of(0);
  EXPECT_EQ(files, 3U) << "node, socket, port";
  program.kill();
  EXPECT_EQ(place.files_of(0), files);
  const auto member = place.join("next", false);
  EXPECT_EQ(member->id().slot, 0U);
  EXPECT_EQ(place.files_of(0), 2U) << "its own";
}

TEST(Registration, reaps_a_killed_node_when_asked_about_it) {
  const Place place;
  const auto member = place.join("observer", false);
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  EXPECT_EQ(member->check(node), Health::alive);
  const std::uint32_t epoch = member->epoch(bucket_of("topic")).load();
  program.kill();
  EXPECT_EQ(member->health(node), Health::alive) << "nobody has looked";
  EXPECT_EQ(member->check(node), Health::gone);
  EXPECT_EQ(place.files_of(1), 0U);
  EXPECT_NE(member->epoch(bucket_of("topic")).load(), epoch);
  EXPECT_EQ(member->check(node), Health::gone) << "idempotent";
  EXPECT_EQ(member->check(member->id()), Health::alive);
}

TEST(Registration, finds_a_node_by_the_low_bits_of_its_generation) {
  const Place place;
  const auto first = place.join("first");
  const auto second = place.join("second");
  const auto low = static_cast<std::uint32_t>(second->id().generation & 0xFFFFFF);
  EXPECT_EQ(first->find_node(1, low), second->id());
  EXPECT_EQ(first->find_node(1, low ^ 1), std::nullopt);
  EXPECT_EQ(first->find_node(2, low), std::nullopt);
  EXPECT_EQ(first->find_node(kMaxNodes, low), std::nullopt) << "what a peer says may be anything";
  EXPECT_EQ(first->health({kMaxNodes + 7, 1}), Health::gone);
}

TEST(Registration, that_is_of_no_use_is_replaced_when_nobody_is_in_it) {
  for (const Damage& damage : kDamages) {
    SCOPED_TRACE(damage.name);
    const Place place;
    leave_a_registry(place);
    damage.apply(place.registry_path());
    const auto member = place.try_join("next");
    ASSERT_TRUE(member) << member.error();
    EXPECT_EQ(place.files().size(), 5U) << fmt::format("{}", fmt::join(place.files(), " "));
  }
}

TEST(Registration, that_is_of_no_use_is_refused_when_somebody_is_in_it) {
  for (const Damage& damage : kDamages) {
    if (std::string_view(damage.name) == "cut off" || std::string_view(damage.name) == "empty") continue;
    SCOPED_TRACE(damage.name);
    const Place place;
    const auto member = place.join("somebody", false);
    damage.apply(place.registry_path());
    const auto next = place.try_join("next");
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code(), damage.code);
    EXPECT_THAT(next.error().message(), HasSubstr(place.registry_path()));
    EXPECT_THAT(next.error().message(), HasSubstr(damage.message));
    EXPECT_EQ(member->health(member->id()), Health::alive);
  }
}

TEST(Registration, is_not_a_symbolic_link_or_a_pipe) {
  const Place place;
  std::filesystem::create_directories(place.domain_path());
  ::chmod(place.user_path().c_str(), 0700);
  ::chmod(place.domain_path().c_str(), 0700);
  std::filesystem::create_symlink("/etc/passwd", place.registry_path());
  EXPECT_EQ(place.try_join("node").error().code(), Errc::permission);
  std::filesystem::remove(place.registry_path());
  ASSERT_EQ(::mkfifo(place.registry_path().c_str(), 0600), 0);
  EXPECT_EQ(place.try_join("node").error().code(), Errc::permission);
  std::filesystem::remove_all(place.user_path());
}

TEST(Registration, whose_files_cannot_be_listed_by_the_last_one_out_is_cleared_by_the_next) {
  const Place place;
  auto member = place.join("node", false);
  Program program(place, "stays");
  ASSERT_NE(program.line(), "");
  program.kill();
  {
    const NoDescriptors none;
    member.reset();
  }
  EXPECT_TRUE(std::filesystem::exists(place.registry_path()))
      << "without it nobody would look for the dead node's files";
  member = place.join("next", false);
  EXPECT_EQ(place.files_of(0) + place.files_of(1), 2U) << "its own";
}

TEST(Registration, of_no_use_that_cannot_be_removed_is_an_error_that_says_why) {
  const Place place;
  leave_a_registry(place);
  overwrite(place.registry_path(), 0, "BATON");
  const std::string obstacle = place.domain_path() + "/directory";
  std::filesystem::create_directory(obstacle);
  EXPECT_EQ(place.try_join("next").error().message(),
            obstacle + ": cannot be removed (Is a directory); remove it by hand");
  std::filesystem::remove(obstacle);
  EXPECT_TRUE(place.try_join("next"));
}

TEST(Registration, tells_the_peers_of_a_dead_node_that_is_reaped_by_one_who_joins) {
  Place place;
  place.settings().heartbeat = 1min;  // no tick finds it
  place.settings().hung_after = 2min;
  const auto member = place.join("observer");
  class Counted final : public Kept {
   public:
    void keep(std::vector<Event>&) noexcept override { ++calls; }
    std::atomic<int> calls{0};
  } kept;
  member->add(3, kept);
  ASSERT_TRUE(eventually([&] { return kept.calls >= 1; }));
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  program.kill();
  std::this_thread::sleep_for(20ms);
  const int calls = kept.calls;
  const auto next = place.join("next", false);
  EXPECT_EQ(member->health(node), Health::gone);
  EXPECT_TRUE(eventually([&] { return kept.calls > calls; }));
  member->remove(kept);
}

TEST(Registration, says_what_it_waited_for_in_vain) {
  const Place place;
  std::filesystem::create_directories(place.domain_path());
  ::chmod(place.user_path().c_str(), 0700);
  ::chmod(place.domain_path().c_str(), 0700);
  std::ofstream(place.registry_path()) << "x";
  ::chmod(place.registry_path().c_str(), 0600);
  {
    const posix::FileLocks stopped(posix::FileDescriptor::open(place.registry_path(), O_RDWR).value());
    ASSERT_TRUE(stopped.try_lock(kPresenceByte, posix::FileLocks::Mode::exclusive).value());
    const auto started = std::chrono::steady_clock::now();
    const auto joined = place.try_join("node");
    ASSERT_FALSE(joined);
    EXPECT_THAT(joined.error().message(), HasSubstr(place.domain_path() +
                                                    ": cannot be joined: a process that was the last one to leave it "
                                                    "does not come to an end; see who has " +
                                                    place.registry_path() + " open (fuser), and end it"));
    EXPECT_GE(std::chrono::steady_clock::now() - started, 2s);
    std::thread continues([&] {
      std::this_thread::sleep_for(100ms);
      stopped.unlock(kPresenceByte);
    });
    EXPECT_TRUE(place.try_join("node"));
    continues.join();
  }
}

TEST(Registration, refuses_when_all_slots_are_taken) {
  const Place place;
  const auto member = place.join("node", false);
  const posix::FileLocks others(posix::FileDescriptor::open(place.registry_path(), O_RDWR).value());
  for (std::uint32_t slot = 1; slot < kMaxNodes; ++slot) {
    ASSERT_TRUE(others.try_lock(kFirstSlotByte + slot, posix::FileLocks::Mode::exclusive).value());
  }
  const auto joined = place.try_join("one too many");
  EXPECT_EQ(joined.error().code(), Errc::invalid_name);
  const auto full = place.try_join("one_too_many");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Errc::no_space);
  EXPECT_THAT(full.error().message(), HasSubstr("all of its 1024 nodes are taken"));
}

TEST(Registration, does_not_free_a_slot_whose_files_cannot_be_removed) {
  const Place place;
  const auto member = place.join("observer", false);
  Program program(place, "stays");
  const NodeId node = node_of(program.line());
  program.kill();
  std::ofstream(place.domain_path() + "/07") << "no bucket: nobody's, and in nobody's way";
  // A directory with a name that the dead node owns: unlink fails.
  const std::string obstacle = place.domain_path() + "/node.1.1";
  std::filesystem::create_directory(obstacle);
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, std::string_view line) { warnings.emplace_back(line); });
  EXPECT_EQ(member->check(node), Health::gone);
  EXPECT_EQ(place.files_of(1), 1U) << "the rest is gone";
  for (int tick = 0; tick < 3; ++tick) {  // at each, the slot is tried again
    std::this_thread::sleep_for(place.request("").settings.heartbeat);
    member->keep(0ns);
  }
  set_log_sink({});
  ASSERT_EQ(warnings.size(), 1U) << "once for each node";
  EXPECT_THAT(warnings[0], HasSubstr(fmt::format("node 1.{} is gone, but its slot stays taken", node.generation)));
  EXPECT_THAT(warnings[0], HasSubstr(obstacle + ": cannot be removed (Is a directory); remove it by hand"));
  EXPECT_EQ(place.join("next", false)->id().slot, 2U) << "the slot is not free";
  std::filesystem::remove(obstacle);
  EXPECT_EQ(place.join("next", false)->id().slot, 1U);
}

// What happens on a tmpfs of 64 KiB, in a mount namespace of its own; 77 if this process may not mount.
int on_small_tmpfs(const std::string& path) {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 77;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
  if (::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=64k") != 0) return 77;
  const Place place(path);
  const auto registry_fails = place.try_join("node", false);
  if (registry_fails || registry_fails.error().code() != Errc::no_space) return 1;
  if (::mount("tmpfs", path.c_str(), "tmpfs", MS_REMOUNT, "size=108k") != 0) return 77;
  const auto node_file_fails = place.try_join("node", false);
  if (node_file_fails || node_file_fails.error().code() != Errc::no_space) return 2;
  if (!place.files().empty()) return 3;
  if (::mount("tmpfs", path.c_str(), "tmpfs", MS_REMOUNT, "size=1m") != 0) return 77;
  return place.try_join("node", false) ? 0 : 4;
}

TEST(Registration, where_there_is_no_memory_is_an_error_that_leaves_nothing) {
  const Place place;
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(on_small_tmpfs(place.path()));
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this process may not mount a tmpfs";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace baton::domain
