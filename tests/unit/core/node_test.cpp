#include "baton/node.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "test/conformance.hpp"

namespace baton {
namespace {

using conformance::Message;

/// Sets an environment variable for the length of a scope.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

Config with_domain() { return Config::parse("domain = \"from_file\"", "test.toml").value(); }

TEST(Node, takes_its_domain_from_the_options_else_the_environment_else_the_file_else_the_default) {
  EXPECT_EQ(Node::open("n", {.config = Config()})->domain(), "default");
  EXPECT_EQ(Node::open("n", {.config = with_domain()})->domain(), "from_file");
  const Environment environment("BATON_DOMAIN", "from_environment");
  EXPECT_EQ(Node::open("n", {.config = with_domain()})->domain(), "from_environment");
  EXPECT_EQ(Node::open("n", {.domain = "from_options", .config = with_domain()})->domain(), "from_options");
}

TEST(Node, refuses_names_that_cannot_be_one) {
  for (const char* name : {"", "with space", "a/b", ".", ".."}) {
    EXPECT_EQ(Node::open(name, {.config = Config()}).error().code(), Errc::invalid_name) << name;
    if (*name == '\0') continue;  // an empty domain is none given
    EXPECT_EQ(Node::open("n", {.domain = name, .config = Config()}).error().code(), Errc::invalid_name) << name;
  }
}

TEST(Node, says_which_configuration_file_it_could_not_read) {
  const auto missing = Node::open("n", {.config = "no/such/baton.toml"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::invalid_config);
  EXPECT_NE(missing.error().message().find("no/such/baton.toml"), std::string::npos) << missing.error().message();
  const Environment environment("BATON_CONFIG", "not/there.toml");
  const auto named = Node::open("n");
  ASSERT_FALSE(named);
  EXPECT_NE(named.error().message().find("not/there.toml"), std::string::npos) << named.error().message();
}

TEST(Node, reads_the_configuration_file_that_the_environment_names) {
  const auto path = std::filesystem::temp_directory_path() / "baton_node_test.toml";
  std::ofstream(path) << "domain = \"by_environment\"\n";
  const Environment environment("BATON_CONFIG", path.c_str());
  const auto node = Node::open("n");
  std::filesystem::remove(path);
  ASSERT_TRUE(node) << node.error().message();
  EXPECT_EQ(node->domain(), "by_environment");
}

TEST(Node, without_transports_says_so_when_a_port_is_opened) {
  auto node = Node::open("n", {.config = Config(), .transports = {}}).value();
  const auto publisher = node.publisher<Message>("topic");
  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code(), Errc::unknown_transport);
  EXPECT_NE(publisher.error().message().find("Options::transports"), std::string::npos) << publisher.error().message();
}

TEST(Node, refuses_a_null_transport) {
  const auto node = Node::open("n", {.config = Config(), .transports = {nullptr}});
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().code(), Errc::invalid_argument);
  EXPECT_NE(node.error().message().find("Options::transports"), std::string::npos) << node.error().message();
}

TEST(Node, takes_no_path_for_the_default_configuration) {
  const char* const none = nullptr;
  EXPECT_TRUE(Node::open("n", {.config = none}));
  EXPECT_TRUE(Node::open("n", {.config = ""}));
}

TEST(Node, resolves_auto_to_a_transport_that_the_port_names) {
  auto node = Node::open("n", {.domain = "node_test", .config = Config()}).value();
  EXPECT_EQ(node.publisher<Message>("topic")->transport(), "inproc");
  EXPECT_EQ(node.subscriber<Message>("topic", {.transport = "inproc"})->transport(), "inproc");
}

TEST(Node, may_go_before_its_ports) {
  auto node = std::make_unique<Node>(Node::open("n", {.domain = "node_test", .config = Config()}).value());
  auto publisher = node->publisher<Message>("topic").value();
  auto subscriber = node->subscriber<Message>("topic").value();
  node.reset();
  EXPECT_EQ(publisher.publish(Message{}).delivered, 1U);
  EXPECT_TRUE(subscriber.take());
}

}  // namespace
}  // namespace baton
