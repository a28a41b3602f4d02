// Reads FlatBuffers by vtable id, with nothing taken for granted: each offset is checked where it is followed, and read
// once, so that neither garbage nor a writer that is still at work leads outside.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "baton/validate.hpp"
#include "description/memory.hpp"
#include "description/model.hpp"

namespace baton {
inline namespace v1 {
namespace description {

/// How a table holds a member, or a vector an element.
enum class Holding : std::uint8_t {
  scalar,   ///< in place
  inlined,  ///< in place, as in the layout fixed
  string,
  vector,
  table,
  wrapper,  ///< an element that is a vector: a table whose field 0 is it
};

/// Bounded strings and sequences that stand in a table by themselves are strings and vectors as those without a bound
/// are; inside of structs and arrays of fixed size they lie as there.
inline Holding held_in_table(const Shape& shape) noexcept {
  if (is_scalar(shape)) return Holding::scalar;
  switch (shape.form) {
    case Form::string: return Holding::string;
    case Form::sequence: return Holding::vector;
    case Form::array: return shape.fixed ? Holding::inlined : Holding::vector;
    default: return shape.fixed ? Holding::inlined : Holding::table;
  }
}
inline Holding held_in_vector(const Shape& shape) noexcept {
  const Holding holding = held_in_table(shape);
  return holding == Holding::vector ? Holding::wrapper : holding;
}
inline bool is_in_place(Holding holding) noexcept { return holding == Holding::scalar || holding == Holding::inlined; }

/// A place in a buffer, in bytes from its beginning.
using Place = std::uint32_t;

/// Elements that lie in the buffer, all of them.
struct VectorView {
  Place begin = 0;
  std::uint32_t count = 0;
};

/// Where a message of a table's type leads outside, or has another number of elements than an array. What is in it is
/// not judged.
std::optional<ValidationError> check_structure(const Type& table, std::span<const std::byte> message);

class TableBuffer {
 public:
  /// Of more than 2 GiB it sees nothing.
  explicit TableBuffer(std::span<const std::byte> bytes) noexcept
      : bytes_(bytes.size() <= (std::size_t{1} << 31U) ? bytes : std::span<const std::byte>()) {}

  /// Sees as far from a table as FlatBuffers' offsets go. For one that was verified, or built here: its accessors trust
  /// it as much.
  static TableBuffer around(const void* table) noexcept {
    const auto begin = reinterpret_cast<std::uintptr_t>(table) - kAroundTable;
    return TableBuffer({reinterpret_cast<const std::byte*>(begin), std::size_t{2} * kAroundTable});
  }
  static constexpr Place kAroundTable = Place{1} << 30U;  ///< where that table is then

  const std::byte* at(Place place) const noexcept { return bytes_.data() + place; }

  std::optional<Place> root() const noexcept { return follow(0); }

  /// Where an offset leads; nothing if it is outside, or the place to which it leads is.
  std::optional<Place> follow(std::uint64_t place) const noexcept {
    if (!has(place, 4)) return std::nullopt;
    const std::uint64_t target = place + load_as<std::uint32_t>(bytes_.data() + place);
    if (target == place || !has(target, 4)) return std::nullopt;
    return static_cast<Place>(target);
  }

  /// Of a table's field. `sound` becomes false if the table is none, or the field lies outside.
  std::optional<Place> field(Place table, std::uint16_t id, std::uint64_t size, bool& sound) const noexcept {
    sound = false;
    if (!has(table, 4)) return std::nullopt;
    const std::int64_t vtable = std::int64_t{table} - load_as<std::int32_t>(at(table));
    if (vtable < 0 || !has(static_cast<std::uint64_t>(vtable), 4)) return std::nullopt;
    const auto start = static_cast<std::uint64_t>(vtable);
    const auto vtable_bytes = load_as<std::uint16_t>(bytes_.data() + start);
    const auto table_bytes = load_as<std::uint16_t>(bytes_.data() + start + 2);
    if (vtable_bytes < 4 || !has(start, vtable_bytes) || !has(table, table_bytes)) return std::nullopt;
    sound = true;
    const std::uint32_t entry = 4 + 2U * id;
    if (entry + 2 > vtable_bytes) return std::nullopt;
    const auto offset = load_as<std::uint16_t>(bytes_.data() + start + entry);
    if (offset == 0) return std::nullopt;
    sound = offset >= 4 && offset + size <= table_bytes;
    return sound ? std::optional<Place>(table + offset) : std::nullopt;
  }

  /// At the place that an offset has led to.
  std::optional<VectorView> vector(Place place, std::uint64_t element_bytes) const noexcept {
    if (!has(place, 4)) return std::nullopt;
    const auto count = load_as<std::uint32_t>(at(place));
    if (!has(std::uint64_t{place} + 4, count * element_bytes)) return std::nullopt;
    return VectorView{place + 4, count};
  }

 private:
  bool has(std::uint64_t place, std::uint64_t size) const noexcept {
    return place <= bytes_.size() && size <= bytes_.size() - place;
  }

  std::span<const std::byte> bytes_;
};

}  // namespace description
}  // namespace v1
}  // namespace baton
