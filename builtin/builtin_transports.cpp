#include "baton/node.hpp"
#include "baton/transport_inproc.hpp"

namespace baton {
inline namespace v1 {

std::vector<std::shared_ptr<Transport>> builtin_transports() { return {inproc_transport()}; }

}  // namespace v1
}  // namespace baton
