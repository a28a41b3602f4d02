#pragma once

// Messages of the layout `table`: FlatBuffers, built in place in the loaned chunk. Generated headers of such types
// include this; it is the only header of baton that includes FlatBuffers.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include <flatbuffers/flatbuffers.h>

#include "baton/json.hpp"
#include "baton/key.hpp"
#include "baton/publisher.hpp"
#include "baton/type_description.hpp"
#include "baton/validate.hpp"

namespace baton {
inline namespace v1 {
namespace table {

/// The most bytes that a FlatBuffer can have: its offsets are signed and have 32 bits.
inline constexpr std::size_t kMaxBytes = (std::size_t{1} << 31U) - 64;

/// What the verifier goes into. The IDL allows 64 levels of structs, and sequences of sequences are tables too. It
/// counts tables, and not the elements of vectors: a writer who lets many tables share a long vector can keep it for
/// long. Processes of a domain trust each other not to: these limits are for what went wrong, not against malice.
inline constexpr flatbuffers::uoffset_t kMaxDepth = 256;
inline constexpr std::size_t kFewTables = 1'000'000;

/// The table that ends at the end of a chunk, or null if what is there is none: checked so that every read through the
/// accessors stays inside, as long as nobody writes there meanwhile. Source: FlatBuffers' verifier.
template <class T>
const T* open(const std::byte* payload, std::size_t capacity, std::size_t bytes) noexcept {
  if (bytes > capacity || bytes % sizeof(flatbuffers::uoffset_t) != 0 || bytes > kMaxBytes) return nullptr;
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(payload + capacity - bytes);
  // A table takes 8 bytes at least, with the reference to it, and honest writers let few references share one.
  const auto most = static_cast<flatbuffers::uoffset_t>(std::max<std::size_t>(kFewTables, bytes / 8));
  flatbuffers::Verifier verifier(begin, bytes, kMaxDepth, most);
  return verifier.VerifyBuffer<T>(nullptr) ? flatbuffers::GetRoot<T>(begin) : nullptr;
}

/// What a key is made of, where the table has no plain value: a copy, empty or zero if the member is absent.
inline std::string key_part(const flatbuffers::String* text) { return text == nullptr ? std::string() : text->str(); }
template <class T>
auto key_part(const T* value) {
  const T copy = value == nullptr ? T{} : *value;
  if constexpr (Keyed<T>) {
    return key_of(copy);
  } else {
    return copy;
  }
}

/// What is known of a type of table, read once.
template <TableMessage T>
const TypeDescription& description_of() {
  static const TypeDescription description = TypeDescription::of<T>().value();
  return description;
}

/// For generated code: whether two tables have the same members with the same values. What is absent and has a default
/// is equal to the default. Compares texts: for tests and tools.
template <TableMessage T>
bool equal(const T& a, const T& b) {
  return detail::table_text(description_of<T>(), &a) == detail::table_text(description_of<T>(), &b);
}

/// Gives a builder the memory of a loaned chunk. A builder fills its memory from the end, so a table ends where its
/// chunk ends. When it needs more, the loan moves to a larger chunk; where the port has none, to the heap, for a
/// builder cannot be told no.
class ChunkAllocator final : public flatbuffers::Allocator {
 public:
  ChunkAllocator(PublisherPort& port, Chunk chunk) noexcept : port_(&port), chunk_(chunk) {}
  ~ChunkAllocator() override = default;
  ChunkAllocator(const ChunkAllocator&) = delete;
  ChunkAllocator& operator=(const ChunkAllocator&) = delete;

  PublisherPort& port() const noexcept { return *port_; }
  Chunk chunk() const noexcept { return chunk_; }

  /// Moves a table that was built on the heap into a chunk. `ok` if it is in one.
  LoanStatus settle(const std::uint8_t* begin, std::size_t bytes) noexcept {
    if (heap_ == nullptr) return LoanStatus::ok;
    const Chunk larger = port_->exchange(chunk_, bytes, 0, 0);
    if (!larger) return larger.reason<LoanStatus>();
    chunk_ = larger;
    std::memcpy(larger.payload + port_->capacity(larger) - bytes, begin, bytes);
    heap_.reset();
    return LoanStatus::ok;
  }

  /// More than the chunk has if the very first part of the message does not fit.
  std::uint8_t* allocate(std::size_t bytes) override {
    return bytes <= port_->capacity(chunk_) ? place(bytes) : move(place(0), 0, bytes, 0, 0);
  }

  /// Only at the end of the builder: the loan keeps the chunk.
  void deallocate(std::uint8_t*, std::size_t) override {}

  std::uint8_t* reallocate_downward(std::uint8_t* old, std::size_t old_bytes, std::size_t bytes, std::size_t back,
                                    std::size_t front) override {
    return move(old, old_bytes, bytes, back, front);
  }

 private:
  std::uint8_t* move(const std::uint8_t* old, std::size_t old_bytes, std::size_t bytes, std::size_t back,
                     std::size_t front) {
    if (bytes > kMaxBytes) throw std::bad_alloc();
    if (heap_ == nullptr) {
      const auto before = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(old) - chunk_.payload);
      if (const Chunk larger = port_->exchange(chunk_, bytes, before + front, back)) {
        chunk_ = larger;
        std::uint8_t* const begin = place(bytes);
        std::memmove(begin, chunk_.payload + before, front);
        return begin;
      }
    }
    auto heap = std::make_unique<std::uint8_t[]>(bytes);
    std::memcpy(heap.get(), old, front);
    std::memcpy(heap.get() + bytes - back, old + old_bytes - back, back);
    heap_ = std::move(heap);
    return heap_.get();
  }

  /// The last bytes of the chunk.
  std::uint8_t* place(std::size_t bytes) const noexcept {
    return reinterpret_cast<std::uint8_t*>(chunk_.payload + port_->capacity(chunk_) - bytes);
  }

  PublisherPort* port_;
  Chunk chunk_;
  std::unique_ptr<std::uint8_t[]> heap_;  // where the port has no larger chunk
};

}  // namespace table

/// As `validate` of other messages: ranges, bounds, numbers of elements, values of enums, tags, in it and in all that
/// it contains. `take` has verified already that it can be read.
template <TableMessage T>
[[nodiscard]] std::optional<ValidationError> validate(const T& value) {
  return detail::validate_table(table::description_of<T>(), &value);
}

/// What generated code derives the fmt::formatter of a table from: it prints JSON.
template <TableMessage T>
struct TableFormatter {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  fmt::appender format(const T& value, fmt::format_context& context) const {
    return fmt::format_to(context.out(), "{}", detail::table_text(table::description_of<T>(), &value));
  }
};

/// A chunk in which a table is being built: create its parts with `builder()`, hand the root to `finish`, `publish`.
/// Destroying the loan discards it.
///
/// A loan stays on its publisher's thread. It may outlive the publisher object: the topic's port stays open until the
/// last loan has ended. Each takes one small allocation for its builder.
template <TableMessage T>
class [[nodiscard]] Loan<T> {
 public:
  Loan(Loan&& other) noexcept = default;
  Loan& operator=(Loan&& other) noexcept {
    discard();
    state_ = std::move(other.state_);
    return *this;
  }
  ~Loan() { discard(); }

