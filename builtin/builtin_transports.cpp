#include "baton/node.hpp"
#include "baton/transport_inproc.hpp"
#include "baton/transport_shm.hpp"

namespace baton {
inline namespace v1 {

std::vector<std::shared_ptr<Transport>> builtin_transports() {
  return {shm_transport(), ring_transport(), inproc_transport()};
}

}  // namespace v1
}  // namespace baton
