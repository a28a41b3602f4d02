#include <cstring>

#include <fmt/format.h>

#include "baton/generic.hpp"
#include "baton/publisher.hpp"
#include "description/table_view.hpp"

namespace baton {
inline namespace v1 {
namespace {

/// Why a message cannot be one of the type; empty if it can. Of what a table has in it, only where it leads is judged.
std::string misfit(const TypeDescription& type, std::span<const std::byte> message) {
  const TypeInfo& info = type.info();
  switch (info.layout) {
    case Layout::raw: {
      if (message.size() < info.elements_offset) return fmt::format("{} bytes are too few for it", message.size());
      const std::uint64_t count = description::load_count(message.data(), info.size);
      const std::uint64_t bytes = message.size() - info.elements_offset;
      if (bytes % info.element_size == 0 && bytes / info.element_size == count) return {};
      return fmt::format("it says that it has {} elements of {} bytes, and has {} bytes of them", count,
                         info.element_size, bytes);
    }
    case Layout::table:
      if (message.size() % 4 != 0) return fmt::format("{} bytes are no multiple of 4", message.size());
      if (const auto finding = description::check_structure(type.model().root(), message)) {
        return finding->path.empty() ? finding->reason : fmt::format("{}: {}", finding->path, finding->reason);
      }
      return {};
    default:
      if (message.size() == info.size) return {};
      return fmt::format("it has {} bytes, and the type {}", message.size(), info.size);
  }
}

}  // namespace

GenericLoan& GenericLoan::operator=(GenericLoan&& other) noexcept {
  GenericLoan moved(std::move(other));
  std::swap(port_, moved.port_);
  std::swap(chunk_, moved.chunk_);
  std::swap(bytes_, moved.bytes_);
  return *this;
}

PublishResult GenericLoan::publish() noexcept {
  if (port_ == nullptr) return {PublishStatus::no_loan};
  const PublishResult result = port_->publish(chunk_, bytes_.size());
  if (result.status != PublishStatus::rejected) {
    port_ = nullptr;
    bytes_ = {};
  }
  return result;
}

void GenericLoan::discard() noexcept {
  if (port_ == nullptr) return;
  std::exchange(port_, nullptr)->discard(chunk_);
  bytes_ = {};
}

Result<GenericLoan> GenericPublisher::loan(std::size_t bytes) {
  const Layout layout = description_.layout();
  if (layout == Layout::fixed && bytes != description_.info().size) {
    return fail(
        Errc::invalid_argument, fmt::format("topic '{}'", topic()),
        fmt::format("a message of type {} has {} bytes, not {}", description_.name(), description_.info().size, bytes),
        "");
  }
  if (layout == Layout::raw && bytes < description_.info().elements_offset) {
    return fail(Errc::invalid_argument, fmt::format("topic '{}'", topic()),
                fmt::format("{} bytes are too few for a message of type {}", bytes, description_.name()),
                fmt::format("its elements begin at byte {}", description_.info().elements_offset));
  }
  const Chunk chunk = port_->loan(bytes);
  if (!chunk) return fail(port_->explain(chunk.reason<LoanStatus>(), bytes));
  // A table ends where its chunk ends.
  std::byte* const begin = layout == Layout::table ? chunk.payload + port_->capacity(chunk) - bytes : chunk.payload;
  return GenericLoan(port_.get(), chunk, {begin, bytes});
}

Result<PublishResult> GenericPublisher::publish(std::span<const std::byte> message) {
  if (const std::string problem = misfit(description_, message); !problem.empty()) {
    return fail(Errc::invalid_argument, fmt::format("topic '{}'", topic()),
                fmt::format("this is no message of type {}: {}", description_.name(), problem), "");
  }
  auto loaned = loan(message.size());
  if (!loaned) return fail(std::move(loaned).error());
  std::memcpy(loaned->bytes().data(), message.data(), message.size());
  return loaned->publish();
}

Result<PublishResult> GenericPublisher::publish_json(std::string_view text) {
  const auto message = from_json(description_, text);
  if (!message) return fail(message.error());
  return publish(*message);
}

}  // namespace v1
}  // namespace baton
