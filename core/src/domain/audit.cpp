// Whether the files of a domain are in order: each belongs to a node that is there, and says what it should.
#include <chrono>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "domain/file_names.hpp"
#include "domain/membership.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

/// How long a node that is just leaving, or a reaper, may take to remove a file.
constexpr std::chrono::seconds kRemovalPatience{2};

bool goes_soon(Member& member, std::uint32_t bucket, const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + kRemovalPatience;
  while (member.has(bucket, name)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// Whether a latched publisher has left it that had announced itself so, and may.
bool stays(Member& member, std::uint32_t bucket, const std::string& name) {
  const auto port = latched_port_in(name);
  return port && member.has(bucket, latched_name(*port));
}

}  // namespace

std::vector<std::string> Member::audit() {
  std::vector<std::string> findings;
  for (std::uint32_t bucket = 0; bucket < kBuckets && !forked(); ++bucket) {
    if (!has_directory(bucket)) continue;
    auto names = list(bucket, "");
    auto of_readers = list(bucket, std::string(kReadersName) + "/");
    if (!names || !of_readers) {
      findings.push_back((names ? of_readers : names).error().message());
      continue;
    }
    std::erase(*names, kReadersName);
    names->insert(names->end(), of_readers->begin(), of_readers->end());
    const auto find = [&](const std::string& name, std::string_view what) {
      findings.push_back(fmt::format("domain '{}', file {}/{}: {}", domain(), bucket_name(bucket), name, what));
    };
    for (const std::string& name : *names) {
      const auto owner = owner_of(name);
      if (!owner) {
        find(name, "is nobody's");
      } else if (check(*owner) == Health::gone && !stays(*this, bucket, name) && !goes_soon(*this, bucket, name)) {
        find(name, fmt::format("is left of node {}.{}, which is gone", owner->slot, owner->generation));
      }
    }
    using Kind = BucketView::Kind;
    for (const Kind kind :
         {Kind{PortRole::publisher, false}, Kind{PortRole::subscriber, false}, Kind{PortRole::publisher, true}}) {
      auto ports = state_->bucket_view(bucket).all(*this, bucket, kind);
      if (!ports) continue;  // being changed
      for (const auto& port : *ports) {
        if (!port->content && port->content.error().os_errno() == 0) find(port->file, port->content.error().message());
      }
    }
  }
  return findings;
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
