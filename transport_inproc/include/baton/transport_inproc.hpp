#pragma once

#include <memory>

#include "baton/port.hpp"

namespace baton {
inline namespace v1 {

/// The in-process transport, "inproc": direct calls and queues between the nodes of this process, without a copy,
/// without shared memory, and without a system call but to wake a sleeper.
///
/// All calls return the same instance. Nodes reach each other when their domains have the same name.
BATON_API std::shared_ptr<Transport> inproc_transport();

}  // namespace v1
}  // namespace baton
