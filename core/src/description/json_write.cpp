// From a message to JSON text.
#include <limits>

#include <fmt/format.h>

#include "baton/json.hpp"
#include "description/json_text.hpp"
#include "description/table_view.hpp"

namespace baton {
inline namespace v1 {
namespace description {
namespace {

/// For who has no way to say that a text is too long: half of one would be taken for a whole.
constexpr JsonStyle kUnlimited{.max_bytes = std::numeric_limits<std::size_t>::max()};

constexpr std::string_view kTag = "(tag)";  // where members have a name: no member can be called so

class Writer {
 public:
  Writer(std::span<const std::byte> message, const JsonStyle& style)
      : buffer_(message), message_(message), out_(style) {}

  /// For a table alone, which has no message around it.
  explicit Writer(const void* table) : buffer_(TableBuffer::around(table)), out_(kUnlimited) {}

  std::string text_of_table(const Type& type) {
    write_table(type, TableBuffer::kAroundTable);
    return out_.take();
  }

  /// Why the message cannot be written, or nothing.
  std::string write(const Type& root) {
    if (root.layout == Layout::table) {
      const auto table = buffer_.root();
      if (!table) return "no table begins in it";
      write_table(root, *table);
    } else {
      const std::uint64_t least = root.layout == Layout::raw ? root.elements_offset : root.size;
      if (message_.size() < least) return fmt::format("{} bytes are too few for it", message_.size());
      out_.begin('{');
      write_members(root, message_.data());
      if (root.layout == Layout::raw) write_tail(root);
      out_.end('}');
    }
    return std::move(problem_);
  }

  bool too_long() const noexcept { return out_.too_long(); }
  std::string take() noexcept { return out_.take(); }

 private:
  bool stopped() const noexcept { return out_.too_long() || !problem_.empty(); }

  // --- What lies in place ---

  void write_value(const Shape& shape, const std::byte* at) {
    switch (shape.form) {
      case Form::string: return out_.string(text_at(at + 4, load_length(shape, at)));
      case Form::sequence: return write_elements(*shape.element, at + elements_begin(shape), load_length(shape, at));
      case Form::array: return write_array(shape, 0, at);
      case Form::optional:
        if (load_as<std::uint8_t>(at + shape.element->size) == 0) return out_.raw("null");
        return write_value(*shape.element, at);
      case Form::named:
        if (shape.type->kind == TypeKind::union_) return write_union(*shape.type, at);
        if (shape.type->kind == TypeKind::struct_) {
          out_.begin('{');
          write_members(*shape.type, at);
          return out_.end('}');
        }
        [[fallthrough]];
      default: write_scalar(shape, at);
    }
  }

  void write_members(const Type& type, const std::byte* at) {
    for (const Member& member : type.head()) {
      if (stopped()) return;
      out_.key(member.name);
      write_value(*member.shape, at + member.offset);
    }
  }

  void write_tail(const Type& type) {
    const std::uint64_t room = (message_.size() - type.elements_offset) / type.element_size;
    const auto count = load_count(message_.data(), type.size);
    out_.key(type.tail()->name);
    write_elements(*type.tail()->shape->element, message_.data() + type.elements_offset, std::min(count, room));
  }

  void write_elements(const Shape& element, const std::byte* at, std::uint64_t count) {
    out_.begin('[', is_flat(element));
    for (std::uint64_t i = 0; i < count && !stopped(); ++i) {
      out_.item();
      write_value(element, at + i * element.size);
    }
    out_.end(']');
  }

  /// One dimension after the other.
  void write_array(const Shape& array, std::size_t rank, const std::byte* at) {
    if (rank + 1 == array.extents.size()) return write_elements(*array.element, at, array.extents[rank]);
    std::uint64_t below = array.element->size;
    for (std::size_t i = rank + 1; i < array.extents.size(); ++i) below *= array.extents[i];
    out_.begin('[');
    for (std::uint32_t i = 0; i < array.extents[rank] && !stopped(); ++i) {
      out_.item();
      write_array(array, rank + 1, at + i * below);
    }
    out_.end(']');
  }

  /// With the tag, unless it is the one that a writer sets who says nothing of it.
  void write_union(const Type& type, const std::byte* at) {
    const auto tag = static_cast<std::int64_t>(tag_bits(*type.tag, load_bits(*type.tag, at)));
    const Member* const member = type.selected(tag);
    out_.begin('{');
    if (member == nullptr || member->tag != tag) {
      out_.key(kTag);
      write_bits(*type.tag, static_cast<std::uint64_t>(tag));
    }
    if (member != nullptr) {
      out_.key(member->name);
      write_value(*member->shape, at + member->offset);
    }
    out_.end('}');
  }

  static std::uint64_t tag_bits(const Shape& tag, std::uint64_t bits) noexcept {
    return tag.form == Form::boolean && bits != 0 ? 1 : bits;
  }

  void write_scalar(const Shape& shape, const std::byte* at) {
    if (shape.form == Form::float32) return out_.number(static_cast<float>(load_float(shape, at)));
    if (shape.form == Form::float64) return out_.number(load_float(shape, at));
    write_bits(shape, load_bits(shape, at));
  }

  void write_bits(const Shape& shape, std::uint64_t bits) {
    if (is_bitmask(shape)) return write_flags(*shape.type, bits);
    if (is_enum(shape)) {
      const Enumerator* const enumerator = shape.type->enumerator(static_cast<std::int64_t>(bits));
      if (enumerator != nullptr) return out_.string(enumerator->name);
    }
    if (shape.form == Form::boolean && bits <= 1) return out_.raw(bits == 1 ? "true" : "false");
    if (shape.form == Form::character && bits >= 0x20 && bits < 0x7F) {
      const char character = static_cast<char>(bits);
      return out_.string({&character, 1});
    }
    if (is_signed(shape)) return out_.number(static_cast<std::int64_t>(bits));
    out_.number(bits);
  }

  void write_flags(const Type& type, std::uint64_t bits) {
    out_.begin('[', true);
    for (const Enumerator& flag : type.enumerators) {
      if ((bits >> static_cast<unsigned>(flag.value) & 1U) == 0) continue;
      out_.item();
      out_.string(flag.name);
    }
    if (const std::uint64_t unknown = bits & ~type.flags; unknown != 0) {
      out_.item();
      out_.number(unknown);
    }
    out_.end(']');
  }

  static bool is_flat(const Shape& element) noexcept { return is_scalar(element) || element.form == Form::string; }

  // --- What a table refers to ---

  void write_table(const Type& type, Place table) {
    out_.begin('{');
    for (const Member& member : type.members) {
      if (stopped()) return;
      out_.key(member.name);
      write_field(member, table);
    }
    out_.end('}');
  }

  void write_field(const Member& member, Place table) {
    const bool optional = member.shape->form == Form::optional;
    const Shape& shape = optional ? *member.shape->element : *member.shape;
    const Holding holding = held_in_table(shape);
    bool sound = false;
    const auto place = buffer_.field(table, member.id, is_in_place(holding) ? shape.size : 4, sound);
    if (!sound) return broken();
    if (place) return write_held(shape, holding, *place);
    if (optional || holding != Holding::scalar) return out_.raw("null");
    std::array<std::byte, 8> bytes{};
    store_bits(shape, member.default_value ? member.default_value->bits : initial_bits(shape), bytes.data());
    write_scalar(shape, bytes.data());
  }

  static std::uint64_t initial_bits(const Shape& shape) noexcept {
    return is_enum(shape) ? static_cast<std::uint64_t>(shape.type->initial) : 0;
  }

  void write_held(const Shape& shape, Holding holding, Place place) {
    if (is_in_place(holding)) return write_value(shape, buffer_.at(place));
    const auto target = buffer_.follow(place);
    if (!target) return broken();
    if (holding == Holding::table) return write_table(*shape.type, *target);
    if (holding == Holding::vector) return write_vector(shape, *target);
    if (holding == Holding::wrapper) {
      bool sound = false;
      const auto field = buffer_.field(*target, 0, 4, sound);
      if (!sound) return broken();
      if (!field) return out_.raw("null");
      return write_held(shape, Holding::vector, *field);
    }
    const auto text = buffer_.vector(*target, 1);
    if (!text) return broken();
    out_.string(text_at(buffer_.at(text->begin), text->count));
  }

  void write_vector(const Shape& shape, Place place) {
    const Shape& element = *shape.element;
    const Holding holding = held_in_vector(element);
    const std::uint64_t step = is_in_place(holding) ? element.size : 4;
    const auto vector = buffer_.vector(place, step);
    if (!vector) return broken();
    const bool nested = shape.form == Form::array && shape.count == vector->count;
    std::uint64_t index = 0;
    const auto next = [&] { write_held(element, holding, static_cast<Place>(vector->begin + index++ * step)); };
    if (nested) return write_dimensions(shape, 0, next);
    out_.begin('[', is_flat(element));
    while (index < vector->count && !stopped()) {
      out_.item();
      next();
    }
    out_.end(']');
  }

  template <class Next>
  void write_dimensions(const Shape& array, std::size_t rank, Next& next) {
    const bool innermost = rank + 1 == array.extents.size();
    out_.begin('[', innermost && is_flat(*array.element));
    for (std::uint32_t i = 0; i < array.extents[rank] && !stopped(); ++i) {
      out_.item();
      if (innermost) {
        next();
      } else {
        write_dimensions(array, rank + 1, next);
      }
    }
    out_.end(']');
  }

  void broken() { problem_ = "an offset of the table leads outside"; }

  const TableBuffer buffer_;
  const std::span<const std::byte> message_;
  JsonText out_;
  std::string problem_;
};

}  // namespace
}  // namespace description

std::string detail::table_text(const TypeDescription& type, const void* table) {
  return description::Writer(table).text_of_table(type.model().root());
}

Result<std::string> to_json(const TypeDescription& type, std::span<const std::byte> message, const JsonStyle& style) {
  description::Writer writer(message, style);
  const std::string problem = writer.write(type.model().root());
  const std::string where = fmt::format("a message of type {}", type.name());
  if (!problem.empty()) return fail(Errc::corrupt, where, problem, "");
  if (writer.too_long()) {
    return fail(Errc::too_large, where, fmt::format("takes more than {} bytes as JSON", style.max_bytes),
                "raise JsonStyle::max_bytes");
  }
  return writer.take();
}

}  // namespace v1
}  // namespace baton
