#include "place.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace crash {

namespace fs = std::filesystem;

bool over_ring() {
  const char* const transport = std::getenv("BATON_CRASH_TRANSPORT");
  return transport != nullptr && std::string_view(transport) == "ring";
}

baton::Node open_node(const std::string& domain, const std::string& name, bool keeper, const std::string& config) {
  baton::Options options;
  options.domain = domain;
  // Sweeps compare all that is shared after each step.
  constexpr auto kSmallRing = "\n[[topic]]\nmatch = \"**\"\ncapacity = \"64 KiB\"\n";
  const bool has_topics = config.find("[[topic]]") != std::string::npos;
  options.config = baton::Config::parse(config + (over_ring() && !has_topics ? kSmallRing : ""), "crash.toml").value();
  options.transports = {over_ring() ? baton::ring_transport() : baton::shm_transport()};
  options.keeper = keeper;
  return baton::Node::open(name, std::move(options)).value();
}

std::string domain_path(const std::string& domain, const std::string& parent) {
  return parent + "/baton-" + std::to_string(::geteuid()) + "/" + domain;
}

std::string unique_domain() {
  static std::atomic<int> next{0};
  return "crash-" + std::to_string(::getpid()) + "-" + std::to_string(next.fetch_add(1));
}

namespace {

/// The slot words, of which the lowest two bits say whether somebody has the slot, are in the third and fourth page.
std::uint64_t taken_slots(const fs::path& inbox) {
  std::ifstream file(inbox, std::ios::binary);
  file.seekg(8'192);
  std::array<std::uint64_t, 1'024> words{};
  file.read(reinterpret_cast<char*>(words.data()), sizeof(words));
  return static_cast<std::uint64_t>(
      std::count_if(words.begin(), words.end(), [](auto word) { return (word & 3U) != 0; }));
}

}  // namespace

std::map<std::string, std::uint64_t> files_of(const std::string& domain) {
  std::map<std::string, std::uint64_t> files;
  std::error_code error;  // whatever goes while it is looked at is not there
  const fs::path root = domain_path(domain);
  for (fs::recursive_directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory(error)) continue;
    const bool is_inbox = entry->path().filename().string().starts_with("inbox.");
    const std::uintmax_t size = !entry->is_regular_file(error) ? 0
                                : is_inbox                     ? taken_slots(entry->path())
                                                               : entry->file_size(error);
    if (!error) files.emplace(entry->path().lexically_relative(root), size);
    error.clear();
  }
  return files;
}

std::vector<std::string> find_files(const std::string& domain, const std::string& prefix) {
  std::vector<std::string> found;
  for (const auto& [path, bytes] : files_of(domain)) {
    if (fs::path(path).filename().string().starts_with(prefix)) found.push_back(domain_path(domain) + "/" + path);
  }
  return found;
}

bool is_gone(const std::string& domain) { return !fs::exists(fs::symlink_status(domain_path(domain))); }

std::uint64_t checksum_of(const Message& message) noexcept {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325U;  // FNV-1a
  const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 0x100'0000'01b3U; };
  mix(message.writer);
  mix(message.number);
  for (const std::uint8_t byte : message.body) mix(byte);
  return hash;
}

void fill(Message& message, std::uint32_t writer, std::uint64_t number) noexcept {
  message.writer = writer;
  message.number = number;
  message.body.clear();
  for (std::uint64_t i = 0; i < number % 49; ++i) message.body.push_back(static_cast<std::uint8_t>(number * 31 + i));
  message.checksum = checksum_of(message);
}

bool publish(Publisher& publisher, std::uint32_t writer, std::uint64_t number) noexcept {
  auto loan = publisher.loan();
  if (!loan) return false;
  fill(**loan, writer, number);
  return static_cast<bool>(loan->publish());
}

std::string Order::note(const Message& message) {
  const std::string name = "message " + std::to_string(message.number) + " of writer " + std::to_string(message.writer);
  if (message.body.size() > 48 || message.checksum != checksum_of(message)) return name + " is torn or overwritten";
  const auto [entry, first] = writers_.try_emplace(message.writer);
  Writer& writer = entry->second;
  if (!first && message.number < writer.next) return name + " came after " + std::to_string(writer.next - 1);
  if (!first) writer.missing += message.number - writer.next;
  writer.next = message.number + 1;
  ++writer.count;
  return {};
}

std::uint64_t Order::count(std::uint32_t writer) const {
  const auto entry = writers_.find(writer);
  return entry == writers_.end() ? 0 : entry->second.count;
}
std::uint64_t Order::next(std::uint32_t writer) const {
  const auto entry = writers_.find(writer);
  return entry == writers_.end() ? 0 : entry->second.next;
}
std::uint64_t Order::missing(std::uint32_t writer) const {
  const auto entry = writers_.find(writer);
  return entry == writers_.end() ? 0 : entry->second.missing;
}

bool is_balanced(const baton::ConnectionCounters& figures) noexcept {
  return figures.offered == figures.taken + figures.queued + figures.dropped() + figures.undelivered;
}

}  // namespace crash
