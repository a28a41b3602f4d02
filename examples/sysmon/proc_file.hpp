#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "descriptor.hpp"

namespace sysmon {

/// A file of /proc that is read again and again. It stays open, and its buffer grows to what the file needs; after that
/// a reading allocates nothing.
class ProcFile {
 public:
  explicit ProcFile(std::string path) : path_(std::move(path)) {}

  /// The whole content now; it is valid until the next reading. Nothing if there is no such file, or none that can be
  /// read: the next reading tries again.
  std::optional<std::string_view> read();

 private:
  std::string path_;
  Descriptor file_;
  std::vector<char> buffer_;
};

}  // namespace sysmon
