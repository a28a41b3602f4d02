// Checks a message against its description, in the words of baton/validate.hpp.
#include <bit>

#include <fmt/format.h>

#include "baton/type_description.hpp"
#include "description/json_text.hpp"
#include "description/json_value.hpp"
#include "description/table_view.hpp"

namespace baton {
inline namespace v1 {
namespace description {
namespace {

using detail::inside;

/// Of parts that tables refer to, beyond what all bytes of the message account for: parts may be shared, so that a few
/// bytes could keep us for ever.
constexpr std::size_t kMaxVisits = 10'000'000;

Finding wrong(std::string reason) { return ValidationError{"", std::move(reason)}; }

class Validator {
 public:
  /// `only_structure`: of a table nothing but where its offsets lead, and how much is there.
  explicit Validator(std::span<const std::byte> message, bool only_structure = false) noexcept
      : buffer_(message),
        message_(message),
        only_structure_(only_structure),
        max_visits_(kMaxVisits + message.size()) {}

  /// For a table alone, which has no message around it.
  explicit Validator(const void* table) noexcept
      : buffer_(TableBuffer::around(table)), max_visits_(kMaxVisits + kMaxMessageBytes) {}

  Finding check_lone_table(const Type& type) { return check_table(type, TableBuffer::kAroundTable); }

  Finding check(const Type& root) {
    if (root.layout == Layout::table) {
      const auto table = buffer_.root();
      return table ? check_table(root, *table) : wrong("no table begins in it");
    }
    const std::uint64_t least = root.layout == Layout::raw ? root.elements_offset : root.size;
    if (message_.size() < least) return wrong(fmt::format("{} bytes are too few for it", message_.size()));
    if (Finding finding = check_members(root, message_.data())) return finding;
    return root.layout == Layout::raw ? check_tail(root) : std::nullopt;
  }

 private:
  // --- What lies in place ---

  Finding check_value(const Shape& shape, const Member* about, const std::byte* at) {
    switch (shape.form) {
      case Form::string: return check_length(shape, at);
      case Form::sequence: {
        if (Finding finding = check_length(shape, at)) return finding;
        return check_elements(*shape.element, about, at + elements_begin(shape), load_length(shape, at));
      }
      case Form::array: return check_array(shape, 0, about, at);
      case Form::optional: {
        const auto byte = load_as<std::uint8_t>(at + shape.element->size);
        if (byte > 1) return detail::bad_byte(byte, "absent (0) nor present (1)");
        return byte == 1 ? check_value(*shape.element, about, at) : std::nullopt;
      }
      case Form::named:
        if (shape.type->kind == TypeKind::union_) return check_union(*shape.type, at);
        if (shape.type->kind == TypeKind::struct_) return check_members(*shape.type, at);
        [[fallthrough]];
      default: return check_scalar(shape, about, at);
    }
  }

  static Finding check_scalar(const Shape& shape, const Member* about, const std::byte* at) {
    const std::uint64_t bits =
        is_float(shape) ? std::bit_cast<std::uint64_t>(load_float(shape, at)) : load_bits(shape, at);
    if (shape.form == Form::boolean && bits > 1) {
      return detail::bad_byte(static_cast<std::uint8_t>(bits), "false (0) nor true (1)");
    }
    if (is_bitmask(shape) && (bits & ~shape.type->flags) != 0) {
      return wrong(fmt::format("the bits {:#x} are no flags of {}", bits & ~shape.type->flags, shape.type->name));
    }
    if (is_enum(shape) && shape.type->enumerator(static_cast<std::int64_t>(bits)) == nullptr) {
      return wrong(fmt::format("{} is no value of {}", static_cast<std::int64_t>(bits), shape.type->name));
    }
    return check_range(shape, about, bits);
  }

  static Finding check_length(const Shape& shape, const std::byte* at) {
    const auto length = load_as<std::uint32_t>(at);
    return length <= shape.bound ? std::nullopt : detail::bad_length(length, shape.bound);
  }

  /// The ranges after everything else, as the visitors of generated code have them.
  Finding check_members(const Type& type, const std::byte* at) {
    for (const Member& member : type.head()) {
      if (Finding finding = check_value(*member.shape, nullptr, at + member.offset)) {
        return inside(member.name, std::move(finding));
      }
    }
    for (const Member& member : type.head()) {
      if (!member.has_range()) continue;
      if (Finding finding = check_value(*member.shape, &member, at + member.offset)) {
        return inside(member.name, std::move(finding));
      }
    }
    return std::nullopt;
  }

  Finding check_case(const Member& member, const std::byte* at) {
    if (Finding finding = check_value(*member.shape, nullptr, at + member.offset)) return finding;
    return member.has_range() ? check_value(*member.shape, &member, at + member.offset) : std::nullopt;
  }

  Finding check_tail(const Type& type) {
    const Member& tail = *type.tail();
    const std::uint64_t room = (message_.size() - type.elements_offset) / type.element_size;
    const auto count = load_count(message_.data(), type.size);
    if (count > room) return inside(tail.name, wrong(fmt::format("the length {} is more than {}", count, room)));
    return inside(tail.name,
                  check_elements(*tail.shape->element, &tail, message_.data() + type.elements_offset, count));
  }

  /// Whether there are elements of that type which are no value.
  static bool may_be_wrong(const Shape& element, const Member* about) noexcept {
    const bool ranged = about != nullptr && about->has_range();
    return element.form == Form::boolean || !is_scalar(element) || element.form == Form::named || ranged;
  }

  Finding check_elements(const Shape& element, const Member* about, const std::byte* at, std::uint64_t count) {
    if (!may_be_wrong(element, about)) return std::nullopt;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (Finding finding = check_value(element, about, at + i * element.size)) return inside(i, std::move(finding));
    }
    return std::nullopt;
  }

  Finding check_array(const Shape& array, std::size_t rank, const Member* about, const std::byte* at) {
    if (rank + 1 == array.extents.size()) return check_elements(*array.element, about, at, array.extents[rank]);
    std::uint64_t below = array.element->size;
    for (std::size_t i = rank + 1; i < array.extents.size(); ++i) below *= array.extents[i];
    for (std::uint32_t i = 0; i < array.extents[rank]; ++i) {
      if (Finding finding = check_array(array, rank + 1, about, at + i * below)) return inside(i, std::move(finding));
    }
    return std::nullopt;
  }

  Finding check_union(const Type& type, const std::byte* at) {
    const std::uint64_t bits = load_bits(*type.tag, at);
    const auto tag = static_cast<std::int64_t>(type.tag->form == Form::boolean && bits != 0 ? 1 : bits);
    const Member* const member = type.selected(tag);
    if (member != nullptr) return inside(member->name, check_case(*member, at));
    return wrong(fmt::format("the tag {} selects no member", tag_text(*type.tag, tag)));
  }

  /// As fmt prints it.
  static std::string tag_text(const Shape& tag, std::int64_t value) {
    fmt::memory_buffer text;
    if (is_enum(tag)) {
      detail::write_enum(fmt::appender(text), tag.type->info, value);
      return fmt::to_string(text);
    }
    if (tag.form == Form::boolean) return value != 0 ? "true" : "false";
    if (tag.form == Form::character) {
      const char character = static_cast<char>(value);
      detail::write_quoted(fmt::appender(text), {&character, 1}, '\'');
      return fmt::to_string(text);
    }
    return number_text(tag, static_cast<std::uint64_t>(value));
  }

  // --- What a table refers to ---

  Finding check_table(const Type& type, Place table) {
    if (!may_visit(1)) return too_many();
    for (const Member& member : type.members) {
      const bool optional = member.shape->form == Form::optional;
      const Shape& shape = optional ? *member.shape->element : *member.shape;
      const Holding holding = held_in_table(shape);
      bool sound = false;
      const auto place = buffer_.field(table, member.id, is_in_place(holding) ? shape.size : 4, sound);
      Finding finding = sound ? std::nullopt : outside();
      if (place) finding = check_held(shape, &member, holding, *place);
      if (finding) return inside(member.name, std::move(finding));
    }
    return std::nullopt;
  }

  Finding check_held(const Shape& shape, const Member* about, Holding holding, Place place) {
    if (is_in_place(holding)) {
      if (only_structure_) return std::nullopt;
      if (!may_visit(shape.size)) return too_many();
      return check_value(shape, about, buffer_.at(place));
    }
    const auto target = buffer_.follow(place);
    if (!target) return outside();
    if (holding == Holding::table) return check_table(*shape.type, *target);
    if (holding == Holding::vector) return check_vector(shape, about, *target);
    if (holding == Holding::wrapper) {
      if (!may_visit(1)) return too_many();
      bool sound = false;
      const auto field = buffer_.field(*target, 0, 4, sound);
      if (!sound) return outside();
      return field ? check_held(shape, about, Holding::vector, *field) : std::nullopt;
    }
    const auto text = buffer_.vector(*target, 1);
    if (!text) return outside();
    return check_bound(shape, text->count);
  }

  Finding check_vector(const Shape& shape, const Member* about, Place place) {
    const Shape& element = *shape.element;
    const Holding holding = held_in_vector(element);
    const std::uint64_t step = is_in_place(holding) ? element.size : 4;
    const auto vector = buffer_.vector(place, step);
    if (!vector) return outside();
    if (shape.form == Form::array && vector->count != shape.count) {
      return wrong(fmt::format("the length {} is not {}", vector->count, shape.count));
    }
    if (Finding finding = check_bound(shape, vector->count)) return finding;
    if (is_in_place(holding)) {
      if (only_structure_ || !may_be_wrong(element, about)) return std::nullopt;
      if (!may_visit(vector->count * step)) return too_many();
      return check_elements(element, about, buffer_.at(vector->begin), vector->count);
    }
    for (std::uint32_t i = 0; i < vector->count; ++i) {
      if (!may_visit(1)) return too_many();
      const auto element_place = static_cast<Place>(vector->begin + i * step);
      if (Finding finding = check_held(element, about, holding, element_place)) {
        return shape.form == Form::array ? inside_array(shape, i, std::move(finding)) : inside(i, std::move(finding));
      }
    }
    return std::nullopt;
  }

  /// With an index for each dimension, as JSON has it: the vector has one for all.
  static Finding inside_array(const Shape& array, std::size_t index, Finding finding) {
    for (std::size_t rank = array.extents.size(); rank > 0; --rank) {
      finding = inside(index % array.extents[rank - 1], std::move(finding));
      index /= array.extents[rank - 1];
    }
    return finding;
  }

  Finding check_bound(const Shape& shape, std::uint32_t length) const {
    return only_structure_ || shape.bound == 0 || length <= shape.bound ? std::nullopt
                                                                        : detail::bad_length(length, shape.bound);
  }

  /// Counts what lies in place by its bytes, and all else by its references: no message has more of them than bytes,
  /// unless it shares some.
  bool may_visit(std::uint64_t count) noexcept {
    visits_ += count;
    return visits_ <= max_visits_;
  }

  static Finding too_many() { return wrong("has too many parts"); }
  static Finding outside() { return wrong("an offset leads outside of the message"); }

  const TableBuffer buffer_;
  const std::span<const std::byte> message_;
  const bool only_structure_ = false;
  const std::uint64_t max_visits_;
  std::uint64_t visits_ = 0;
};

}  // namespace

std::optional<ValidationError> check_structure(const Type& table, std::span<const std::byte> message) {
  return Validator(message, true).check(table);
}

}  // namespace description

std::optional<ValidationError> detail::validate_table(const TypeDescription& type, const void* table) {
  return description::Validator(table).check_lone_table(type.model().root());
}

std::optional<ValidationError> validate(const TypeDescription& type, std::span<const std::byte> message) {
  return description::Validator(message).check(type.model().root());
}

}  // namespace v1
}  // namespace baton
