#include "domain/account.hpp"

#include <sys/stat.h>
#include <sys/wait.h>

#include <gmock/gmock.h>

#include "place.hpp"

namespace baton::domain {
namespace {

using testing::HasSubstr;
using testing_support::announcement;
using testing_support::eventually;
using testing_support::Place;

/// What the files below a directory take of the file system, each once, however many names it has.
std::uint64_t bytes_on_disk(const std::string& path) {
  std::map<ino_t, std::uint64_t> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    files[status.st_ino] = static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  std::uint64_t bytes = 0;
  for (const auto& [inode, size] : files) bytes += size;
  return bytes;
}

TEST(Account, has_for_nodes_and_domain_what_their_files_take) {
  Place place;
  const auto one = place.join("one");
  const auto two = place.join("two");
  EXPECT_EQ(one->memory_use().node, sizeof(NodeFile));
  EXPECT_EQ(one->memory_use().domain, bytes_on_disk(place.path()));

  const testing_support::Port port(one, PortRole::publisher, announcement("one"));
  const auto file = one->create(3, "topic", 10'000);
  ASSERT_TRUE(file) << file.error();
  ASSERT_TRUE(file->memory.link(**one->directory(3), "seg.0.1.1.0"));
  EXPECT_EQ(one->memory_use().node, sizeof(NodeFile) + 2 * kPageBytes + 3 * kPageBytes);
  EXPECT_EQ(two->memory_use().node, sizeof(NodeFile));
  EXPECT_EQ(two->memory_use().domain, bytes_on_disk(place.path()));
  one->unlink(3, "seg.0.1.1.0");
}

TEST(Account, gives_back_what_is_let_go_of_and_counts_growth) {
  Place place;
  const auto node = place.join("node");
  const std::uint64_t before = node->memory_use().node;
  {
    auto file = node->create(3, "topic", 1).value();
    EXPECT_EQ(node->memory_use().node, before + kPageBytes);
    const auto more = node->grow(file.memory, "topic", 3 * kPageBytes + 1);
    ASSERT_TRUE(more) << more.error();
    EXPECT_EQ(node->memory_use().node, before + 4 * kPageBytes);
    EXPECT_EQ(node->memory_use().topics.front().bytes, 4 * kPageBytes);
  }
  EXPECT_EQ(node->memory_use().node, before);
  EXPECT_TRUE(node->memory_use().topics.empty());
}

TEST(Account, refuses_beyond_the_nodes_limit_and_says_which_topics_have_the_most) {
  Place place;
  place.settings().memory.max_node = sizeof(NodeFile) + 10 * kPageBytes;
  place.settings().memory.max_node_origin = "max_node of f:2";
  const auto node = place.join("node");
  std::vector<std::shared_ptr<const MemoryShare>> shares;
  for (const char* topic : {"a", "b", "b", "c", "c", "c", "d", "e", "f"}) {
    shares.push_back(node->reserve(topic, kPageBytes).value());
  }
  const auto refused = node->reserve("late", 2 * kPageBytes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::no_space);
  EXPECT_EQ(
      refused.error().message(),
      "topic 'late': 8192 bytes more were asked for, and max_node of f:2 is 53248 bytes, of which node 'node' has "
      "49152; it has 12288 bytes for topic 'c', 8192 bytes for topic 'b', 4096 bytes for topic 'a', 4096 bytes "
      "for topic 'd', 4096 bytes for topic 'e', the rest 1 more; raise the limit, or make the messages, depths or "
      "counts smaller");
  EXPECT_TRUE(node->reserve("late", kPageBytes));
  shares.pop_back();
  EXPECT_TRUE(node->reserve("late", 2 * kPageBytes));
}

TEST(Account, refuses_beyond_the_domains_limit_and_says_which_nodes_have_the_most) {
  Place place;
  place.settings().memory.max_domain = sizeof(Registry) + 2 * sizeof(NodeFile) + 4 * kPageBytes;
  place.settings().memory.max_domain_origin = "max_domain of f:3";
  const auto one = place.join("one");
  const auto two = place.join("two");
  auto share = one->reserve("a", 3 * kPageBytes).value();
  const auto refused = two->reserve("b", 2 * kPageBytes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "topic 'b': 8192 bytes more were asked for, and max_domain of f:3 is 143360 bytes, of which the domain has "
            "139264; there are 24576 bytes in node 'one', 12288 bytes in node 'two'; raise the limit, or make the "
            "messages, depths or counts smaller");
  share.reset();
  const auto all = two->reserve("b", 4 * kPageBytes);
  EXPECT_TRUE(all);
  EXPECT_FALSE(place.try_join("three")) << "a node's file counts too";
}

TEST(Account, never_lets_two_that_reach_a_limit_together_beyond_it) {
  Place place;
  constexpr std::uint64_t kPages = 64;
  place.settings().memory.max_domain = sizeof(Registry) + 2 * sizeof(NodeFile) + kPages * kPageBytes;
  const std::vector<std::shared_ptr<Member>> nodes{place.join("one"), place.join("two")};
  std::atomic<std::uint64_t> got{0};
  std::vector<std::thread> threads;
  for (const auto& node : nodes) {
    threads.emplace_back([&] {
      std::vector<std::shared_ptr<const MemoryShare>> shares;
      for (int i = 0; i < 20'000; ++i) {
        if (auto share = node->reserve("t", kPageBytes)) {
          EXPECT_LE(got.fetch_add(1) + 1, kPages);
          shares.push_back(*std::move(share));
        } else {
          got.fetch_sub(shares.size());
          shares.clear();
        }
      }
      got.fetch_sub(shares.size());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(nodes[0]->memory_use().node, sizeof(NodeFile));
}

TEST(Account, says_who_has_the_memory_where_the_file_system_is_full) {
  Place place;
  const auto node = place.join("node");
  const auto share = node->reserve("mine", kPageBytes).value();
  const auto refused = node->create(3, "topic", std::uint64_t{1} << 60);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::no_space);
  EXPECT_THAT(refused.error().message(), HasSubstr("1152921504606846976 bytes were asked for, "));
  EXPECT_THAT(refused.error().message(), HasSubstr("; there are 16384 bytes in node 'node'"));
  EXPECT_FALSE(node->create(3, "topic", UINT64_MAX));
  EXPECT_EQ(node->memory_use().node, sizeof(NodeFile) + kPageBytes) << "what could not be made counts for nothing";
}

TEST(Account, forgets_a_killed_node_when_it_is_reaped) {
  Place place;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto killed = Place(place.path()).try_join("killed", false);
    const auto share = killed ? (*killed)->reserve("t", 100 * kPageBytes) : fail(killed.error());
    const char done = share ? 'y' : 'n';
    static_cast<void>(::write(ends[1], &done, 1));
    ::pause();
  }
  char done = 0;
  ASSERT_EQ(::read(ends[0], &done, 1), 1);
  EXPECT_EQ(done, 'y');
  const auto node = place.join("node");
  const std::uint64_t alone = sizeof(Registry) + sizeof(NodeFile);
  EXPECT_EQ(node->memory_use().domain, alone + sizeof(NodeFile) + 100 * kPageBytes);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  node->check({0, 0});  // no such node; the killed one is found by its slot
  EXPECT_TRUE(eventually([&] { return node->memory_use().domain == alone; }));
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace baton::domain
