// What is mounted, as a process's mountinfo in /proc has it.
#pragma once

#include <string>
#include <string_view>

namespace baton {
inline namespace v1 {
namespace posix {

/// One line of mountinfo, whose fields are empty from the first one on that is not there.
struct Mount {
  explicit Mount(const std::string& line);

  std::string device;  ///< "major:minor"
  std::string root;    ///< the directory of the file system that is mounted
  std::string point;
  std::string type;     ///< of the file system
  std::string options;  ///< the file system's own, between commas

  bool has_option(std::string_view option) const;
};

/// Whether a list with commas between its words has that one.
bool has_word(std::string_view list, std::string_view word);

}  // namespace posix
}  // namespace v1
}  // namespace baton
