#pragma once

// Messages as JSON text, by their description alone. How each IDL type is written: docs/generic.md.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "baton/error.hpp"
#include "baton/export.hpp"
#include "baton/type_description.hpp"

namespace baton {
inline namespace v1 {

/// How JSON is written.
struct JsonStyle {
  std::uint32_t indent = 0;                         ///< spaces for each level; 0: all on one line
  std::size_t max_bytes = std::size_t{256} << 20U;  ///< of the text: a longer one is refused
};

/// Writes a message as one JSON object. `message` is the message alone, as `GenericSample::bytes` has it: of a fixed
/// type the struct; of a raw one the head to the last element; of a table the FlatBuffer. It may come from a process
/// that is not trusted, and be written while it is read: lengths, tags and offsets are checked where they are used, and
/// what is no value is written as what it is (docs/generic.md). Fails with `Errc::corrupt` for a message that is too
/// short or a table that leads outside, and with `too_large` beyond `max_bytes`.
[[nodiscard]] BATON_API Result<std::string> to_json(const TypeDescription& type, std::span<const std::byte> message,
                                                    const JsonStyle& style = {});

namespace detail {
/// As `to_json`, of a table that was verified, wherever it lies.
BATON_API std::string table_text(const TypeDescription& type, const void* table);
}  // namespace detail

/// Makes a message of JSON text, in the form that `to_json` reads. Members that are left out have the defaults of their
/// IDL. Fails with `Errc::invalid_argument` and the path of what is wrong: "accel[2]: expected a number, got a string".
[[nodiscard]] BATON_API Result<std::vector<std::byte>> from_json(const TypeDescription& type, std::string_view text);

}  // namespace v1
}  // namespace baton
