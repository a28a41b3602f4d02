#pragma once

// A domain with a pair that talks, into which the tests of foreign files put what does not belong there.

#include <cstddef>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "baton/domain/layout.hpp"
#include "place.hpp"
#include "process.hpp"

namespace crash {

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Another file in the place of one: what is mapped of the former one stays.
inline void replace_file(const std::string& path, const std::string& content) {
  ::unlink(path.c_str());
  std::ofstream(path, std::ios::binary) << content;
}

/// Changes bytes of a file that others have open and mapped.
template <class T>
void patch_file(const std::string& path, std::size_t offset, const T& value) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(reinterpret_cast<const char*>(&value), sizeof(value));
  EXPECT_TRUE(file.good()) << path;
}

template <class T>
std::string patched(std::string content, std::size_t offset, const T& value) {
  content.replace(offset, sizeof(value), reinterpret_cast<const char*>(&value), sizeof(value));
  return content;
}

/// What somebody may have made of a file.
struct Damage {
  std::string name;
  std::function<std::string(const std::string&)> made_of;
};

inline std::ostream& operator<<(std::ostream& out, const Damage& damage) { return out << damage.name; }

/// Damages that any file of ours may have.
inline std::vector<Damage> any_damages() {
  using baton::domain::FileHead;
  return {
      {"empty", [](const std::string&) { return std::string(); }},
      {"cut_off_in_its_head", [](const std::string& file) { return file.substr(0, 50); }},
      {"cut_off_after_its_head", [](const std::string& file) { return file.substr(0, sizeof(FileHead)); }},
      {"garbage", [](const std::string& file) { return std::string(file.size(), '\xA5'); }},
      {"zeros", [](const std::string& file) { return std::string(file.size(), '\0'); }},
      {"of_another_version",
       [](const std::string& file) { return patched(file, offsetof(FileHead, version), std::uint32_t{77}); }},
      {"of_another_layout",
       [](const std::string& file) { return patched(file, offsetof(FileHead, layout), std::uint64_t{77}); }},
      {"of_an_earlier_boot",
       [](const std::string& file) { return patched(file, offsetof(FileHead, boot), std::uint64_t{77}); }},
      {"of_another_kind",
       [](const std::string& file) { return patched(file, offsetof(FileHead, kind), std::uint32_t{77}); }},
      {"of_another_owner",
       [](const std::string& file) { return patched(file, offsetof(FileHead, node_slot), std::uint32_t{77}); }},
  };
}

inline std::string name_of_damage(const testing::TestParamInfo<Damage>& info) { return info.param.name; }

class Foreign : public testing::Test {
 protected:
  static constexpr auto kConfig = "[liveness]\nheartbeat = \"20 ms\"\nhung_after = \"30 s\"\n";

  ~Foreign() override { close_all(); }

  void TearDown() override {
    talk();
    close_all();
    EXPECT_TRUE(eventually([this] { return is_gone(domain_); })) << domain_ << " is left";
  }

  void close_all() {
    publisher_.reset();
    subscriber_.reset();
    node_.reset();
  }

  /// The pair goes on.
  void talk() {
    if (!publisher_) return;
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(publish(*publisher_, 1, next_));
      const Sample sample = subscriber_->take();
      ASSERT_TRUE(sample) << "a running pair does not go on";
      EXPECT_EQ(sample->number, next_++);
      EXPECT_EQ(sample->checksum, checksum_of(*sample));
    }
  }

  std::string path(const std::string& file) const { return domain_path(domain_) + "/" + file; }

  /// The only file whose name begins so.
  std::string only(const std::string& prefix) const {
    const auto found = find_files(domain_, prefix);
    EXPECT_EQ(found.size(), 1U) << prefix;
    return found.empty() ? "" : found.front();
  }

  /// The names that the pair's reader has of the segments of another node, which has the second slot.
  std::vector<std::string> names_of_other() const {
    auto names = find_files(domain_, "seg-of.");
    std::erase_if(names, [](const std::string& name) { return name.find(".of.1.") == std::string::npos; });
    return names;
  }

  /// Events of a kind, from now on: until there is one, then for a while longer, to see whether it is said twice.
  static std::vector<baton::Event> events(baton::Node& node, baton::EventKind kind) {
    std::vector<baton::Event> found;
    const auto gather = [&] {
      for (auto event = node.take_event(); event; event = node.take_event()) {
        if (event->kind == kind) found.push_back(*event);
      }
      return !found.empty();
    };
    EXPECT_TRUE(eventually(gather)) << "no event '" << to_string(kind) << "'";
    eventually(
        [&] {
          gather();
          return false;
        },
        100ms);
    return found;
  }

  const std::string domain_ = unique_domain();
  std::optional<baton::Node> node_ = open_node(domain_, "pair", true, kConfig);
  std::optional<Publisher> publisher_ = node_->publisher<Message>(kUp).value();
  std::optional<Subscriber> subscriber_ = node_->subscriber<Message>(kUp).value();
  std::uint64_t next_ = 0;
};

}  // namespace crash
