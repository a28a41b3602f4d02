// Domains on a file system of one megabyte, which is full.

#include <filesystem>
#include <fstream>
#include <string>

#include "own_mount.hpp"
#include "place.hpp"
#include "process.hpp"
#include "roles.hpp"
#include "test/bounded.hpp"

namespace crash {
namespace {

namespace fs = std::filesystem;

/// Takes what is left, until nothing is.
void fill_up(const fs::path& file) {
  std::ofstream out(file, std::ios::binary);
  const std::string block(4096, 'x');
  while (out.write(block.data(), static_cast<std::streamsize>(block.size())) && out.flush()) {
  }
}

bool was_refused_for_space(baton::Node& node) {
  return eventually([&] {
    for (auto event = node.take_event(); event; event = node.take_event()) {
      if (event->kind == baton::EventKind::refused && event->reason.find("bytes") != std::string::npos) return true;
    }
    return false;
  });
}

void run(const std::string& directory) {
  baton::Node node =
      open_node("small", "pair", false, config_for(directory));  // no keeper: it connects when it publishes
  auto publisher = node.publisher<Message>(kUp).value();
  auto reader = node.subscriber<Message>(kUp).value();
  std::uint64_t number = 0;
  const auto talk = [&] {
    expect(publish(publisher, 1, number), "a running publisher does not go on");
    const Sample sample = reader.take();
    expect(sample && sample->number == number && sample->checksum == checksum_of(*sample),
           "a running pair does not go on");
    ++number;
  };
  talk();

  auto second = node.subscriber<Message>(kUp, {.depth = 64}).value();  // its publisher looks for it at its next verb
  fill_up(directory + "/filler");
  while (node.take_event()) {
  }
  talk();
  expect(publisher.subscriber_count() == 1, "a reader was connected for whom there is no memory");
  expect(was_refused_for_space(node), "a reader that there is no memory for is refused without a reason");
  talk();

  const auto refused = node.publisher<Message>("other");
  expect(!refused, "a publisher was made of nothing");
  if (!refused) {
    expect(refused.error().code() == baton::Errc::no_space, "not no_space: " + refused.error().message());
    expect(refused.error().message().find("bytes") != std::string::npos,
           "it names no bytes: " + refused.error().message());
  }
  const auto no_inbox = node.subscriber<Message>("other");
  expect(!no_inbox && no_inbox.error().code() == baton::Errc::no_space, "a subscriber was made of nothing");
  talk();

  fs::remove(directory + "/filler");
  expect(node.publisher<Message>("other").has_value(), "there is room again, and no publisher");
  expect(eventually([&] {
           node.keep();
           talk();
           return publisher.subscriber_count() == 2;
         }),
         "there is room again, and the reader is not connected");
}

void expect_no_space(const baton::Error& error, const std::string& who) {
  expect(error.code() == baton::Errc::no_space, who + ": not no_space: " + error.message());
  for (const char* const part : {"bytes were asked for, ", "bytes are available"}) {
    expect(error.message().find(part) != std::string::npos, who + " does not say what there is: " + error.message());
  }
}

/// There is not even room for the domain, or for a node in it.
void run_from_the_start(const std::string& directory) {
  fill_up(directory + "/filler");
  baton::Node node = open_node("small", "first", true, config_for(directory));
  const auto refused = node.publisher<Message>(kUp);
  expect(!refused, "a domain was made of nothing");
  if (!refused) expect_no_space(refused.error(), "the domain");
  fs::resize_file(directory + "/filler",
                  fs::file_size(directory + "/filler") - (104U << 10U));  // a registry, and 4 KiB
  const auto again = node.subscriber<Message>(kUp);
  expect(!again, "a node was made of nothing");
  if (!again) expect_no_space(again.error(), "the node");
  fs::remove(directory + "/filler");
  expect(node.publisher<Message>(kUp).has_value(), "there is room, and no publisher");
}

/// In the middle of messages that grow, another domain takes the rest.
void run_beside_another(const std::string& directory) {
  baton::Node node = open_node("small", "pair", true, config_for(directory));
  baton::Node greedy = open_node("greedy", "other", true, config_for(directory));
  auto publisher = node.publisher<bounded::Endless>(kUp).value();
  auto reader = node.subscriber<bounded::Endless>(kUp).value();
  expect(publisher.wait_for_subscribers(1, std::chrono::seconds(10)), "they do not meet");
  const auto talk = [&](std::size_t bytes) {
    auto loan = publisher.loan(bytes);
    if (!loan) return false;
    for (auto& byte : loan->data()) byte = 7;
    expect(static_cast<bool>(loan->publish()), "what is on loan cannot be published");
    const auto sample = reader.take();
    expect(sample && sample.data().size() == bytes && sample.data().back() == 7, "what was published does not arrive");
    return true;
  };
  expect(talk(60'000), "there is room, and no loan");
  std::vector<baton::Publisher<Message>> hoard;
  while (true) {
    auto more = greedy.publisher<Message>("hoard/" + std::to_string(hoard.size()), {.history = 30});
    if (!more) {
      expect_no_space(more.error(), "the other domain");
      expect(more.error().message().find("in node 'other'") != std::string::npos,
             "it does not say who has it: " + more.error().message());
      break;
    }
    hoard.push_back(*std::move(more));
  }
  expect(!talk(200'000), "chunks were made of nothing");
  expect(talk(50'000), "a running pair does not go on");
  hoard.clear();
  expect(talk(200'000), "there is room again, and no loan");
}

/// What a container has at its defaults.
void run_rings(const std::string& directory) {
  baton::Options options;
  options.domain = "small";
  options.config = baton::Config::parse(config_for(directory), "crash.toml").value();
  baton::Node node = baton::Node::open("pair", std::move(options)).value();
  std::vector<baton::Publisher<bounded::Endless>> publishers;
  for (int i = 0; i < 4; ++i) {
    auto publisher = node.publisher<bounded::Endless>(std::to_string(i) + "/large", {.transport = "ring"});
    expect(publisher.has_value(), publisher ? "" : publisher.error().message());
    if (publisher) publishers.push_back(*std::move(publisher));
  }
  auto reader = node.subscriber<bounded::Endless>("0/large").value();
  expect(!publishers.empty() && publishers.front().loan(6'000'000).value().publish().delivered == 1, "it is not given");
  expect(static_cast<bool>(reader.take()), "it does not arrive");
  const auto refused =
      node.publisher<bounded::Endless>("5/large", {.transport = "ring", .capacity = std::uint64_t{128} << 20U});
  expect(!refused && refused.error().code() == baton::Errc::no_space, "more than there is was not refused");
}

}  // namespace

int full_memory_role(const Arguments& arguments) {
  const std::string& what = arguments.at(0);
  if (what == "rings") return on_own_mount("size=64M", run_rings);
  return on_own_mount("size=1M", what == "start" ? run_from_the_start : what == "beside" ? run_beside_another : run);
}

}  // namespace crash
