#include "baton/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace baton {
inline namespace v1 {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: baton: broken invariant: %s\n", file, line, condition);
  std::abort();
}

}  // namespace v1
}  // namespace baton
