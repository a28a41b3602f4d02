// Shared memory for one test, which needs no place of its own.
#pragma once

#include <fcntl.h>

#include "baton/posix/shared_memory.hpp"

namespace baton::testing_support {

inline posix::SharedMemory unnamed_memory(std::uint64_t bytes) {
  const auto directory = posix::FileDescriptor::open("/dev/shm", O_RDONLY | O_DIRECTORY).value();
  return posix::SharedMemory::create(directory, bytes).value();
}

}  // namespace baton::testing_support
