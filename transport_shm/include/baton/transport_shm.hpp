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

/// The large-data ring, "ring": one buffer of each publisher's, mapped by its readers, for messages of any size. A
/// publish costs the same for one reader as for many. Otherwise as "shm".
///
/// All calls return the same instance.
BATON_API std::shared_ptr<Transport> ring_transport();

}  // namespace v1
}  // namespace baton
