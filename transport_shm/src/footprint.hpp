#pragma once

#include "baton/footprint.hpp"
#include "layout.hpp"

namespace baton::shm {

/// What is predicted of this transport: the formula is at Footprint.
Footprint footprint_of(const FootprintRequest& request, Plane plane);

}  // namespace baton::shm
