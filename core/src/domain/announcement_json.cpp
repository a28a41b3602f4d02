#include "domain/announcement_json.hpp"

#include <charconv>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base64.hpp"
#include "baton/names.hpp"
#include "domain/file_content.hpp"
#include "qos_ranges.hpp"
#include "quoted.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

using Json = nlohmann::json;

template <class Enum, std::size_t kCount>
std::optional<Enum> find(const std::array<Enum, kCount>& values, std::string_view name) noexcept {
  for (const Enum value : values) {
    if (to_string(value) == name) return value;
  }
  return std::nullopt;
}

std::string_view name_of(Reach reach) noexcept { return reach == Reach::process ? "process" : "machine"; }

// Reads an object's members; the first thing that is wrong is remembered, and then nothing else is looked at.
class Reader {
 public:
  explicit Reader(const Json& object) : object_(object) {}

  std::string text(const char* key) {
    const Json* const value = member(key);
    if (value == nullptr) return {};
    const auto* const string = value->get_ptr<const Json::string_t*>();
    if (string == nullptr) wrong(key, "is not a string");
    return string == nullptr ? std::string() : *string;
  }

  std::uint64_t number(const char* key, std::uint64_t most) {
    const Json* const value = member(key);
    if (value == nullptr) return 0;
    const auto* const number = value->get_ptr<const Json::number_unsigned_t*>();
    if (number == nullptr || *number > most) {
      wrong(key, fmt::format("is not a number from 0 to {}", most));
      return 0;
    }
    return *number;
  }

  std::uint32_t count(const char* key) {
    return static_cast<std::uint32_t>(number(key, std::numeric_limits<std::uint32_t>::max()));
  }

  std::chrono::nanoseconds duration(const char* key) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(number(key, std::numeric_limits<std::int64_t>::max())));
  }

  bool flag(const char* key) {
    const Json* const value = member(key);
    if (value == nullptr) return false;
    const auto* const flag = value->get_ptr<const Json::boolean_t*>();
    if (flag == nullptr) wrong(key, "is not true or false");
    return flag != nullptr && *flag;
  }

  // Hexadecimal digits, two for each byte.
  template <std::size_t kBytes>
  std::array<std::uint8_t, kBytes> hex(const char* key) {
    std::array<std::uint8_t, kBytes> bytes{};
    const std::string digits = text(key);
    bool valid = digits.size() == 2 * kBytes;
    for (std::size_t i = 0; valid && i < kBytes; ++i) {
      const char* const end = digits.data() + 2 * i + 2;
      valid = std::from_chars(digits.data() + 2 * i, end, bytes[i], 16).ptr == end;
    }
    if (!valid) wrong(key, fmt::format("is not {} hexadecimal digits", 2 * kBytes));
    return bytes;
  }

  std::string base64(const char* key) {
    auto bytes = from_base64(text(key));
    if (!bytes) wrong(key, "is not base64");
    return std::move(bytes).value_or(std::string());
  }

  template <class Enum, std::size_t kCount>
  Enum choice(const char* key, const std::array<Enum, kCount>& values) {
    const std::string name = text(key);
    const auto value = find(values, name);
    if (!value) wrong(key, fmt::format("is {}, which is unknown", v1::quoted(name)));
    return value.value_or(values.front());
  }

  void require(const char* key, const Result<void>& valid) {
    if (!valid) wrong(key, "is not valid: " + valid.error().message());
  }

  const Json* member(const char* key) {
    const auto found = object_.is_object() ? object_.find(key) : object_.end();
    if (!object_.is_object() || found == object_.end()) {
      wrong(key, "is missing");
      return nullptr;
    }
    return &*found;
  }

  void wrong(std::string_view key, std::string_view what) {
    if (problem_.empty()) problem_ = fmt::format("'{}' {}", key, what);
  }
  const std::string& problem() const noexcept { return problem_; }

 private:
  const Json& object_;
  std::string problem_;
};

Json qos_to_json(const Qos& qos) {
  return {{"depth", qos.depth},
          {"overflow", to_string(qos.overflow)},
          {"block_timeout_ns", static_cast<std::uint64_t>(qos.block_timeout.count())},
          {"history", qos.history},
          {"max_held", qos.max_held},
          {"max_loans", qos.max_loans},
          {"max_memory", qos.max_memory},
          {"capacity", qos.capacity},
          {"checksum", to_string(qos.checksum)},
          {"stamp", to_string(qos.stamp)},
          {"deadline_ns", static_cast<std::uint64_t>(qos.deadline.count())},
          {"lifespan_ns", static_cast<std::uint64_t>(qos.lifespan.count())},
          {"latched", qos.latched}};
}

