// The head that every shared file begins with: how it is filled in, and how it is checked.
#include <unistd.h>

#include <fcntl.h>

#include <cstring>

#include <fmt/format.h>

#include "baton/domain/member.hpp"
#include "domain/file_content.hpp"
#include "domain/fnv1a.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

constexpr std::array<char, 8> kMagic{'b', 'a', 't', 'o', 'n', '\0', '\r', '\n'};

std::array<std::uint8_t, 16> read_boot_id() {
  std::array<std::uint8_t, 16> id{};
  auto file = posix::FileDescriptor::open("/proc/sys/kernel/random/boot_id", O_RDONLY);
  std::array<char, 36> text{};
  if (!file || ::read(file->get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return id;
  std::size_t digits = 0;
  for (const char c : text) {
    const bool is_letter = c >= 'a' && c <= 'f';
    if (!is_letter && !(c >= '0' && c <= '9')) continue;
    if (digits == 32) break;
    const auto value = static_cast<unsigned>(is_letter ? c - 'a' + 10 : c - '0');
    id[digits / 2] = static_cast<std::uint8_t>(id[digits / 2] * 16U + value);
    ++digits;
  }
  return id;
}

/// Zero where /proc does not say; such processes only agree with their like.
const std::array<std::uint8_t, 16>& boot_id() {
  static const std::array<std::uint8_t, 16> id = read_boot_id();
  return id;
}

std::string_view kind_name(FileKind kind) noexcept {
  switch (kind) {
    case FileKind::registry: return "a registry";
    case FileKind::node: return "a node's file";
    case FileKind::publisher: return "a publisher's announcement";
    case FileKind::subscriber: return "a subscriber's announcement";
    case FileKind::segment: return "a segment";
    case FileKind::inbox: return "an inbox";
    case FileKind::ring: return "a ring of last messages";
    case FileKind::records: return "a ring of records";
  }
  return "a file of an unknown kind";
}

}  // namespace

std::uint64_t fold_layout(std::uint64_t fingerprint, std::span<const std::uint64_t> facts) noexcept {
  for (const std::uint64_t fact : facts) fingerprint = fnv1a(fingerprint, fact);
  return fingerprint;
}

std::uint64_t layout_fingerprint() noexcept {
  constexpr std::array<std::uint64_t, 25> kFacts{kMaxNodes,
                                                 kBuckets,
                                                 kPageBytes,
                                                 kNodeBells,
                                                 sizeof(FileHead),
                                                 sizeof(NodeSlot),
                                                 offsetof(NodeSlot, died),
                                                 offsetof(NodeSlot, shared_bytes),
                                                 sizeof(Registry),
                                                 offsetof(Registry, node_epoch),
                                                 offsetof(Registry, epochs),
                                                 offsetof(Registry, nodes),
                                                 offsetof(Registry, interested),
                                                 sizeof(Bell),
                                                 offsetof(Bell, semaphore),
                                                 sizeof(NodeFile),
                                                 offsetof(NodeFile, heartbeat_interval_ns),
                                                 offsetof(NodeFile, heartbeat),
                                                 offsetof(NodeFile, bells),
                                                 sizeof(PortFile),
                                                 offsetof(PortHead, announcement_bytes),
                                                 offsetof(PortFile, publisher),
                                                 sizeof(PublisherFigures),
                                                 offsetof(PortFile, subscriber),
                                                 kLatencyBuckets};
  static const std::uint64_t fingerprint = fold_layout(kFnv1aStart, kFacts);
  return fingerprint;
}

FileHead make_head(FileKind kind, const PortRef& owner, std::uint32_t number, std::uint64_t file_bytes,
                   std::uint64_t layout) {
  FileHead head{};
  head.magic = kMagic;
  head.version = kFormatVersion;
  head.kind = kind;
  head.layout = layout;
  head.file_bytes = file_bytes;
  head.boot = boot_id();
  head.node_generation = owner.node.generation;
  head.node_slot = owner.node.slot;
  head.port = owner.port;
  head.number = number;
  head.owner_pid = static_cast<std::uint32_t>(::getpid());
  return head;
}

Result<void> check_head(const FileHead& head, FileKind kind, const PortRef& owner, std::uint32_t number,
                        std::uint64_t file_bytes, std::string_view file, std::uint64_t layout) {
  if (head.magic != kMagic) return damaged(file, "is not a file of baton's");
  if (head.version != kFormatVersion) {
    return fail(Errc::incompatible, file,
                fmt::format("has format version {}, and this program has {}", head.version, kFormatVersion),
                "build all programs of the domain with one version of baton, or give them domains of their own");
  }
  if (head.layout != layout) {
    return fail(Errc::incompatible, file,
                fmt::format("has format version {} with the layout {:016x}, and this program has {} with {:016x}",
                            head.version, head.layout, kFormatVersion, layout),
                "build all programs of the domain with one version of baton, or give them domains of their own");
  }
  if (head.boot != boot_id()) return damaged(file, "is from before the machine was started");
  if (head.kind != kind) return damaged(file, fmt::format("is {}, expected {}", kind_name(head.kind), kind_name(kind)));
  if (head.node_slot != owner.node.slot || head.node_generation != owner.node.generation || head.port != owner.port) {
    return damaged(
        file, fmt::format("belongs to port {} of node {}.{}, expected port {} of node {}.{}", head.port, head.node_slot,
                          head.node_generation, owner.port, owner.node.slot, owner.node.generation));
  }
  if (head.number != number) return damaged(file, fmt::format("has the number {}, expected {}", head.number, number));
  if (head.file_bytes != file_bytes) {
    return damaged(file, fmt::format("says it has {} bytes, expected {}", head.file_bytes, file_bytes));
  }
  return {};
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
