// From bytes to a model. The bytes may come from another process, so nothing is taken over that has not been checked:
// first that every read stays inside (FlatBuffers' verifier), then that it makes sense. Layouts are computed again, by
// the rules of codegen/batongen/layout.py, and have to come out as described: then every offset lies inside.
#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "baton/raw.hpp"
#include "description/model.hpp"
#include "description_generated.h"

namespace baton {
inline namespace v1 {
namespace description {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} << 20U;          // of a description
constexpr std::uint64_t kMaxTypeBytes = std::uint64_t{64} << 20U;  // as batongen has it
constexpr std::uint32_t kMaxDepth = 512;                           // types and sequences in each other
constexpr std::size_t kMaxCopied = std::size_t{64} << 20U;         // of texts and numbers, which tables may share
constexpr std::uint16_t kMaxId = 32'765;                           // a vtable has 64 KiB

std::uint64_t round_up(std::uint64_t value, std::uint64_t align) noexcept {
  return (value + align - 1) / align * align;
}

bool is_identifier(std::string_view name) noexcept {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_word = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_word) && !is_digit(name.front());
}

bool is_scoped(std::string_view name) noexcept {
  while (true) {
    const std::size_t end = name.find("::");
    if (!is_identifier(name.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    name.remove_prefix(end + 2);
  }
}

/// Whether a value of the schema's `bits` is one of the shape's.
bool fits(const Shape& shape, std::uint64_t bits) noexcept {
  if (is_float(shape)) return true;
  const Limits limits = limits_of(shape);
  if (limits.low < 0) {
    const auto value = static_cast<std::int64_t>(bits);
    return value >= limits.low && value <= static_cast<std::int64_t>(limits.high);
  }
  return bits <= limits.high;
}

bool fits_tag(const Shape& shape, std::int64_t tag) noexcept {
  return (tag >= 0 || limits_of(shape).low < 0 || shape.form == Form::uint64) &&
         fits(shape, static_cast<std::uint64_t>(tag));
}

/// Reads one description. The first thing that is wrong is remembered, and ends the reading.
class Loader {
 public:
  Loader(const wire::Description& from, Model& model) : from_(from), model_(model) {}

  bool run() {
    if (from_.types() == nullptr || from_.types()->size() == 0) return wrong("it has no types");
    for (const wire::Type* type : *from_.types()) {
      if (!load_type(*type)) return false;
    }
    if (model_.root().kind != TypeKind::struct_) return wrong("the type that it describes is no struct");
    if (from_.fingerprint() == nullptr || from_.fingerprint()->size() != model_.fingerprint.bytes.size()) {
      return wrong("its fingerprint is not 128 bits");
    }
    std::copy(from_.fingerprint()->begin(), from_.fingerprint()->end(), model_.fingerprint.bytes.begin());
    model_.canonical = text_of(from_.canonical());
    return true;
  }

  const std::string& problem() const noexcept { return problem_; }
  bool copied_too_much() const noexcept { return copied_ > kMaxCopied; }

 private:
  bool wrong(std::string_view what) {
    std::string where;
    if (type_ != nullptr) where = fmt::format("type {}: ", type_->name);
    if (member_ != nullptr) where += fmt::format("{}: ", member_->name);
    problem_ = where + std::string(what);
    return false;
  }

  /// Nothing, once too much has been copied: a few bytes may stand for gigabytes, where everything shares one text.
  std::string text_of(const flatbuffers::String* text) {
    if (text == nullptr || !may_copy(text->size())) return {};
    return {text->c_str(), text->size()};
  }

  bool may_copy(std::size_t bytes) noexcept {
    copied_ += bytes;
    return copied_ <= kMaxCopied;
  }

  bool load_type(const wire::Type& from) {
    Type& type = model_.types.emplace_back();
    member_ = nullptr;
    type_ = nullptr;
    type.name = text_of(from.name());
    if (!is_scoped(type.name)) return wrong("a type has no name");
    type_ = &type;
    if (!by_name_.emplace(type.name, &type).second) return wrong("is there twice");
    if (from.kind() > wire::Kind::MAX || from.layout() > wire::Layout::MAX) return wrong("is of an unknown kind");
    constexpr std::array kKinds = {TypeKind::struct_, TypeKind::union_, TypeKind::enum_, TypeKind::bitmask_};
    type.kind = kKinds[static_cast<std::size_t>(from.kind())];
    type.layout = static_cast<Layout>(from.layout());
    if (type.layout != Layout::fixed && type.kind != TypeKind::struct_) return wrong("has the layout of a struct");
    type.appendable = from.appendable();
    type.size = from.size();
    type.align = from.alignment();
    type.initial = from.initial();
    type.max_bytes = from.max_bytes();
    type.topic = text_of(from.topic());
    type.doc = text_of(from.doc());
    if (!load_hints(from, type)) return false;
    if (type.kind == TypeKind::enum_ || type.kind == TypeKind::bitmask_) return load_enumeration(from, type);
    if (!load_members(from, type)) return false;
    member_ = nullptr;
    if (type.kind == TypeKind::union_) return load_union(from, type);
    if (type.layout == Layout::raw) return load_raw(from, type);
    return type.layout == Layout::table ? check_table(type) : check_layout(type);
  }

  bool load_hints(const wire::Type& from, Type& type) {
    if (from.depth() > Qos::kMaxDepth || from.history() > Qos::kMaxHistory || from.overflow() > wire::Overflow::MAX) {
      return wrong("has hints that no topic can follow");
    }
    if (from.depth() != 0) type.hints.depth = from.depth();
    if (from.history() != 0) type.hints.history = from.history();
    constexpr std::array kOverflows = {Overflow::drop_oldest, Overflow::drop_newest, Overflow::reject, Overflow::block};
    if (from.overflow() != wire::Overflow::unsaid) {
      type.hints.overflow = kOverflows[static_cast<std::size_t>(from.overflow()) - 1];
    }
    return true;
  }

  bool load_enumeration(const wire::Type& from, Type& type) {
    type.bits = from.bits();
    const bool is_mask = type.kind == TypeKind::bitmask_;
    if (type.bits != 8 && type.bits != 16 && type.bits != 32 && !(is_mask && type.bits == 64)) {
      return wrong(fmt::format("has {} bits", type.bits));
    }
    if (from.enumerators() == nullptr || from.enumerators()->size() == 0) return wrong("has no values");
    const std::int64_t low = is_mask ? 0 : -(std::int64_t{1} << (type.bits - 1));
    const std::int64_t high = is_mask ? std::int64_t{type.bits} - 1 : (std::int64_t{1} << (type.bits - 1)) - 1;
    std::set<std::string, std::less<>> names;
    for (const wire::Enumerator* each : *from.enumerators()) {
      Enumerator one{text_of(each->name()), each->value(), text_of(each->doc())};
      if (!is_identifier(one.name) || !names.insert(one.name).second) return wrong("has a value without its own name");
      if (one.value < low || one.value > high) return wrong(fmt::format("{} is out of range", one.name));
      if (!type.enumerator_index.emplace(one.value, type.enumerators.size()).second) {
        return wrong(fmt::format("{} has the value of another one", one.name));
      }
      if (is_mask) type.flags |= std::uint64_t{1} << static_cast<unsigned>(one.value);
      type.enumerators.push_back(std::move(one));
    }
    if (!is_mask && type.enumerator(type.initial) == nullptr) return wrong("its default is none of its values");
    type.zero_is_default = is_mask || type.initial == 0;
    if (type.size != type.bits / 8 || type.align != type.size) return wrong("its size is not that of its bits");
    return true;
  }

  bool load_members(const wire::Type& from, Type& type) {
    const std::size_t count = from.members() == nullptr ? 0 : from.members()->size();
    type.members.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      Member& member = type.members.emplace_back();
      if (!load_member(*from.members()->Get(static_cast<flatbuffers::uoffset_t>(i)), member)) return false;
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (!type.member_index.emplace(type.members[i].name, i).second) return wrong("two members have its name");
      type.depth = std::max(type.depth, type.members[i].shape->depth + 1);
    }
    return true;
  }

  bool load_member(const wire::Member& from, Member& member) {
    member_ = nullptr;
    member.name = text_of(from.name());
    if (!is_identifier(member.name)) return wrong("a member has no name");
    member_ = &member;
    member.offset = from.offset();
    member.id = from.id();
    member.key = from.key();
    member.unit = text_of(from.unit());
    member.doc = text_of(from.doc());
    member.is_default = from.is_default();
    member.tag = from.tag();
    if (from.labels() != nullptr && may_copy(std::size_t{from.labels()->size()} * 64)) {
      member.labels.resize(from.labels()->size());  // byte by byte: the verifier lets them lie anywhere
      if (!member.labels.empty()) std::memcpy(member.labels.data(), from.labels()->Data(), member.labels.size() * 8);
    }
    if (from.shape() == nullptr) return wrong("has no type");
    member.shape = load_shape(*from.shape(), true);
    if (member.shape == nullptr) return false;
    return load_values(from, member);
  }

  bool load_values(const wire::Member& from, Member& member) {
    if (const wire::Value* value = from.default_value()) {
      const Shape& shape = *member.shape;
      member.default_value = Value{value->bits(), text_of(value->text())};
      const bool is_text = shape.form == Form::string;
      if (is_text ? shape.bound != 0 && member.default_value->text.size() > shape.bound
                  : !is_scalar(shape) || !fits(shape, value->bits())) {
        return wrong("its default is not of its type");
      }
    }
    const Shape* number = member.shape;
    while (number->element != nullptr) number = number->element;
    for (const auto& [end, into] : {std::pair(from.low(), &member.low), std::pair(from.high(), &member.high)}) {
      if (end == nullptr) continue;
      if (!is_number(*number) || !fits(*number, end->bits())) return wrong("its range is not of its type");
      *into = Value{end->bits(), {}};
    }
    return true;
  }

  /// An optional may only be a member as a whole.
  const Shape* load_shape(const wire::Shape& from, bool outermost) {
    if (from.form() > wire::Form::MAX) return refused("is of an unknown form");
    Shape shape;
    shape.form = static_cast<Form>(from.form());
    shape.bound = from.bound();
    if (from.element() != nullptr) {
      if (++nesting_ > kMaxDepth) return refused("nests too deeply");
      shape.element = load_shape(*from.element(), false);
      --nesting_;
      if (shape.element == nullptr) return nullptr;
      shape.depth = shape.element->depth + 1;
    }
    const bool has_element = shape.form == Form::sequence || shape.form == Form::array || shape.form == Form::optional;
    if (has_element != (shape.element != nullptr)) return refused("has elements, or lacks them");
    if (shape.form == Form::optional && !outermost) return refused("has an optional inside");
    if (shape.form == Form::named) {
      const auto found = by_name_.find(from.type() == nullptr ? std::string_view() : from.type()->string_view());
      if (found == by_name_.end() || found->second == type_) return refused("is of a type that does not come before");
      shape.type = found->second;
      if (shape.type->layout == Layout::raw) return refused("is of a type of the layout raw");
      shape.depth = shape.type->depth + 1;
    }
    if (shape.form == Form::array && !load_extents(from, shape)) return nullptr;
    measure(shape);
    if (shape.size > kMaxTypeBytes) return refused(fmt::format("takes {} bytes", shape.size));
    if (shape.depth > kMaxDepth) return refused("nests too deeply");
    return &model_.shapes.emplace_back(std::move(shape));
  }

  const Shape* refused(std::string_view what) {
    wrong(what);
    return nullptr;
  }

  bool load_extents(const wire::Shape& from, Shape& shape) {
    if (from.extents() == nullptr || from.extents()->size() == 0) return wrong("has no extents");
    if (shape.element->form == Form::array) return wrong("is an array of arrays");
    if (!may_copy(std::size_t{from.extents()->size()} * 4)) return wrong("has too many extents");
    shape.count = 1;
    for (const std::uint32_t extent : *from.extents()) {
      if (extent == 0 || extent > kMaxTypeBytes / shape.count) return wrong("has too many elements, or none");
      shape.count *= extent;
      shape.extents.push_back(extent);
    }
    return true;
  }

  static void measure(Shape& shape) {
    constexpr std::array<std::uint8_t, 13> kSizes = {1, 1, 1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8};
    const Shape* const element = shape.element;
    switch (shape.form) {
      case Form::string:
        shape.fixed = shape.bound != 0;
        shape.align = 4;
        shape.size = round_up(4 + std::uint64_t{shape.bound}, 4);
        break;
      case Form::sequence:
        shape.fixed = shape.bound != 0 && element->fixed;
        shape.align = std::max(4U, element->align);
        shape.size = round_up(round_up(4, element->align) + element->size * shape.bound, shape.align);
        break;
      case Form::array:
        shape.fixed = element->fixed;
        shape.align = element->align;
        shape.size = element->size * shape.count;
        shape.zero_is_default = element->zero_is_default;
        break;
      case Form::optional:
        shape.fixed = element->fixed;
        shape.align = element->align;
        shape.size = round_up(element->size + 1, element->align);
        break;
      case Form::named:
        shape.fixed = shape.type->layout == Layout::fixed;
        shape.align = shape.type->align;
        shape.size = shape.type->size;
        shape.zero_is_default = shape.type->zero_is_default;
        break;
      default:
        shape.size = kSizes[static_cast<std::size_t>(shape.form)];
        shape.align = static_cast<std::uint32_t>(shape.size);
    }
    if (shape.fixed) return;
    shape.size = 0;
    shape.align = 1;
  }

  /// Where members lie that follow each other.
  bool check_layout(Type& type) {
    std::uint64_t end = 0;
    std::uint32_t align = 1;
    for (const Member& member : type.head()) {
      member_ = &member;
      if (!member.shape->fixed) return wrong("has no fixed size");
      end = round_up(end, member.shape->align);
      if (member.offset != end) return wrong(fmt::format("lies at byte {}, not {}", member.offset, end));
      end += member.shape->size;
      if (end > kMaxTypeBytes) return wrong("lies beyond the largest size");
      align = std::max(align, member.shape->align);
      if (!is_zero(member)) type.zero_is_default = false;
    }
    member_ = nullptr;
    return check_extent(type, std::max<std::uint64_t>(1, round_up(end, align)), align);
  }

  bool check_extent(const Type& type, std::uint64_t size, std::uint32_t align) {
    if (type.size == size && type.align == align) return true;
    return wrong(fmt::format("takes {} bytes at a multiple of {}, not {} at {}", type.size, type.align, size, align));
  }

  static bool is_zero(const Member& member) {
    if (!member.default_value) return member.shape->zero_is_default;
    return member.default_value->bits == 0 && member.default_value->text.empty();
  }

  bool load_raw(const wire::Type& from, Type& type) {
    if (type.members.empty()) return wrong("has no elements");
    const Member& tail = type.members.back();
    member_ = &tail;
    if (tail.shape->form != Form::sequence || tail.shape->bound != 0 || !tail.shape->element->fixed) {
      return wrong("is no sequence that could be the end of a raw struct");
    }
    type.elements_offset = from.elements_offset();
    type.element_size = from.element_size();
    const std::uint64_t begin = raw_elements_offset(type.size);
    if (!check_layout(type)) return false;
    member_ = &tail;
    if (type.elements_offset != begin || tail.offset != begin) return wrong(fmt::format("does not begin at {}", begin));
    if (type.element_size != tail.shape->element->size) return wrong("has elements of another size");
    return true;
  }

  bool check_table(Type& type) {
    std::set<std::uint16_t> ids;
    for (const Member& member : type.members) {
      member_ = &member;
      if (member.id > kMaxId || !ids.insert(member.id).second) return wrong("has no place in the table");
      if (member.default_value && member.shape->form == Form::string) return wrong("has a default text in a table");
      type.zero_is_default = false;
    }
    type.size = 0;
    type.align = 1;
    return true;
  }

  bool load_union(const wire::Type& from, Type& type) {
    if (from.tag() == nullptr) return wrong("has no tag");
    type.tag = load_shape(*from.tag(), false);
    if (type.tag == nullptr) return false;
    const Shape& tag = *type.tag;
    if (!is_scalar(tag) || is_float(tag) || is_bitmask(tag)) return wrong("has a tag that cannot be one");
    if (type.members.empty()) return wrong("has no members");
    std::uint64_t size = 0;
    std::uint32_t align = 1;
    for (std::size_t i = 0; i < type.members.size(); ++i) {
      const Member& member = type.members[i];
      member_ = &member;
      if (!member.shape->fixed || member.shape->form == Form::optional) return wrong("has no fixed size");
      size = std::max(size, member.shape->size);
      align = std::max(align, member.shape->align);
      if (member.is_default && std::exchange(type.default_case, i)) return wrong("is a second default");
      for (const std::int64_t label : member.labels) {
        if (!fits_tag(tag, label) || !type.case_index.emplace(label, i).second) return wrong("has a label in vain");
      }
    }
    const std::uint64_t begin = round_up(tag.size, align);
    for (const Member& member : type.members) {
      member_ = &member;
      if (member.offset != begin) return wrong(fmt::format("lies at byte {}, not {}", member.offset, begin));
      if (!fits_tag(tag, member.tag) || type.selected(member.tag) != &member)
        return wrong("is not what its tag selects");
    }
    member_ = nullptr;
    const Member* const initial = fits_tag(tag, type.initial) ? type.selected(type.initial) : nullptr;
    if (initial == nullptr) return wrong("its first tag selects no member");
    type.zero_is_default = type.initial == 0 && is_zero(*initial);
    const std::uint32_t whole = std::max(tag.align, align);
    return check_extent(type, round_up(begin + round_up(size, align), whole), whole);
  }

  const wire::Description& from_;
  Model& model_;
  std::map<std::string, const Type*, std::less<>> by_name_;
  const Type* type_ = nullptr;      // where the reading is
  const Member* member_ = nullptr;  // there
  std::uint32_t nesting_ = 0;
  std::size_t copied_ = 0;
  std::string problem_;
};

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Errc::corrupt, "a type's description", what, "take it from a program of the same version of baton");
}

}  // namespace

