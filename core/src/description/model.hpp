// A type's description as the rest of core works with it: read from the bytes once, checked, and never changed again.
// Whatever holds of types that batongen accepts holds of every model, whoever wrote the bytes: see load.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "baton/error.hpp"
#include "baton/type_info.hpp"

namespace baton {
inline namespace v1 {
namespace description {

// In the order of the schema.
enum class Form : std::uint8_t {
  boolean,
  character,
  octet,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float32,
  float64,
  string,
  sequence,
  array,
  optional,
  named,
};

struct Type;

/// The type of a member or an element. `fixed`: its values take `size` bytes at a multiple of `align`, in which all of
/// them lies; otherwise these are 0 and 1.
struct Shape {
  Form form = Form::boolean;
  std::uint32_t bound = 0;             ///< of a string or sequence; 0: none
  std::vector<std::uint32_t> extents;  ///< of an array, the outermost first
  std::uint64_t count = 0;             ///< of an array: all elements
  const Shape* element = nullptr;      ///< of a sequence, array or optional
  const Type* type = nullptr;          ///< of a named one
  std::uint64_t size = 0;
  std::uint32_t align = 1;
  bool fixed = true;
  bool zero_is_default = true;
  std::uint32_t depth = 1;  ///< how far values nest
};

/// See the schema for what `bits` are.
struct Value {
  std::uint64_t bits = 0;
  std::string text;
};

struct Enumerator {
  std::string name;
  std::int64_t value = 0;
  std::string doc;
};

struct Member {
  std::string name;
  const Shape* shape = nullptr;
  std::uint64_t offset = 0;
  std::uint16_t id = 0;
  bool key = false;
  std::optional<Value> default_value;
  std::optional<Value> low;
  std::optional<Value> high;
  std::string unit;
  std::string doc;
  std::vector<std::int64_t> labels;
  bool is_default = false;
  std::int64_t tag = 0;

  bool has_range() const noexcept { return low || high; }
};

struct Type {
  std::string name;
  TypeKind kind = TypeKind::struct_;
  Layout layout = Layout::fixed;
  bool appendable = false;
  std::uint64_t size = 0;
  std::uint32_t align = 1;
  std::vector<Member> members;
  std::vector<Enumerator> enumerators;
  std::uint32_t bits = 0;
  const Shape* tag = nullptr;
  std::int64_t initial = 0;
  std::uint64_t elements_offset = 0;
  std::uint64_t element_size = 0;
  std::uint64_t max_bytes = 0;
  std::string topic;
  std::string doc;
  TopicHints hints;
  bool zero_is_default = true;
  std::uint32_t depth = 1;
  std::uint64_t flags = 0;  ///< of a bitmask: all bits

  std::map<std::string_view, std::size_t, std::less<>> member_index;
  std::map<std::int64_t, std::size_t> case_index;  ///< of a union: by label
  std::optional<std::size_t> default_case;
  std::map<std::int64_t, std::size_t> enumerator_index;

  /// The same as generated code would have it, with all views into this model.
  TypeInfo info;
  std::vector<FieldInfo> fields;
  std::vector<EnumeratorInfo> enumerator_infos;

  const Member* find_member(std::string_view wanted) const noexcept {
    const auto found = member_index.find(wanted);
    return found == member_index.end() ? nullptr : &members[found->second];
  }
  /// The member of a union that a tag selects, or null.
  const Member* selected(std::int64_t of_tag) const noexcept {
    if (const auto found = case_index.find(of_tag); found != case_index.end()) return &members[found->second];
    return default_case ? &members[*default_case] : nullptr;
  }
  const Enumerator* enumerator(std::int64_t value) const noexcept {
    const auto found = enumerator_index.find(value);
    return found == enumerator_index.end() ? nullptr : &enumerators[found->second];
  }
  /// Of a raw struct: its elements.
  const Member* tail() const noexcept { return layout == Layout::raw ? &members.back() : nullptr; }
  /// Without the elements of a raw struct.
  std::span<const Member> head() const noexcept {
    return std::span(members).first(members.size() - (layout == Layout::raw ? 1 : 0));
  }
};

/// Everything that a description says. Neither copied nor moved: its parts point to each other.
struct Model {
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  std::deque<Type> types;  ///< what is used before what uses it
  std::deque<Shape> shapes;
  std::deque<std::string> texts;  ///< that infos view
  std::string canonical;
  Fingerprint fingerprint;
  std::vector<std::uint64_t> words;  ///< the bytes that it was read from
  std::size_t bytes = 0;             ///< of these

  const Type& root() const noexcept { return types.back(); }
};

/// Errors (`Errc::corrupt`) say which type and member is not what it should be.
Result<std::shared_ptr<const Model>> load(std::span<const std::byte> bytes);

/// Fills in what `Type::info` and all behind it say.
void make_infos(Model& model);

/// Whether values of the shape are a number: an integer, octet or float.
inline bool is_number(const Shape& shape) noexcept { return shape.form >= Form::octet && shape.form <= Form::float64; }
inline bool is_float(const Shape& shape) noexcept { return shape.form == Form::float32 || shape.form == Form::float64; }
inline bool is_enum(const Shape& shape) noexcept {
  return shape.form == Form::named && shape.type->kind == TypeKind::enum_;
}
inline bool is_bitmask(const Shape& shape) noexcept {
  return shape.form == Form::named && shape.type->kind == TypeKind::bitmask_;
}
/// Values of up to 8 bytes: numbers, booleans, characters, enums, bitmasks.
inline bool is_scalar(const Shape& shape) noexcept {
  return shape.form <= Form::float64 || is_enum(shape) || is_bitmask(shape);
}
inline bool is_signed(const Shape& shape) noexcept {
  return (shape.form >= Form::int8 && shape.form <= Form::int64) || is_enum(shape);
}
/// "int32", "octet", "sensors::Level".
std::string_view name_of(const Shape& shape) noexcept;

/// The smallest and largest value of an integer, character, boolean, enum or bitmask.
struct Limits {
  std::int64_t low = 0;
  std::uint64_t high = 0;
};
Limits limits_of(const Shape& shape) noexcept;

}  // namespace description
}  // namespace v1
}  // namespace baton
