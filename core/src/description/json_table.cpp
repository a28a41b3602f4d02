#include "description/json_table.hpp"

#include <flatbuffers/flatbuffers.h>

#include <fmt/format.h>

#include "description/json_fixed.hpp"
#include "description/table_view.hpp"

namespace baton {
inline namespace v1 {
namespace description {
namespace {

using detail::inside;
using flatbuffers::uoffset_t;
using flatbuffers::voffset_t;

constexpr std::size_t kTableHead = 4 + 3;                // with what may lie in front of it
constexpr std::size_t kMaxInline = 65'535 - kTableHead;  // of a table's fields: its vtable counts with 16 bits

constexpr std::size_t kMaxVtable = 65'535;

/// Parts come before what refers to them, so a table's strings, vectors and tables are made first, and then its fields.
class Builder {
 public:
  Finding build(const Type& type, const Json& json, std::vector<std::byte>& message) {
    uoffset_t root = 0;
    if (Finding finding = table(type, json, root)) return finding;
    builder_.Finish(flatbuffers::Offset<flatbuffers::Table>(root));
    const auto* const begin = reinterpret_cast<const std::byte*>(builder_.GetBufferPointer());
    message.assign(begin, begin + builder_.GetSize());
    return std::nullopt;
  }

 private:
  struct Field {
    const Member* member = nullptr;
    const Shape* shape = nullptr;  // without its optional
    uoffset_t offset = 0;          // of what is referred to
    std::uint64_t bits = 0;        // of a scalar
    std::vector<std::byte> bytes;  // of what is inlined
  };

  Finding table(const Type& type, const Json& json, uoffset_t& made) {
    if (!json.is_object()) return expected("an object", json);
    std::vector<Field> fields;
    for (const auto& [key, value] : json.items()) {
      Field field;
      if (Finding finding = find_member(type, key, field.member)) return finding;
      if (Finding finding = prepare(value, field)) return inside(field.member->name, std::move(finding));
      if (field.shape != nullptr) fields.push_back(std::move(field));
    }
    // The largest first, so that nothing is wasted between them.
    std::stable_sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) {
      return std::pair(size_in_place(b), a.member->id) < std::pair(size_in_place(a), b.member->id);
    });
    std::size_t in_place = 0;
    for (const Field& field : fields) in_place += most_in_place(field);
    if (in_place > kMaxInline) return ValidationError{"", fmt::format("its fields take {} bytes in place", in_place)};
    if (!has_room(in_place + kMaxVtable)) return too_large();
    const uoffset_t start = builder_.StartTable();
    for (const Field& field : fields) add(field);
    made = builder_.EndTable(start);
    return std::nullopt;
  }

  static std::size_t size_in_place(const Field& field) noexcept {
    return is_in_place(held_in_table(*field.shape)) ? field.shape->size : 4;
  }

  /// With what may lie between it and the next one.
  static std::size_t most_in_place(const Field& field) noexcept {
    const std::size_t align = is_in_place(held_in_table(*field.shape)) ? field.shape->align : 4;
    return size_in_place(field) + std::min<std::size_t>(align, 8) - 1;
  }

  /// Without a shape if the field is to be left out.
  Finding prepare(const Json& json, Field& field) {
    const Member& member = *field.member;
    const bool optional = member.shape->form == Form::optional;
    const Shape& shape = optional ? *member.shape->element : *member.shape;
    const Holding holding = held_in_table(shape);
    if (json.is_null() && (optional || holding != Holding::scalar)) return std::nullopt;
    field.shape = &shape;
    if (holding == Holding::scalar) return read_bits(shape, &member, json, field.bits);
    if (holding != Holding::inlined) return referred(shape, holding, &member, json, field.offset);
    return inlined(shape, &member, json, field.bytes);
  }

  static Finding inlined(const Shape& shape, const Member* about, const Json& json, std::vector<std::byte>& bytes) {
    bytes.assign(shape.size, std::byte{0});
    set_defaults(shape, nullptr, bytes.data());
    return read_value(shape, about, json, bytes.data());
  }

  Finding referred(const Shape& shape, Holding holding, const Member* about, const Json& json, uoffset_t& made) {
    if (!has_room(0)) return too_large();
    switch (holding) {
      case Holding::table: return table(*shape.type, json, made);
      case Holding::vector: return vector(shape, about, json, made);
      case Holding::wrapper: {
        uoffset_t inner = 0;
        if (!json.is_null()) {  // as in a message whose writer left it out
          if (Finding finding = vector(shape, about, json, inner)) return finding;
        }
        const uoffset_t start = builder_.StartTable();
        builder_.AddOffset(flatbuffers::FieldIndexToOffset(0), flatbuffers::Offset<void>(inner));
        made = builder_.EndTable(start);
        return std::nullopt;
      }
      default: {
        std::string text;
        if (Finding finding = read_text(json, text)) return finding;
        if (shape.bound != 0 && text.size() > shape.bound) {
          return ValidationError{"", fmt::format("expected at most {} bytes, got {}", shape.bound, text.size())};
        }
        if (!has_room(text.size())) return too_large();
        made = builder_.CreateString(text.data(), text.size()).o;
        return std::nullopt;
      }
    }
  }

  static Finding too_large() { return ValidationError{"", "the message takes more than 1 GiB"}; }

  /// For so many bytes more: the builder's own offsets end not far beyond.
  bool has_room(std::size_t bytes) const noexcept {
    return bytes <= kMaxMessageBytes && builder_.GetSize() <= kMaxMessageBytes - bytes;
  }

  Finding vector(const Shape& shape, const Member* about, const Json& json, uoffset_t& made) {
    Elements elements;
    if (shape.form == Form::array) {
      if (Finding finding = flatten(shape, 0, about, json, elements)) return finding;
    } else {
      if (!json.is_array()) return expected("an array", json);
      if (shape.bound != 0 && json.size() > shape.bound) {
        return ValidationError{"", fmt::format("expected at most {} elements, got {}", shape.bound, json.size())};
      }
      if (Finding finding = append(*shape.element, about, json, elements)) return finding;
    }
    if (!has_room(elements.bytes.size() + elements.offsets.size() * sizeof(uoffset_t))) return too_large();
    made = put(*shape.element, elements);
    return std::nullopt;
  }

  /// Of a vector: what lies in place one after the other, or what is referred to.
  struct Elements {
    std::vector<std::byte> bytes;
    std::vector<uoffset_t> offsets;
  };

  Finding flatten(const Shape& array, std::size_t rank, const Member* about, const Json& json, Elements& elements) {
    if (Finding finding = check_count(json, array.extents[rank])) return finding;
    if (rank + 1 == array.extents.size()) return append(*array.element, about, json, elements);
    std::size_t index = 0;
    for (const Json& each : json) {
      if (Finding finding = flatten(array, rank + 1, about, each, elements)) return inside(index, std::move(finding));
      ++index;
    }
    return std::nullopt;
  }

  Finding append(const Shape& element, const Member* about, const Json& json, Elements& elements) {
    const Holding holding = held_in_vector(element);
    if (is_in_place(holding)) {
      const std::size_t before = elements.bytes.size();
      if (json.size() > (kMaxMessageBytes - std::min(before, kMaxMessageBytes)) / element.size) return too_large();
      elements.bytes.resize(before + json.size() * element.size);
      return read_elements(element, about, json, elements.bytes.data() + before);
    }
    std::size_t index = 0;
    for (const Json& each : json) {
      uoffset_t made = 0;
      if (Finding finding = referred(element, holding, about, each, made)) return inside(index, std::move(finding));
      elements.offsets.push_back(made);
      ++index;
    }
    return std::nullopt;
  }

  uoffset_t put(const Shape& element, const Elements& elements) {
    if (is_in_place(held_in_vector(element))) {
      const std::size_t count = elements.bytes.size() / element.size;
      builder_.ForceVectorAlignment(count, element.size, element.align);
      builder_.StartVector(elements.bytes.size(), 1);
      builder_.PushBytes(reinterpret_cast<const std::uint8_t*>(elements.bytes.data()), elements.bytes.size());
      return builder_.EndVector(count);
    }
    builder_.StartVector(elements.offsets.size(), sizeof(uoffset_t));
    for (std::size_t i = elements.offsets.size(); i > 0; --i) {
      builder_.PushElement(flatbuffers::Offset<void>(elements.offsets[i - 1]));
    }
    return builder_.EndVector(elements.offsets.size());
  }

  void add(const Field& field) {
    const voffset_t slot = flatbuffers::FieldIndexToOffset(field.member->id);
    const Shape& shape = *field.shape;
    const Holding holding = held_in_table(shape);
    if (holding == Holding::scalar) return add_scalar(slot, field);
    if (holding != Holding::inlined) return builder_.AddOffset(slot, flatbuffers::Offset<void>(field.offset));
    builder_.Align(shape.align);
    builder_.PushBytes(reinterpret_cast<const std::uint8_t*>(field.bytes.data()), field.bytes.size());
    builder_.AddStructOffset(slot, builder_.GetSize());
  }

  /// Always, also where it is the default: an optional's value has to be there, and the others may.
  void add_scalar(voffset_t slot, const Field& field) {
    std::array<std::byte, 8> bytes{};
    store_bits(*field.shape, field.bits, bytes.data());
    const auto put_as = [&](auto value) {
      std::memcpy(&value, bytes.data(), sizeof(value));
      builder_.AddElement(slot, value);
    };
    switch (field.shape->size) {
      case 1: return put_as(std::uint8_t{});
      case 2: return put_as(std::uint16_t{});
      case 4: return put_as(std::uint32_t{});
      default: return put_as(std::uint64_t{});
    }
  }

  flatbuffers::FlatBufferBuilder builder_;
};

}  // namespace

Finding read_table(const Type& type, const Json& json, std::vector<std::byte>& message) {
  return Builder().build(type, json, message);
}

}  // namespace description
}  // namespace v1
}  // namespace baton
