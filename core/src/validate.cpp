#include "baton/validate.hpp"

#include <utility>

namespace baton {
inline namespace v1 {
namespace detail {

Finding bad_byte(std::uint8_t byte, std::string_view what) {
  return ValidationError{"", fmt::format("the byte {} is neither {}", byte, what)};
}

Finding bad_length(std::uint32_t length, std::size_t bound) {
  return ValidationError{"", fmt::format("the length {} is more than {}", length, bound)};
}

Finding inside(std::string_view name, Finding finding) {
  if (!finding) return finding;
  const bool joined = finding->path.empty() || finding->path.front() == '[';
  finding->path = fmt::format("{}{}{}", name, joined ? "" : ".", finding->path);
  return finding;
}

Finding inside(std::size_t index, Finding finding) { return inside(fmt::format("[{}]", index), std::move(finding)); }

}  // namespace detail
}  // namespace v1
}  // namespace baton
