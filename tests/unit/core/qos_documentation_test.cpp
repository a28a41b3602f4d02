// The profiles' table of docs/qos.md is what the code does, and the refusal that it shows is what a subscriber is told.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "baton/baton.hpp"
#include "baton/match.hpp"
#include "baton/transport_inproc.hpp"
#include "duration.hpp"
#include "qos_ranges.hpp"
#include "size.hpp"
#include "test/conformance.hpp"

namespace baton {
namespace {

// What stands in docs/qos.md between two texts.
std::string between(const std::string& first, const std::string& last) {
  std::ifstream file(std::filesystem::path(BATON_SOURCE_DIR) / "docs/qos.md");
  EXPECT_TRUE(file);
  std::ostringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  const std::size_t begin = all.find(first);
  if (begin == std::string::npos) return {};
  const std::size_t start = begin + first.size();
  return all.substr(start, all.find(last, start) - start);
}

struct Row {
  const char* setting;
  std::function<std::string(const Qos&)> value;
};

const Row kRows[] = {
    {"transport", [](const Qos& qos) { return qos.transport; }},
    {"depth", [](const Qos& qos) { return std::to_string(qos.depth); }},
    {"overflow", [](const Qos& qos) { return std::string(to_string(qos.overflow)); }},
    {"block_timeout", [](const Qos& qos) { return to_text(qos.block_timeout); }},
    {"history", [](const Qos& qos) { return std::to_string(qos.history); }},
    {"max_held", [](const Qos& qos) { return std::to_string(qos.max_held); }},
    {"max_loans", [](const Qos& qos) { return std::to_string(qos.max_loans); }},
    {"stamp", [](const Qos& qos) { return std::string(to_string(qos.stamp)); }},
    {"max_memory", [](const Qos& qos) { return size_text(qos.max_memory); }},
    {"deadline", [](const Qos& qos) { return to_text(qos.deadline); }},
    {"lifespan", [](const Qos& qos) { return to_text(qos.lifespan); }},
    {"latched", [](const Qos& qos) { return std::string(qos.latched ? "true" : "false"); }},
    {"capacity", [](const Qos& qos) { return size_text(qos.capacity); }},
    {"checksum", [](const Qos& qos) { return std::string(to_string(qos.checksum)); }},
};

TEST(QosDocumentation, has_the_values_of_every_profile) {
  std::string expected;
  for (const Row& row : kRows) {
    expected += fmt::format("| `{}` | {} |", row.setting, row.value(resolve({}, "a").value()));
    for (const Profile profile : kProfiles) {
      expected += fmt::format(" {} |", row.value(resolve({.profile = profile}, "a").value()));
    }
    expected += "\n";
  }
  EXPECT_EQ(between("<!-- profiles -->\n| setting | built-in | `sensor` | `command` | `state` | `log` |\n"
                    "| :-- | --: | --: | --: | --: | --: |\n",
                    "\n\n") +
                "\n",
            expected);
}

using namespace std::chrono_literals;
using Pose = conformance::Message;

void follow(baton::Node& node) {
  auto publisher = node.publisher<Pose>("pose", {.history = 1, .max_loans = 1, .lifespan = 1s}).value();
  auto subscriber = node.subscriber<Pose>("pose", {.depth = 1, .profile = baton::Profile::sensor}).value();
  EXPECT_TRUE(publisher.publish(Pose{}));
  EXPECT_TRUE(subscriber.take());
}

TEST(QosDocumentation, opens_ports_as_it_says) {
  Options options;
  options.transports = {inproc_transport()};
  options.domain = "qos-documentation-" + std::to_string(::getpid());
  auto node = Node::open("node", std::move(options)).value();
  follow(node);
}

TEST(QosDocumentation, shows_a_refusal_as_a_subscriber_is_told_of_it) {
  PortAnnouncement publisher;
  publisher.node = "writer";
  PortAnnouncement subscriber;
  subscriber.node = "reader";
  const QosSettings settings{.deadline = std::chrono::milliseconds(100), .latched = true};
  subscriber.qos = resolve(settings, "a").value();
  subscriber.asked = asks_of(settings);
  const auto refusal = match(publisher, subscriber);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(between("<!-- refusal -->\n```text\n", "\n```"), refusal->for_subscriber);
}

}  // namespace
}  // namespace baton
