#include "posix/mounts.hpp"

#include <sstream>

namespace baton {
inline namespace v1 {
namespace posix {

Mount::Mount(const std::string& line) {
  std::istringstream words(line);
  std::string id, parent, word;
  words >> id >> parent >> device >> root >> point;
  while (words >> word && word != "-") {  // options of this mount, and how it propagates
  }
  std::string source;
  words >> type >> source >> options;
}

bool Mount::has_option(std::string_view option) const { return has_word(options, option); }

bool has_word(std::string_view list, std::string_view word) {
  return ("," + std::string(list) + ",").find("," + std::string(word) + ",") != std::string::npos;
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
