#include "baton/type_description.hpp"

#include <utility>

#include <fmt/format.h>

#include "description/model.hpp"

namespace baton {
inline namespace v1 {

TypeDescription::TypeDescription(std::shared_ptr<const description::Model> model) noexcept : model_(std::move(model)) {}

Result<TypeDescription> TypeDescription::load(std::span<const std::byte> bytes) {
  auto model = description::load(bytes);
  if (!model) return fail(std::move(model).error());
  return TypeDescription(*std::move(model));
}

Result<TypeDescription> TypeDescription::of(const TypeInfo& info) {
  if (info.description.empty()) {
    return fail(Errc::invalid_argument, fmt::format("type {}", info.name), "has no description",
                "only structs have one, of headers that this version's batongen made");
  }
  return load(std::as_bytes(info.description));
}

const TypeInfo& TypeDescription::info() const noexcept { return model_->root().info; }

std::span<const std::byte> TypeDescription::bytes() const noexcept {
  return std::as_bytes(std::span(model_->words)).first(model_->bytes);
}

}  // namespace v1
}  // namespace baton