  /// False once published, discarded or moved from.
  explicit operator bool() const noexcept { return state_ != nullptr; }

  /// Only while the loan is not empty.
  flatbuffers::FlatBufferBuilder& builder() noexcept { return state_->builder; }

  /// Ends the building: `root` is the message.
  void finish(flatbuffers::Offset<T> root) {
    state_->builder.Finish(root);
    state_->finished = true;
  }

  /// The message as it will be read, or null before `finish`.
  const T* get() const noexcept {
    return state_ != nullptr && state_->finished ? flatbuffers::GetRoot<T>(state_->builder.GetBufferPointer())
                                                 : nullptr;
  }

  /// Hands the message over to every connected subscriber. The loan is empty afterwards, unless the result is
  /// `rejected`, `not_finished`, or says that the port has no chunk of the size that the message has come to: then
  /// nobody got it, and it can be published again. `needed()` and `explain()` say more.
  PublishResult publish() noexcept {
    if (state_ == nullptr) return {PublishStatus::no_loan};
    if (!state_->finished) return {PublishStatus::not_finished};
    const std::size_t bytes = state_->builder.GetSize();
    table::ChunkAllocator& allocator = state_->allocator;
    if (const LoanStatus status = detail::is_too_large<T>(bytes)
                                      ? LoanStatus::too_large
                                      : allocator.settle(state_->builder.GetBufferPointer(), bytes);
        status != LoanStatus::ok) {
      state_->refused = status;
      return {detail::not_published(status)};
    }
    const PublishResult result = allocator.port().publish(allocator.chunk(), bytes);
    if (result.status != PublishStatus::rejected) state_.reset();
    return result;
  }

  /// How many bytes the message takes; 0 in an empty loan.
  std::size_t needed() const noexcept { return state_ == nullptr ? 0 : state_->builder.GetSize(); }

  /// Why `publish` found no chunk for the message: with its size, and what to do.
  Error explain() const { return state_->allocator.port().explain(state_->refused, needed()); }

  /// Gives the chunk back unpublished.
  void discard() noexcept {
    if (state_ == nullptr) return;
    state_->allocator.port().discard(state_->allocator.chunk());
    state_.reset();
  }

 private:
  friend class Publisher<T>;

  struct State {
    State(PublisherPort& port, Chunk chunk, std::size_t capacity)
        : allocator(port, chunk), builder(capacity, &allocator, false, 64) {}

    table::ChunkAllocator allocator;
    flatbuffers::FlatBufferBuilder builder;
    bool finished = false;
    LoanStatus refused = LoanStatus::ok;
  };

  explicit Loan(State* state) noexcept : state_(state) {}

  static Result<Loan<T>> make(PublisherPort& port, Chunk chunk) noexcept {
    auto* const state = new (std::nothrow) State(port, chunk, port.capacity(chunk));
    if (state != nullptr) return Loan<T>(state);
    port.discard(chunk);
    return fail(Errc::no_space, port.announcement().topic, "no memory for a table's builder", "");
  }

  std::unique_ptr<State> state_;
};

}  // namespace v1
}  // namespace baton