std::string_view name_of(const Shape& shape) noexcept {
  constexpr std::array<std::string_view, 18> kNames = {"boolean", "char",   "octet",    "int8",   "int16",    "int32",
                                                       "int64",   "uint8",  "uint16",   "uint32", "uint64",   "float",
                                                       "double",  "string", "sequence", "array",  "optional", "named"};
  return shape.type != nullptr ? std::string_view(shape.type->name) : kNames[static_cast<std::size_t>(shape.form)];
}

Limits limits_of(const Shape& shape) noexcept {
  if (shape.form == Form::boolean) return {0, 1};
  if (is_bitmask(shape) || !is_signed(shape)) {
    return {0, shape.size >= 8 ? std::numeric_limits<std::uint64_t>::max() : (std::uint64_t{1} << shape.size * 8) - 1};
  }
  const std::uint64_t high = (std::uint64_t{1} << (shape.size * 8 - 1)) - 1;
  return {-static_cast<std::int64_t>(high) - 1, high};
}

Result<std::shared_ptr<const Model>> load(std::span<const std::byte> bytes) {
  if (bytes.empty()) return damaged("it is empty");
  if (bytes.size() > kMaxBytes) return damaged(fmt::format("has {} bytes, more than {}", bytes.size(), kMaxBytes));
  auto model = std::make_shared<Model>();
  model->words.resize((bytes.size() + 7) / 8);
  model->bytes = bytes.size();
  std::memcpy(model->words.data(), bytes.data(), bytes.size());
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(model->words.data());
  flatbuffers::Verifier verifier(begin, bytes.size(), kMaxDepth + 8);
  if (bytes.size() < 8 || !verifier.VerifyBuffer<wire::Description>(nullptr)) return damaged("is no FlatBuffer of one");
  Loader loader(*flatbuffers::GetRoot<wire::Description>(begin), *model);
  const bool sound = loader.run();
  if (loader.copied_too_much()) return damaged("says the same too often");
  if (!sound) return damaged(loader.problem());
  make_infos(*model);
  return model;
}

}  // namespace description
}  // namespace v1
}  // namespace baton
