// A directory for one test, removed with all that is in it.
#pragma once

#include <fcntl.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "baton/posix/file_descriptor.hpp"

namespace baton::testing_support {

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_("/tmp/baton_posix_test_XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
    fd_ = posix::FileDescriptor::open(path_, O_RDONLY | O_DIRECTORY).value();
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const posix::FileDescriptor& fd() const { return fd_; }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
  posix::FileDescriptor fd_;
};

}  // namespace baton::testing_support
