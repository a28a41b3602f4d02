#pragma once

#include <memory>

#include "baton/port.hpp"

namespace baton {
inline namespace v1 {

/// The shared-memory transport, "shm": publishers' chunks mapped by their readers, and queues of references, between
/// the processes of a machine. Callbacks run on a thread of the node, its dispatcher, one at a time.
///
/// All calls return the same instance. Nodes reach each other when they are of one user and their domains have the same
/// name and directory.
BATON_API std::shared_ptr<Transport> shm_transport();

}  // namespace v1
}  // namespace baton
