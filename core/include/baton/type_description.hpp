#pragma once

// Types that a program was not built with: a description in binary form, found in a port's announcement or a recording,
// from which messages are read, written and checked. See docs/generic.md.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "baton/error.hpp"
#include "baton/export.hpp"
#include "baton/type_info.hpp"
#include "baton/validate.hpp"

namespace baton {
inline namespace v1 {

namespace description {
struct Model;
}

/// What a message type is: what a `TypeInfo` says, and besides that defaults, ranges and units, without generated code.
/// A value: copies are cheap, share what they describe, and may be used on any thread.
class BATON_API TypeDescription {
 public:
  /// Reads a description and checks all of it: the bytes may come from anywhere. They are copied. Fails with
  /// `Errc::corrupt`, naming the type and member that is not what it should be.
  [[nodiscard]] static Result<TypeDescription> load(std::span<const std::byte> bytes);

  /// That of a generated type. Fails for a type that is no message, and has none.
  [[nodiscard]] static Result<TypeDescription> of(const TypeInfo& info);
  template <Message T>
  [[nodiscard]] static Result<TypeDescription> of() {
    return of(TypeTraits<T>::info());
  }

  /// The scoped name: "sensors::Imu".
  std::string_view name() const noexcept { return info().name; }
  /// The default topic name, or empty.
  std::string_view topic() const noexcept { return info().topic; }
  std::string_view canonical() const noexcept { return info().canonical; }
  const Fingerprint& fingerprint() const noexcept { return info().fingerprint; }
  Layout layout() const noexcept { return info().layout; }

  /// The same as a generated type has. It and all that it refers to live as long as this or a copy of it; of types that
  /// are a part of it, `fingerprint`, `canonical` and `description` are empty.
  const TypeInfo& info() const noexcept;

  /// What `load` was given.
  std::span<const std::byte> bytes() const noexcept;

  /// For baton's own sources.
  const description::Model& model() const noexcept { return *model_; }

 private:
  explicit TypeDescription(std::shared_ptr<const description::Model> model) noexcept;

  std::shared_ptr<const description::Model> model_;  // never null
};

namespace detail {
/// Of a table that was verified, wherever it lies.
BATON_API std::optional<ValidationError> validate_table(const TypeDescription& type, const void* table);
}  // namespace detail

/// The first thing in which a message breaks its IDL, or nothing: what `validate(T)` says, without the type. Of a
/// table, also a structure that leads astray. Safe whatever the bytes are; `message` is the message alone, as
/// `GenericSample::bytes` has it.
[[nodiscard]] BATON_API std::optional<ValidationError> validate(const TypeDescription& type,
                                                                std::span<const std::byte> message);

}  // namespace v1
}  // namespace baton
