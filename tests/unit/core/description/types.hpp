// Every struct of idl/, for tests that hold for all of them.
#pragma once

#include <gtest/gtest.h>

#include "test/all.hpp"
#include "test/bench.hpp"
#include "test/conformance.hpp"
#include "test/flags.hpp"
#include "test/geometry.hpp"
#include "test/members.hpp"
#include "test/names.hpp"
#include "test/shapes/circle.hpp"
#include "test/unions.hpp"

namespace described {

using FixedTypes = testing::Types<
    test::Scalars, test::Defaults, test::Empty, test::Arrays, test::Sequences, test::Nested, test::inner::deep::Leaf,
    test::Reader, test::Again, shapes::Circle, geometry::Point, geometry::Pose, flags::Permissions, members::Point,
    members::Optionals, members::Name, members::Station, members::One, members::Plain, members::Ranged, members::Base,
    members::Derived, members::More, members::Last, members::Deep, unions::Circle, unions::Rectangle, unions::Scene,
    names::Pose, names::Default, names::namespace_::template_, names::Same, names::Clashes, names::Last, v1::Thing,
    fmt::Thing, bench::Bytes64, bench::Bytes4K, conformance::Message, conformance::Point, conformance::other::Message>;

}  // namespace described
