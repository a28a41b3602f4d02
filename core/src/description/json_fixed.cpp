#include "description/json_fixed.hpp"

#include <fmt/format.h>

namespace baton {
inline namespace v1 {
namespace description {
namespace {

using detail::inside;

void store_length(std::size_t length, std::byte* to) noexcept {
  const auto word = static_cast<std::uint32_t>(length);
  std::memcpy(to, &word, sizeof(word));
}

/// A string in its place, over whatever was there.
void store_text(const Shape& shape, std::string_view text, std::byte* to) noexcept {
  std::memset(to, 0, shape.size);
  store_length(text.size(), to);
  std::memcpy(to + 4, text.data(), text.size());
}

Finding too_many(std::string_view what, std::size_t count, std::uint32_t bound) {
  return ValidationError{"", fmt::format("expected at most {} {}, got {}", bound, what, count)};
}

Finding read_array(const Shape& array, std::size_t rank, const Member* about, const Json& json, std::byte* to) {
  if (Finding finding = check_count(json, array.extents[rank])) return finding;
  if (rank + 1 == array.extents.size()) return read_elements(*array.element, about, json, to);
  std::uint64_t below = array.element->size;
  for (std::size_t i = rank + 1; i < array.extents.size(); ++i) below *= array.extents[i];
  std::size_t index = 0;
  for (const Json& each : json) {
    if (Finding finding = read_array(array, rank + 1, about, each, to + index * below)) {
      return inside(index, std::move(finding));
    }
    ++index;
  }
  return std::nullopt;
}

Finding read_sequence(const Shape& shape, const Member* about, const Json& json, std::byte* to) {
  if (!json.is_array()) return expected("an array", json);
  if (json.size() > shape.bound) return too_many("elements", json.size(), shape.bound);
  store_length(json.size(), to);
  return read_elements(*shape.element, about, json, to + elements_begin(shape));
}

Finding read_optional(const Shape& shape, const Member* about, const Json& json, std::byte* to) {
  if (json.is_null()) return std::nullopt;
  set_defaults(*shape.element, nullptr, to);
  to[shape.element->size] = std::byte{1};
  return read_value(*shape.element, about, json, to);
}

Finding read_union(const Type& type, const Json& json, std::byte* to) {
  Chosen chosen;
  if (Finding finding = choose(type, json, chosen)) return finding;
  std::memset(to, 0, type.size);
  store_bits(*type.tag, static_cast<std::uint64_t>(chosen.tag), to);
  if (chosen.member == nullptr) return std::nullopt;
  const Member& member = *chosen.member;
  std::byte* const place = to + member.offset;
  set_defaults(*member.shape, member.default_value ? &*member.default_value : nullptr, place);
  if (chosen.value == nullptr) return std::nullopt;
  return inside(member.name, read_value(*member.shape, &member, *chosen.value, place));
}

}  // namespace

void set_defaults(const Shape& shape, const Value* default_value, std::byte* to) {
  if (default_value != nullptr) {
    if (shape.form == Form::string) return store_text(shape, default_value->text, to);
    return store_bits(shape, default_value->bits, to);
  }
  if (shape.zero_is_default) return;
  if (shape.form == Form::array) {
    for (std::uint64_t i = 0; i < shape.count; ++i) set_defaults(*shape.element, nullptr, to + i * shape.element->size);
  } else if (is_enum(shape)) {
    store_bits(shape, static_cast<std::uint64_t>(shape.type->initial), to);
  } else if (shape.form == Form::named) {
    set_defaults(*shape.type, to);
  }
}

void set_defaults(const Type& type, std::byte* to) {
  if (type.zero_is_default) return;
  if (type.kind == TypeKind::union_) {
    store_bits(*type.tag, static_cast<std::uint64_t>(type.initial), to);
    const Member& member = *type.selected(type.initial);
    return set_defaults(*member.shape, member.default_value ? &*member.default_value : nullptr, to + member.offset);
  }
  for (const Member& member : type.head()) {
    set_defaults(*member.shape, member.default_value ? &*member.default_value : nullptr, to + member.offset);
  }
}

Finding read_value(const Shape& shape, const Member* about, const Json& json, std::byte* to) {
  switch (shape.form) {
    case Form::string: {
      std::string text;
      if (Finding finding = read_text(json, text)) return finding;
      if (text.size() > shape.bound) return too_many("bytes", text.size(), shape.bound);
      store_text(shape, text, to);
      return std::nullopt;
    }
    case Form::sequence: return read_sequence(shape, about, json, to);
    case Form::array: return read_array(shape, 0, about, json, to);
    case Form::optional: return read_optional(shape, about, json, to);
    case Form::named:
      if (shape.type->kind == TypeKind::struct_) return read_members(*shape.type, json, to);
      if (shape.type->kind == TypeKind::union_) return read_union(*shape.type, json, to);
      [[fallthrough]];
    default: {
      std::uint64_t bits = 0;
      if (Finding finding = read_bits(shape, about, json, bits)) return finding;
      store_bits(shape, bits, to);
      return std::nullopt;
    }
  }
}

Finding read_members(const Type& type, const Json& json, std::byte* to, const Member* beside) {
  if (!json.is_object()) return expected("an object", json);
  for (const auto& [key, value] : json.items()) {
    const Member* member = nullptr;
    if (Finding finding = find_member(type, key, member)) return finding;
    if (member == beside) continue;
    if (Finding finding = read_value(*member->shape, member, value, to + member->offset)) {
      return inside(member->name, std::move(finding));
    }
  }
  return std::nullopt;
}

Finding read_elements(const Shape& element, const Member* about, const Json& json, std::byte* to) {
  std::size_t index = 0;
  for (const Json& each : json) {
    std::byte* const place = to + index * element.size;
    set_defaults(element, nullptr, place);
    if (Finding finding = read_value(element, about, each, place)) return inside(index, std::move(finding));
    ++index;
  }
  return std::nullopt;
}

}  // namespace description
}  // namespace v1
}  // namespace baton
