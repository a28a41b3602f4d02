#include "description/json_value.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "baton/names.hpp"
#include "quoted.hpp"

namespace baton {
inline namespace v1 {
namespace description {
namespace {

Finding wrong(std::string reason) { return ValidationError{"", std::move(reason)}; }

/// A whole number, however it is written: 3, 3.0, "3" (for who reads JSON's numbers as doubles). As sign and amount.
struct Whole {
  bool negative = false;
  std::uint64_t amount = 0;
};

bool read_whole(const Json& json, Whole& whole) {
  if (json.is_number_unsigned()) {
    whole = {false, json.get<std::uint64_t>()};
    return true;
  }
  if (json.is_number_integer()) {
    const auto value = json.get<std::int64_t>();
    whole = {value < 0, value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value)};
    return true;
  }
  if (json.is_number_float()) {
    const double value = json.get<double>();
    if (!(std::abs(value) <= 9007199254740992.0) || value != std::trunc(value)) return false;  // 2^53
    whole = {value < 0, static_cast<std::uint64_t>(std::abs(value))};
    return true;
  }
  if (!json.is_string()) return false;
  const auto& text = json.get_ref<const std::string&>();
  whole.negative = !text.empty() && text.front() == '-';
  const char* const begin = text.data() + (whole.negative ? 1 : 0);
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(begin, end, whole.amount);
  return parsed.ec == std::errc() && parsed.ptr == end && begin != end;
}

Finding read_integer(const Shape& shape, const Json& json, std::uint64_t& bits) {
  const Limits limits = limits_of(shape);
  Whole whole;
  const bool is_whole = read_whole(json, whole);
  const std::uint64_t lowest = 0 - static_cast<std::uint64_t>(limits.low);
  if (!is_whole || whole.amount > (whole.negative ? lowest : limits.high)) {
    return expected(fmt::format("a whole number from {} to {}", limits.low, limits.high), json);
  }
  bits = whole.negative ? 0 - whole.amount : whole.amount;
  return std::nullopt;
}

Finding read_float(const Shape& shape, const Json& json, std::uint64_t& bits) {
  double value = 0;
  if (json.is_number()) {
    value = json.get<double>();
  } else if (json.is_string() && json == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (json.is_string() && json == "Infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (json.is_string() && json == "-Infinity") {
    value = -std::numeric_limits<double>::infinity();
  } else {
    return expected("a number, \"NaN\", \"Infinity\" or \"-Infinity\"", json);
  }
  if (shape.form == Form::float32 && std::isfinite(value)) {
    constexpr double kLargest{std::numeric_limits<float>::max()};
    // What rounds to the largest float or below still fits; converting more than that is undefined.
    if (std::abs(value) > kLargest * (1 + 1e-8)) return expected("a number that a float can have", json);
    value = double{static_cast<float>(std::clamp(value, -kLargest, kLargest))};  // as its range has it
  }
  bits = std::bit_cast<std::uint64_t>(value);
  return std::nullopt;
}

Finding unknown_name(const Type& type, std::string_view name) {
  std::vector<std::string_view> known;
  for (const Enumerator& each : type.enumerators) known.push_back(each.name);
  const std::string_view near = nearest(name, known);
  return wrong(fmt::format("{} is no {} of {}{}", v1::quoted(name), type.kind == TypeKind::enum_ ? "value" : "flag",
                           type.name, near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
}

Finding read_enum(const Shape& shape, const Json& json, std::uint64_t& bits) {
  if (json.is_string()) {
    const auto& name = json.get_ref<const std::string&>();
    for (const Enumerator& each : shape.type->enumerators) {
      if (each.name != name) continue;
      bits = static_cast<std::uint64_t>(each.value);
      return std::nullopt;
    }
    return unknown_name(*shape.type, name);
  }
  if (!json.is_number()) return expected("the name of a value, or its number", json);
  return read_integer(shape, json, bits);
}

Finding read_flags(const Shape& shape, const Json& json, std::uint64_t& bits) {
  if (json.is_number()) return read_integer(shape, json, bits);
  if (!json.is_array()) return expected("an array of the names of flags, or a number", json);
  bits = 0;
  std::size_t index = 0;
  for (const Json& each : json) {
    std::uint64_t more = 0;
    if (each.is_string()) {
      const auto& name = each.get_ref<const std::string&>();
      for (const Enumerator& flag : shape.type->enumerators) {
        if (flag.name == name) more = std::uint64_t{1} << static_cast<unsigned>(flag.value);
      }
      if (more == 0) return detail::inside(index, unknown_name(*shape.type, name));
    } else if (Finding finding = read_integer(shape, each, more)) {
      return detail::inside(index, std::move(finding));
    }
    bits |= more;
    ++index;
  }
  return std::nullopt;
}

Finding read_character(const Shape& shape, const Json& json, std::uint64_t& bits) {
  if (json.is_number()) return read_integer(shape, json, bits);
  if (!json.is_string() || json.get_ref<const std::string&>().size() != 1) {
    return expected("a string of one byte, or its number", json);
  }
  bits = static_cast<unsigned char>(json.get_ref<const std::string&>().front());
  return std::nullopt;
}

}  // namespace

std::string told(const Json& json) {
  if (json.is_object()) return "an object";
  if (json.is_array()) return "an array";
  if (json.is_string()) return v1::quoted(json.get_ref<const std::string&>());
  return json.dump();
}

Finding expected(std::string_view what, const Json& json) {
  return wrong(fmt::format("expected {}, got {}", what, told(json)));
}

Finding read_bits(const Shape& shape, const Member* about, const Json& json, std::uint64_t& bits) {
  const auto read = [&]() -> Finding {
    if (is_bitmask(shape)) return read_flags(shape, json, bits);
    if (is_enum(shape)) return read_enum(shape, json, bits);
    if (is_float(shape)) return read_float(shape, json, bits);
    if (shape.form == Form::character) return read_character(shape, json, bits);
    if (shape.form != Form::boolean) return read_integer(shape, json, bits);
    if (!json.is_boolean()) return expected("true or false", json);
    bits = json.get<bool>() ? 1 : 0;
    return std::nullopt;
  };
  if (Finding finding = read()) return finding;
  return check_range(shape, about, bits);
}

Finding read_text(const Json& json, std::string& text) {
  if (json.is_string()) {
    text = json.get_ref<const std::string&>();
    return std::nullopt;
  }
  if (!json.is_array()) return expected("a string", json);
  Shape byte;
  byte.form = Form::octet;
  byte.size = 1;
  text.clear();
  for (const Json& each : json) {
    std::uint64_t bits = 0;
    if (Finding finding = read_integer(byte, each, bits)) return detail::inside(text.size(), std::move(finding));
    text += static_cast<char>(bits);
  }
  return std::nullopt;
}

Finding check_count(const Json& json, std::uint64_t count) {
  if (!json.is_array()) return expected(fmt::format("an array of {}", count), json);
  if (json.size() == count) return std::nullopt;
  return wrong(fmt::format("expected an array of {}, got one of {}", count, json.size()));
}

Finding choose(const Type& type, const Json& json, Chosen& chosen) {
  if (!json.is_object()) return expected("an object with the union's member", json);
  const Json* tag = nullptr;
  for (const auto& [key, value] : json.items()) {
    if (key == "(tag)") {
      tag = &value;
      continue;
    }
    if (chosen.member != nullptr) return wrong(fmt::format("has two members, {} and {}", chosen.member->name, key));
    if (Finding finding = find_member(type, key, chosen.member)) return finding;
    chosen.value = &value;
  }
  if (tag == nullptr && chosen.member == nullptr) return wrong("expected the union's member, got an empty object");
  if (tag == nullptr) {
    chosen.tag = chosen.member->tag;
    return std::nullopt;
  }
  std::uint64_t bits = 0;
  if (Finding finding = read_bits(*type.tag, nullptr, *tag, bits)) return detail::inside("(tag)", std::move(finding));
  chosen.tag = static_cast<std::int64_t>(bits);
  const Member* const selected = type.selected(chosen.tag);
  if (chosen.member != nullptr && chosen.member != selected) {
    return wrong(fmt::format("the tag {} does not select {}", told(*tag), chosen.member->name));
  }
  chosen.member = selected;
  return std::nullopt;
}

Finding find_member(const Type& type, std::string_view name, const Member*& member) {
  member = type.find_member(name);
  if (member != nullptr) return std::nullopt;
  std::vector<std::string_view> known;
  for (const Member& each : type.members) known.push_back(each.name);
  const std::string_view near = nearest(name, known);
  return wrong(fmt::format("{} has no member {}{}", type.name, v1::quoted(name),
                           near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
}

Finding check_range(const Shape& shape, const Member* about, std::uint64_t bits) {
  if (about == nullptr || !about->has_range() || !is_number(shape)) return std::nullopt;
  const auto above = [&](const std::optional<Value>& low) {
    if (!low) return true;
    if (is_float(shape)) return std::bit_cast<double>(low->bits) <= std::bit_cast<double>(bits);
    if (is_signed(shape)) return static_cast<std::int64_t>(low->bits) <= static_cast<std::int64_t>(bits);
    return low->bits <= bits;
  };
  const auto below = [&](const std::optional<Value>& high) {
    if (!high) return true;
    if (is_float(shape)) return std::bit_cast<double>(bits) <= std::bit_cast<double>(high->bits);
    if (is_signed(shape)) return static_cast<std::int64_t>(bits) <= static_cast<std::int64_t>(high->bits);
    return bits <= high->bits;
  };
  const bool bounded_nan = is_float(shape) && std::isnan(std::bit_cast<double>(bits));
  if (!bounded_nan && above(about->low) && below(about->high)) return std::nullopt;
  const Limits limits = limits_of(shape);
  const std::string low = about->low        ? number_text(shape, about->low->bits)
                          : is_float(shape) ? "-inf"
                                            : number_text(shape, static_cast<std::uint64_t>(limits.low));
  const std::string high = about->high       ? number_text(shape, about->high->bits)
                           : is_float(shape) ? "inf"
                                             : number_text(shape, limits.high);
  return wrong(fmt::format("{} is not from {} to {}", number_text(shape, bits), low, high));
}

std::string number_text(const Shape& shape, std::uint64_t bits) {
  if (shape.form == Form::float64) return fmt::to_string(std::bit_cast<double>(bits));
  if (shape.form == Form::float32) return fmt::to_string(static_cast<float>(std::bit_cast<double>(bits)));
  return is_signed(shape) ? fmt::to_string(static_cast<std::int64_t>(bits)) : fmt::to_string(bits);
}

}  // namespace description
}  // namespace v1
}  // namespace baton
