// Advice on mapped memory that the kernel has had since 5.14, and the headers perhaps not yet.
#pragma once

namespace baton {
inline namespace v1 {
namespace posix {

inline constexpr int kPopulateRead = 22;   // MADV_POPULATE_READ
inline constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE: fails where a store would raise SIGBUS

}  // namespace posix
}  // namespace v1
}  // namespace baton
