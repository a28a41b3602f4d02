// The snippets of docs/generic.md.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "baton/baton.hpp"
#include "test/all.hpp"
#include "test/unions.hpp"

namespace {

using namespace std::chrono_literals;

void echo(baton::Node& node, std::string_view pattern, std::ostream& out) {
  auto subscriber = node.generic_subscriber(pattern).value();
  while (subscriber.wait(1s)) {
    while (auto sample = subscriber.take()) {
      out << sample.topic() << ' ' << sample.description().name() << ' ' << sample.to_json().value_or("?") << '\n';
    }
  }
}

baton::Result<baton::PublishResult> send(baton::Node& node, std::string_view topic, std::string_view json) {
  const auto sources = node.generic_subscriber(topic).value().sources();
  for (const auto& source : sources) {  // the type is what others publish there
    auto publisher = node.generic_publisher(topic, source.description);
    if (!publisher) return baton::fail(std::move(publisher).error());
    return publisher->publish_json(json);
  }
  return baton::fail(baton::Errc::invalid_argument, topic, "nobody publishes it", "give a type");
}

baton::Node open_node() {
  return baton::Node::open("documentation", {.domain = "documentation-" + std::to_string(::getpid())}).value();
}

TEST(DocumentationOfGenericPorts, echoes) {
  auto node = open_node();
  auto publisher = node.publisher<test::Defaults>("robot/state", {.history = 1}).value();
  publisher.publish({});
  std::ostringstream out;
  echo(node, "robot/**", out);
  EXPECT_EQ(out.str().substr(0, 61), R"(robot/state test::Defaults {"flag":true,"letter":"x","small":)");
}

TEST(DocumentationOfGenericPorts, sends) {
  auto node = open_node();
  EXPECT_FALSE(send(node, "robot/scene", "{}"));
  auto publisher = node.publisher<unions::Scene>("robot/scene").value();
  auto subscriber = node.subscriber<unions::Scene>("robot/scene").value();
  const auto sent = send(node, "robot/scene", R"({"shapes": [{"circle": {"radius": 2}}, {"circle": {}}]})");
  ASSERT_TRUE(sent) << sent.error();
  EXPECT_EQ(sent->delivered, 1U);
}

TEST(DocumentationOfGenericPorts, shows_each_construct) {
  const auto json = [](const auto& value) {
    using T = std::remove_cvref_t<decltype(value)>;
    return baton::to_json(baton::TypeDescription::of<T>().value(), std::as_bytes(std::span(&value, 1))).value();
  };
  unions::Scene scene;
  scene.shapes[0].set_circle({2.5});
  scene.shapes[1].set_rectangle({1, 2}, unions::Kind::oblong);
  const std::string text = json(scene);
  EXPECT_NE(text.find(R"j({"circle":{"radius":2.5}})j"), std::string::npos);
  EXPECT_NE(text.find(R"j({"(tag)":"oblong","rectangle":{"width":1.0,"height":2.0}})j"), std::string::npos) << text;
}

}  // namespace
