#include "domain/account.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "domain/membership.hpp"
#include "domain/roster.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

constexpr std::size_t kNamed = 5;  // in an error; of the rest their number is said

void sort_by_size(std::vector<MemoryUse::Part>& parts) {
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
}

std::string list(std::string_view what, std::vector<MemoryUse::Part> parts) {
  if (parts.empty()) return {};
  sort_by_size(parts);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < std::min(parts.size(), kNamed); ++i) {
    texts.push_back(fmt::format("{} bytes {}", parts[i].bytes, parts[i].name));
  }
  if (parts.size() > kNamed) texts.push_back(fmt::format("the rest {} more", parts.size() - kNamed));
  return fmt::format("; {} {}", what, fmt::join(texts, ", "));
}

}  // namespace

Result<void> Account::take(std::string_view topic, std::uint64_t bytes) {
  const std::string where = topic.empty() ? fmt::format("node '{}'", node_) : fmt::format("topic '{}'", topic);
  const auto refuse = [&](std::uint64_t limit, const std::string& origin, std::uint64_t before, std::string_view whose,
                          const std::string& who) {
    return fail(Errc::no_space, where,
                fmt::format("{} bytes more were asked for, and {} is {} bytes, of which {} has {}{}", bytes, origin,
                            limit, whose, before, who),
                "raise the limit, or make the messages, depths or counts smaller");
  };
  // relaxed: a figure. Counted first: see the class
  const std::uint64_t before = own_bytes().fetch_add(bytes, std::memory_order_relaxed);
  const auto take_back = [&] { own_bytes().fetch_sub(bytes, std::memory_order_relaxed); };
  if (before > settings_.max_node || bytes > settings_.max_node - before) {
    take_back();
    return refuse(settings_.max_node, settings_.max_node_origin, before, fmt::format("node '{}'", node_),
                  largest_topics());
  }
  if (settings_.max_domain != MemorySettings::kUnlimited) {
    const std::uint64_t after = registration_.domain_bytes();
    if (after > settings_.max_domain) {
      take_back();
      return refuse(settings_.max_domain, settings_.max_domain_origin, after - bytes, "the domain", largest_nodes());
    }
  }
  try {
    const std::lock_guard lock(mutex_);
    topics_.try_emplace(std::string(topic), 0).first->second += bytes;
  } catch (const std::bad_alloc&) {
    take_back();
    throw;
  }
  return {};
}

void Account::give_back(std::string_view topic, std::uint64_t bytes) noexcept {
  own_bytes().fetch_sub(bytes, std::memory_order_relaxed);  // a figure
  const std::lock_guard lock(mutex_);
  const auto entry = topics_.find(topic);
  if (entry != topics_.end() && (entry->second -= bytes) == 0) topics_.erase(entry);
}

std::string Account::largest_topics() const {
  std::vector<MemoryUse::Part> parts;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [topic, bytes] : topics_) {
      if (!topic.empty()) parts.push_back({fmt::format("for topic '{}'", topic), bytes});
    }
  }
  return list("it has", std::move(parts));
}

std::string Account::largest_nodes() const {
  // The names of the largest only: there may be a thousand.
  const auto bytes_of = [&](const NodeId& node) {
    return registration_.slot(node.slot).shared_bytes.load(std::memory_order_relaxed);  // a figure
  };
  std::vector<NodeId> nodes = registration_.others();
  nodes.push_back(registration_.id());
  std::stable_sort(nodes.begin(), nodes.end(),
                   [&](const NodeId& a, const NodeId& b) { return bytes_of(a) > bytes_of(b); });
  std::vector<MemoryUse::Part> parts;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const bool own = nodes[i] == registration_.id();
    auto name = own          ? std::optional(node_)
                : i < kNamed ? name_of(registration_.directory(), nodes[i])
                             : std::optional<std::string>("");
    if (name) parts.push_back({fmt::format("in node '{}'", *name), bytes_of(nodes[i])});
  }
  return list("there are", std::move(parts));
}

