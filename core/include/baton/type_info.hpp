#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "baton/export.hpp"
#include "baton/qos.hpp"

namespace baton {
inline namespace v1 {

/// SHA-256, cut to 128 bits, over a type's canonical text. Two programs agree about a type when these agree.
struct Fingerprint {
  std::array<std::uint8_t, 16> bytes{};

  friend constexpr bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

/// 32 lower-case hexadecimal digits.
BATON_API std::string to_string(const Fingerprint& fingerprint);

/// The reverse of `to_string`, for generated code: 32 digits, checked when the program is compiled.
consteval Fingerprint fingerprint_from_hex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  Fingerprint fingerprint;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = static_cast<std::uint8_t>(kDigits.find(text[i]));
    std::uint8_t& byte = fingerprint.bytes.at(i / 2);
    byte = static_cast<std::uint8_t>(byte * 16 + digit);
  }
  return fingerprint;
}

/// How a message lies in its chunk.
enum class Layout : std::uint8_t {
  fixed,  ///< a plain relocatable struct of a size known at compile time
  raw,    ///< such a struct, the number of elements that follow, and from the next multiple of 64 on the elements
  table,  ///< a FlatBuffer, which ends where the chunk ends
};

/// What a TypeInfo describes. (The names are words of C++, hence the '_'.)
enum class TypeKind : std::uint8_t { struct_, enum_, bitmask_, union_ };

struct TypeInfo;

/// One member of a struct.
struct FieldInfo {
  std::string_view name;             ///< as in the IDL
  std::string_view type;             ///< as in the IDL, resolved: "double[3]", "string<32>", "sequence<geo::Point, 4>"
  std::uint64_t offset = 0;          ///< bytes from the start of the struct
  std::uint64_t size = 0;            ///< bytes, all elements of an array included
  std::string_view doc;              ///< the doc comment, or empty
  const TypeInfo* nested = nullptr;  ///< the generated type it is made of (also as an element), or null
  std::string_view role;             ///< of a key: "key"; in a union, its labels: "case 1, 2", "case default"
};

/// One value of an enum, or one flag of a bitmask.
struct EnumeratorInfo {
  std::string_view name;
  std::int64_t value = 0;  ///< of a flag: its position, 0 for the lowest bit
  std::string_view doc;
};

/// What the IDL says of the quality of service of a type's topics, with `@baton(depth=..., history=..., overflow=...)`:
/// for ports that neither code nor configuration tell otherwise. Ports ask nothing of each other by it.
struct TopicHints {
  std::optional<std::uint32_t> depth = {};
  std::optional<std::uint32_t> history = {};
  std::optional<Overflow> overflow = {};
};

/// What is known of a message type at run time. The generator emits one for each struct, union, enum and
/// bitmask of an IDL file, with static storage: pointers and views to it stay valid for the life of the program.
struct TypeInfo {
  TypeKind kind = TypeKind::struct_;
  std::string_view name;        ///< scoped: "sensors::Imu"
  std::string_view topic;       ///< the default topic name, from `@topic(name=...)`, or empty
  std::string_view doc;         ///< the doc comment, or empty
  Fingerprint fingerprint;      ///< of `canonical`
  std::string_view canonical;   ///< the resolved type as text, one line a member; see docs/architecture.md
  std::uint64_t size = 0;       ///< bytes; of a raw type, of its head
  std::uint64_t alignment = 0;  ///< bytes
  Layout layout = Layout::fixed;
  std::uint64_t elements_offset = 0;  ///< of a raw type: bytes from the start of the head to its elements
  std::uint64_t element_size = 0;     ///< of a raw type: bytes
  std::uint64_t max_bytes = 0;        ///< that a message may take, from `@baton(max_size=...)`; 0: no limit of its own
  TopicHints qos = {};                ///< of its topics
  std::span<const FieldInfo> fields;  ///< of a struct; of a union the tag, called "(tag)", then the members
  std::span<const EnumeratorInfo> enumerators;      ///< of an enum or bitmask
  std::span<const std::uint64_t> description = {};  ///< of a struct: all this and more, for programs without its code,
                                                    ///< as bytes that `TypeDescription::load` reads
};

/// Specialised by generated code for every type it declares:
///   static const TypeInfo& info();                     the description above
///   static constexpr std::uintN_t kFlags;              bitmasks: the bits of all flags
///   static constexpr bool is_known(T);                 enums: whether the value is one of the enumerators
///   static constexpr bool kZeroIsDefault;              structs, unions: zero bytes are a value with all its defaults
///   static void visit(const T&, visitor);              structs: calls visitor(name, member) for each member, in order;
///                                                      unions: for the member that counts, if there is one
///   static void visit_ranges(const T&, visitor);       where there are any: calls visitor(name, member, range)
///   static auto key(const T&);                         where there are any: the keys, see `key_of`
template <class T>
struct TypeTraits;

/// A message of the layout `table`: its type is FlatBuffers' view of it. `TypeTraits<T>::open(payload, capacity,
/// bytes)` finds the message in its chunk, or says that there is none.
template <class T>
concept TableMessage = requires(const std::byte* payload) {
  { TypeTraits<T>::info() } -> std::same_as<const TypeInfo&>;
  { TypeTraits<T>::open(payload, std::size_t{}, std::size_t{}) }
  noexcept->std::same_as<const T*>;
};

/// A type that can be published: generated, and relocatable, or a view of what is.
template <class T>
concept Message = TableMessage<T> ||
    (std::is_trivially_copyable_v<T>&& std::is_class_v<T> && alignof(T) <= 64 && requires {
      { TypeTraits<T>::info() } -> std::same_as<const TypeInfo&>;
      { TypeTraits<T>::kZeroIsDefault } -> std::convertible_to<bool>;
    });

namespace detail {

/// Whether a message of the type may not take so many bytes, although its chunk may have room for them.
template <class T>
bool is_too_large(std::size_t bytes) noexcept {
  const std::uint64_t most = TypeTraits<T>::info().max_bytes;
  return most != 0 && bytes > most;
}

}  // namespace detail

/// Whether messages of the one type, given by its canonical text, can be read as messages of the other: equal texts, or
/// two tables of which one has only got more members at its end, also in the tables inside it, or more enumerators in
/// its enums, where both say @appendable. A reader finds what its writer does not know absent.
BATON_API bool compatible(std::string_view mine, std::string_view theirs);

/// The first thing in which two canonical texts differ, as a person would say it, from the side of `mine`:
/// "field accel: double[3] here, float[3] in imu_driver". Empty if they are equal. Of tables, the first thing in which
/// they are not compatible.
BATON_API std::string first_difference(std::string_view mine, std::string_view theirs, std::string_view their_name);

}  // namespace v1
}  // namespace baton
