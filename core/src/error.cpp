#include "baton/error.hpp"

#include <cstring>
#include <ostream>
#include <system_error>

namespace baton {
inline namespace v1 {

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_argument: return "invalid_argument";
    case Errc::invalid_name: return "invalid_name";
    case Errc::no_topic_name: return "no_topic_name";
    case Errc::invalid_config: return "invalid_config";
    case Errc::unknown_transport: return "unknown_transport";
    case Errc::too_many_loans: return "too_many_loans";
    case Errc::out_of_chunks: return "out_of_chunks";
    case Errc::too_large: return "too_large";
    case Errc::closed: return "closed";
    case Errc::no_space: return "no_space";
    case Errc::permission: return "permission";
    case Errc::incompatible: return "incompatible";
    case Errc::corrupt: return "corrupt";
    case Errc::in_use: return "in_use";
    case Errc::forked: return "forked";
    case Errc::system: return "system";
  }
  return "unknown";
}

Error::Error(Errc code, std::string_view where, std::string_view cause, std::string_view remedy, int os_errno)
    : os_errno_(os_errno), code_(code) {
  std::string text = fmt::format("{}: {}", where, cause);
  if (os_errno != 0) {
    // A cause that is another error's message has said it.
    const std::string reason = fmt::format(" ({})", std::generic_category().message(os_errno));
    if (cause.find(reason) == std::string_view::npos) text += reason;
  }
  if (!remedy.empty()) text += fmt::format("; {}", remedy);
  message_ = std::make_shared<const std::string>(std::move(text));
}

std::ostream& operator<<(std::ostream& out, const Error& error) { return out << error.message(); }

}  // namespace v1
}  // namespace baton