MemoryUse Account::use() const {
  MemoryUse use;
  use.node = own_bytes().load(std::memory_order_relaxed);
  use.domain = registration_.domain_bytes();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [topic, bytes] : topics_) {
      if (!topic.empty()) use.topics.push_back({topic, bytes});
    }
  }
  use.nodes.push_back({node_, use.node});
  for (const NodeId& node : registration_.others()) {
    auto name = name_of(registration_.directory(), node);
    if (!name) continue;  // gone meanwhile
    use.nodes.push_back({*std::move(name), registration_.slot(node.slot).shared_bytes.load(std::memory_order_relaxed)});
  }
  sort_by_size(use.topics);
  sort_by_size(use.nodes);
  return use;
}

// What members do with it.

MemoryShare::MemoryShare(std::shared_ptr<Member> member, std::string topic, std::uint64_t bytes) noexcept
    : member_(std::move(member)), topic_(std::move(topic)), bytes_(bytes) {}

MemoryShare::~MemoryShare() {
  if (!member_->forked()) member_->state_->account().give_back(topic_, bytes_);
}

const MemorySettings& Member::memory_settings() const noexcept { return state_->request().settings.memory; }

posix::MapOptions Member::map_options(posix::Pages pages) const noexcept {
  const MemorySettings& settings = memory_settings();
  return {.populate = settings.prefault, .pages = settings.huge_pages ? pages : posix::Pages::small};
}

Result<std::shared_ptr<const MemoryShare>> Member::reserve(std::string_view topic, std::uint64_t bytes) {
  bytes = whole_pages(bytes);
  auto share = std::make_shared<MemoryShare>(shared_from_this(), std::string(topic), 0);  // before it is counted
  if (auto taken = state_->account().take(topic, bytes); !taken) return fail(std::move(taken).error());
  share->bytes_ = bytes;
  return share;
}

/// A file system that is full says how full it is; this, by whom.
tl::unexpected<Error> Member::explain_full(Error error) const {
  if (error.os_errno() != ENOSPC && error.os_errno() != EFBIG) return fail(std::move(error));
  return fail(Errc::no_space, fmt::format("domain '{}'", domain()),
              fmt::format("{}{}", error.message(), state_->account().largest_nodes()), "", error.os_errno());
}

Result<Member::NewFile> Member::create(std::uint32_t bucket, std::string_view topic, std::uint64_t bytes,
                                       posix::Pages pages) {
  auto place = directory(bucket);
  if (!place) return fail(std::move(place).error());
  if (bytes > INT64_MAX) return fail(posix::SharedMemory::create(**place, bytes).error());  // counts for nothing
  auto share = reserve(topic, bytes);
  if (!share) return fail(std::move(share).error());
  if (!memory_settings().huge_pages) pages = posix::Pages::small;
  auto memory = posix::SharedMemory::create(**place, bytes, pages);
  if (!memory) {
    share->reset();  // what could not be made is not to be named among what there is
    return explain_full(std::move(memory).error());
  }
  return NewFile{*std::move(memory), *std::move(share)};
}

Result<Member::NewFile> Member::create_sparse(std::uint32_t bucket, std::string_view topic, std::uint64_t bytes,
                                              std::uint64_t reserved) {
  auto place = directory(bucket);
  if (!place) return fail(std::move(place).error());
  auto memory = posix::SharedMemory::create_unreserved(**place, bytes);
  if (!memory) return explain_full(std::move(memory).error());
  auto share = reserve_more(*memory, topic, 0, reserved);
  if (!share) return fail(std::move(share).error());
  return NewFile{*std::move(memory), *std::move(share)};
}

Result<std::shared_ptr<const MemoryShare>> Member::reserve_more(const posix::SharedMemory& memory,
                                                                std::string_view topic, std::uint64_t offset,
                                                                std::uint64_t bytes) {
  auto share = reserve(topic, bytes);
  if (!share) return share;
  if (auto reserved = memory.reserve(offset, bytes); !reserved) {
    share->reset();  // what could not be had is not to be named among what there is
    return explain_full(std::move(reserved).error());
  }
  return share;
}

Result<std::shared_ptr<const MemoryShare>> Member::grow(posix::SharedMemory& memory, std::string_view topic,
                                                        std::uint64_t bytes) {
  auto share = reserve(topic, whole_pages(bytes) - whole_pages(memory.bytes()));
  if (!share) return share;
  if (auto grown = memory.grow(bytes); !grown) {
    share->reset();
    return explain_full(std::move(grown).error());
  }
  return share;
}

MemoryUse Member::memory_use() { return forked() ? MemoryUse() : state_->account().use(); }

}  // namespace domain
}  // namespace v1
}  // namespace baton
