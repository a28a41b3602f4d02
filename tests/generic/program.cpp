// Handles messages of types that it was not built with, for properties_test.py. Descriptions and messages stand in
// hexadecimal digits.
//
// check: answers each line of its input with one of its own.
//   type DESCRIPTION           "loaded", or "refused" and why: what follows is of this type
//   json TEXT                  "made", the message, the verdict and the message as JSON; or "refused" and why
//   bytes MESSAGE              the same of a message that is there
// publish: opens a publisher for each `topic NAME DESCRIPTION`, waits until each has a subscriber, and publishes each
//   `json NAME TEXT`.
// take COUNT: prints the topic, bytes and JSON of so many messages that arrive, on any topic.

#include <chrono>
#include <cstddef>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <baton/baton.hpp>

using namespace std::chrono_literals;

namespace {

constexpr auto kPatience = 60s;

std::vector<std::byte> bytes_of(std::string_view digits) {
  std::vector<std::byte> bytes(digits.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(std::stoi(std::string(digits.substr(2 * i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string digits_of(std::span<const std::byte> bytes) {
  std::string digits;
  for (const std::byte byte : bytes) {
    fmt::format_to(std::back_inserter(digits), "{:02x}", static_cast<unsigned>(byte));
  }
  return digits;
}

/// What is before the first space, which is taken away with it.
std::string_view word(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view first = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return first;
}

std::string told(const baton::TypeDescription& type, std::span<const std::byte> message) {
  const auto json = baton::to_json(type, message);
  if (!json) return "refused\t" + json.error().message();
  const auto finding = baton::validate(type, message);
  const std::string verdict = finding ? fmt::format("{}: {}", finding->path, finding->reason) : "valid";
  return fmt::format("made\t{}\t{}\t{}", digits_of(message), verdict, *json);
}

std::string answer(std::optional<baton::TypeDescription>& type, std::string_view line) {
  const std::string_view command = word(line);
  if (command == "type") {
    auto loaded = baton::TypeDescription::load(bytes_of(line));
    if (!loaded) return "refused\t" + loaded.error().message();
    type = *std::move(loaded);
    return "loaded";
  }
  if (command == "bytes") return told(*type, bytes_of(line));
  const auto message = baton::from_json(*type, line);
  return message ? told(*type, *message) : "refused\t" + message.error().message();
}

int check() {
  std::optional<baton::TypeDescription> type;
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(type, line) << std::endl;
  return 0;
}

int publish() {
  auto node = baton::Node::open("publishing").value();
  std::map<std::string, baton::GenericPublisher, std::less<>> publishers;
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) {
    std::string_view rest = line;
    if (word(rest) == "json") {
      lines.emplace_back(rest);
      continue;
    }
    const std::string topic(word(rest));
    const auto type = baton::TypeDescription::load(bytes_of(rest)).value();
    publishers.emplace(
        topic,
        node.generic_publisher(topic, type,
                               {.transport = "shm", .overflow = baton::Overflow::block, .block_timeout = kPatience})
            .value());
  }
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (const auto& [topic, publisher] : publishers) {
    while (publisher.subscriber_count() == 0) {
      if (std::chrono::steady_clock::now() > until) return 1;
      std::this_thread::sleep_for(1ms);
    }
  }
  for (std::string_view line : lines) {
    const std::string_view topic = word(line);
    const auto result = publishers.find(topic)->second.publish_json(line);
    if (result && *result) continue;
    std::cout << topic << '\t' << (result ? "not published" : result.error().message()) << '\n';
  }
  return 0;
}

int take(std::size_t count) {
  auto node = baton::Node::open("taking").value();
  auto subscriber = node.generic_subscriber("**", {.overflow = baton::Overflow::block}).value();
  std::cout << "taking" << std::endl;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (count > 0 && std::chrono::steady_clock::now() < until) {
    if (!subscriber.wait(100ms)) continue;
    while (auto sample = subscriber.take()) {
      const auto json = sample.to_json();
      std::cout << sample.topic() << '\t' << digits_of(sample.bytes()) << '\t'
                << (json ? *json : json.error().message()) << '\n';
      --count;
    }
  }
  return count == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "check") return check();
  if (arguments.size() == 1 && arguments[0] == "publish") return publish();
  if (arguments.size() == 2 && arguments[0] == "take") return take(std::stoul(argv[2]));
  std::cerr << "usage: check | publish | take COUNT\n";
  return 2;
}
