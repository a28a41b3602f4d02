#include "baton/posix/membarrier.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "baton/assert.hpp"

namespace baton {
inline namespace v1 {
namespace posix {

bool has_membarrier() noexcept {
  static const bool registered = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return registered;
}

void membarrier() noexcept {
  // Registered, it has no way to fail; going on without the barrier would break what relies on it.
  BATON_ASSERT(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
}

bool has_membarrier_everywhere() noexcept {
  static const bool registered = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
  return registered;
}

void membarrier_everywhere() noexcept {
  BATON_ASSERT(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0);  // as above
}

}  // namespace posix
}  // namespace v1
}  // namespace baton
