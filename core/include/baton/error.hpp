#pragma once

#include <cstdint>
#include <exception>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <tl/expected.hpp>

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {

/// What went wrong, for a program to branch on. The text for a person is in `Error::message()`.
enum class Errc : std::uint8_t {
  invalid_argument,   ///< a value outside its documented range
  invalid_name,       ///< a topic, node or domain name with a character or length that is not allowed
  no_topic_name,      ///< no name was given and the type has no `@topic(name=...)`
  invalid_config,     ///< a configuration file or an environment variable that cannot be accepted
  unknown_transport,  ///< a transport name that this program does not have
  too_many_loans,     ///< the publisher's `max_loans` chunks are all on loan
  out_of_chunks,      ///< the publisher's pool is empty: its readers hold or queue every chunk
  too_large,          ///< a message larger than its chunk
  closed,             ///< the node, publisher or subscriber has been closed
  no_space,      ///< the machine has not enough memory, shared memory or descriptors, or a limit of yours is reached
  permission,    ///< a file or directory that belongs to somebody else, or that others could change
  incompatible,  ///< shared files of another version of baton, which is still in use
  corrupt,       ///< a shared file that is damaged
  in_use,        ///< something that has another use just now
  forked,        ///< called in a child that was forked from the process that opened the node
  system,        ///< a system call failed; `Error::os_errno()` says how
};

/// The name of an error code as it is spelt in the source: "invalid_name".
BATON_API std::string_view to_string(Errc code) noexcept;

/// Why a cold call could not do what was asked: a code for the program, one line for a person.
///
/// An error is a value: copying it is cheap (the text is shared), and it may be kept and passed between threads.
class [[nodiscard]] BATON_API Error {
 public:
  /// `where` names the thing concerned (topic "imu/raw", a file with its line), `cause` what is wrong with it,
  /// `remedy` what the reader can do about it. `os_errno` is the errno of a failed system call, or 0.
  Error(Errc code, std::string_view where, std::string_view cause, std::string_view remedy, int os_errno = 0);

  Errc code() const noexcept { return code_; }
  int os_errno() const noexcept { return os_errno_; }

  /// "where: cause (system's reason); remedy", as one line.
  const std::string& message() const noexcept { return *message_; }

 private:
  std::shared_ptr<const std::string> message_;
  int os_errno_;
  Errc code_;
};

BATON_API std::ostream& operator<<(std::ostream& out, const Error& error);

/// The outcome of a cold call: the value, or an `Error`. `value()` throws on an error; that exception prints the
/// error's message (see the specialisation below), so an unhandled one still tells the user what to do.
template <class T>
using Result = tl::expected<T, Error>;

/// Wraps an error for `return`: a new one, `return fail(Errc::closed, ...)`, or one that is passed on,
/// `return fail(std::move(result).error())`.
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(Args&&... args) {
  return tl::unexpected<Error>(Error(std::forward<Args>(args)...));
}

}  // namespace v1
}  // namespace baton

/// What `Result::value()` throws when there is an error instead of a value. The general template says only "Bad
/// expected access"; this one says what happened.
template <>
class BATON_API tl::bad_expected_access<baton::Error> : public std::exception {
 public:
  explicit bad_expected_access(baton::Error error) : error_(std::move(error)) {}

  const char* what() const noexcept override { return error_.message().c_str(); }
  const baton::Error& error() const noexcept { return error_; }

 private:
  baton::Error error_;
};

template <>
struct fmt::formatter<baton::Error> : fmt::formatter<std::string_view> {
  auto format(const baton::Error& error, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(error.message(), context);
  }
};
