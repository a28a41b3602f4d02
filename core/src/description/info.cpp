// A model as the reflection that generated code has: so that whoever works with a TypeInfo can work with a description.
#include <algorithm>

#include <fmt/format.h>

#include "description/model.hpp"

namespace baton {
inline namespace v1 {
namespace description {
namespace {

/// As IDL would spell it: "double[3]", "sequence<geo::Point, 4>".
std::string type_text(const Shape& shape) {
  const auto inside = [&] { return type_text(*shape.element); };
  switch (shape.form) {
    case Form::string: return shape.bound == 0 ? "string" : fmt::format("string<{}>", shape.bound);
    case Form::sequence:
      return shape.bound == 0 ? fmt::format("sequence<{}>", inside())
                              : fmt::format("sequence<{}, {}>", inside(), shape.bound);
    case Form::optional: return fmt::format("optional<{}>", inside());
    case Form::array: {
      std::string text = inside();
      for (const std::uint32_t extent : shape.extents) text += fmt::format("[{}]", extent);
      return text;
    }
    default: return std::string(name_of(shape));
  }
}

std::string label_text(const Shape& tag, std::int64_t label) {
  if (is_enum(tag)) {
    const Enumerator* const enumerator = tag.type->enumerator(label);
    if (enumerator != nullptr) return enumerator->name;
  }
  if (tag.form == Form::boolean) return label != 0 ? "TRUE" : "FALSE";
  return tag.form == Form::uint64 ? fmt::to_string(static_cast<std::uint64_t>(label)) : fmt::to_string(label);
}

std::string role(const Type& type, const Member& member) {
  if (type.kind != TypeKind::union_) return member.key ? "key" : "";
  std::string text = "case ";
  for (const std::int64_t label : member.labels) text += label_text(*type.tag, label) + ", ";
  if (member.is_default) text += "default, ";
  return text.substr(0, text.size() - 2);
}

std::string doc(const Member& member) {
  if (member.unit.empty()) return member.doc;
  return fmt::format("{}{}[{}]", member.doc, member.doc.empty() ? "" : " ", member.unit);
}

const TypeInfo* nested(const Shape& shape) noexcept {
  const Shape* inner = &shape;
  while (inner->element != nullptr) inner = inner->element;
  return inner->type == nullptr ? nullptr : &inner->type->info;
}

}  // namespace

void make_infos(Model& model) {
  const auto keep = [&model](std::string text) { return std::string_view(model.texts.emplace_back(std::move(text))); };
  for (Type& type : model.types) {
    if (type.kind == TypeKind::union_) {
      type.fields.push_back({"(tag)", keep(type_text(*type.tag)), 0, type.tag->size, "", nested(*type.tag), ""});
    }
    for (const Member& member : type.members) {
      type.fields.push_back({member.name, keep(type_text(*member.shape)), member.offset, member.shape->size,
                             keep(doc(member)), nested(*member.shape), keep(role(type, member))});
    }
    for (const Enumerator& each : type.enumerators) {
      type.enumerator_infos.push_back({each.name, each.value, each.doc});
    }
    type.info.kind = type.kind;
    type.info.name = type.name;
    type.info.topic = type.topic;
    type.info.doc = type.doc;
    type.info.size = type.size;
    type.info.alignment = type.align;
    type.info.layout = type.layout;
    type.info.elements_offset = type.elements_offset;
    type.info.element_size = type.element_size;
    type.info.max_bytes = type.max_bytes;
    type.info.qos = type.hints;
    type.info.fields = type.fields;
    type.info.enumerators = type.enumerator_infos;
  }
  TypeInfo& root = model.types.back().info;
  root.fingerprint = model.fingerprint;
  root.canonical = model.canonical;
  root.description = model.words;
}

}  // namespace description
}  // namespace v1
}  // namespace baton