Json asks_to_json(const QosAsks& asked) {
  return {{"overflow", asked.overflow},
          {"history", asked.history},
          {"deadline", asked.deadline},
          {"lifespan", asked.lifespan},
          {"latched", asked.latched}};
}

QosAsks read_asks(Reader& reader) {
  return {.overflow = reader.flag("overflow"),
          .history = reader.flag("history"),
          .deadline = reader.flag("deadline"),
          .lifespan = reader.flag("lifespan"),
          .latched = reader.flag("latched")};
}

// Everything but the transport, which the announcement itself has.
QosSettings read_qos(Reader& reader) {
  QosSettings settings;
  settings.depth = reader.count("depth");
  settings.overflow = reader.choice("overflow", kOverflows);
  settings.block_timeout = reader.duration("block_timeout_ns");
  settings.history = reader.count("history");
  settings.max_held = reader.count("max_held");
  settings.max_loans = reader.count("max_loans");
  settings.max_memory = reader.number("max_memory", std::numeric_limits<std::uint64_t>::max());
  settings.capacity = reader.number("capacity", std::numeric_limits<std::uint64_t>::max());
  settings.checksum = reader.choice("checksum", kChecksums);
  settings.stamp = reader.choice("stamp", kStamps);
  settings.deadline = reader.duration("deadline_ns");
  settings.lifespan = reader.duration("lifespan_ns");
  settings.latched = reader.flag("latched");
  return settings;
}

}  // namespace

std::string to_json(const PortAnnouncement& announcement) {
  const Json json{{"node", announcement.node},
                  {"process", fmt::format("{:016x}", announcement.process)},
                  {"topic", announcement.topic},
                  {"transport", announcement.transport},
                  {"transport_reason", announcement.transport_reason},
                  {"also_reached_by", announcement.also_reached_by},
                  {"reach", name_of(announcement.reach)},
                  {"type", announcement.type},
                  {"fingerprint", to_string(announcement.fingerprint)},
                  {"canonical", announcement.canonical},
                  {"qos", qos_to_json(announcement.qos)},
                  {"asked", asks_to_json(announcement.asked)},
                  {"generic", announcement.generic},
                  {"by_pattern", announcement.by_pattern},
                  {"description", to_base64(announcement.description)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<PortAnnouncement> announcement_from_json(std::string_view text, std::string_view file) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return damaged(file, "is not the JSON text of an announcement");
  Reader reader(json);
  PortAnnouncement announcement;
  announcement.node = reader.text("node");
  reader.require("node", check_node_name(announcement.node));
  for (const std::uint8_t byte : reader.hex<8>("process")) announcement.process = announcement.process << 8U | byte;
  announcement.topic = reader.text("topic");
  reader.require("topic", check_topic_name(announcement.topic));
  announcement.transport = reader.text("transport");
  announcement.transport_reason = reader.text("transport_reason");
  announcement.also_reached_by = reader.text("also_reached_by");
  const std::string reach = reader.text("reach");
  if (reach != name_of(Reach::process) && reach != name_of(Reach::machine)) reader.wrong("reach", "is unknown");
  announcement.reach = reach == name_of(Reach::process) ? Reach::process : Reach::machine;
  announcement.type = reader.text("type");
  announcement.fingerprint.bytes = reader.hex<16>("fingerprint");
  announcement.canonical = reader.text("canonical");
  announcement.generic = reader.flag("generic");
  announcement.by_pattern = reader.flag("by_pattern");
  announcement.description = reader.base64("description");
  const Json* const asked = reader.member("asked");
  const Json* const qos = reader.member("qos");
  if (!reader.problem().empty()) return damaged(file, reader.problem());

  Reader asked_reader(*asked);
  announcement.asked = read_asks(asked_reader);
  if (!asked_reader.problem().empty()) return damaged(file, "asked: " + asked_reader.problem());
  Reader qos_reader(*qos);
  QosSettings settings = read_qos(qos_reader);
  if (!qos_reader.problem().empty()) return damaged(file, "qos: " + qos_reader.problem());
  settings.transport = announcement.transport;
  auto resolved = resolve(settings, "qos");
  if (!resolved) return damaged(file, resolved.error().message());
  announcement.qos = *std::move(resolved);
  return announcement;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
