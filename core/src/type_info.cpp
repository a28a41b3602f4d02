#include "baton/type_info.hpp"

#include <iterator>

#include <fmt/format.h>

namespace baton {
inline namespace v1 {

std::string to_string(const Fingerprint& fingerprint) {
  std::string text;
  for (const std::uint8_t byte : fingerprint.bytes) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

}  // namespace v1
}  // namespace baton
