// The description of a table with one member for each way in which tables hold things; plan.fbs is the same type as
// FlatBuffers' own compiler knows it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "baton/type_description.hpp"
#include "description_generated.h"

namespace described {

namespace wire = baton::description::wire;

class PlanDescription {
 public:
  static baton::TypeDescription make() {
    const std::vector<std::byte> bytes = PlanDescription().build();
    return baton::TypeDescription::load(bytes).value();
  }

 private:
  using Shape = flatbuffers::Offset<wire::Shape>;
  using Member = flatbuffers::Offset<wire::Member>;
  using Type = flatbuffers::Offset<wire::Type>;

  Shape shape(wire::Form form, std::uint32_t bound = 0, Shape element = 0, std::vector<std::uint32_t> extents = {}) {
    return wire::CreateShapeDirect(b_, form, bound, extents.empty() ? nullptr : &extents, element);
  }
  Shape named(const char* name) { return wire::CreateShapeDirect(b_, wire::Form::named, 0, nullptr, 0, name); }
  Shape sequence(Shape element, std::uint32_t bound = 0) { return shape(wire::Form::sequence, bound, element); }
  Shape array(Shape element) { return shape(wire::Form::array, 0, element, {2, 2}); }
  Shape optional(Shape element) { return shape(wire::Form::optional, 0, element); }

  Member member(const char* name, Shape of, std::uint16_t id, std::uint64_t offset = 0,
                flatbuffers::Offset<wire::Value> default_value = 0) {
    return wire::CreateMemberDirect(b_, name, of, offset, id, false, default_value);
  }

  Type table(const char* name, const std::vector<Member>& members) {
    return wire::CreateTypeDirect(b_, name, wire::Kind::structure, wire::Layout::table, true, 0, 1, &members);
  }

  std::vector<std::byte> build() {
    using wire::Form;
    const std::vector values = {wire::CreateEnumeratorDirect(b_, "ok", 0),
                                wire::CreateEnumeratorDirect(b_, "warning", 1),
                                wire::CreateEnumeratorDirect(b_, "error", 10)};
    const Type level = wire::CreateTypeDirect(b_, "plan::Level", wire::Kind::enumeration, wire::Layout::fixed, false, 4,
                                              4, nullptr, &values, 32, 0, 1);
    const std::vector point_members = {member("x", shape(Form::float64), 0), member("y", shape(Form::float64), 1, 8)};
    const Type point = wire::CreateTypeDirect(b_, "plan::Point", wire::Kind::structure, wire::Layout::fixed, false, 16,
                                              8, &point_members);
    const std::uint64_t bits = 0x3FF8000000000000U;  // 1.5
    const Type step = table("plan::Step", {member("name", shape(Form::string, 8), 0),
                                           member("metres", shape(Form::float64), 1, 0, wire::CreateValue(b_, bits))});
    const Type plan =
        table("plan::Plan",
              {member("number", shape(Form::uint64), 0), member("title", shape(Form::string), 1),
               member("steps", sequence(named("plan::Step")), 2), member("image", sequence(shape(Form::octet), 6), 3),
               member("level", named("plan::Level"), 4), member("names", sequence(shape(Form::string)), 5),
               member("pose", named("plan::Point"), 6), member("path", sequence(named("plan::Point")), 7),
               member("grid", array(shape(Form::float64)), 8), member("words", array(shape(Form::string)), 9),
               member("nested", sequence(sequence(shape(Form::int16))), 10),
               member("maybe", optional(shape(Form::int32)), 11),
               member("maybe_text", optional(shape(Form::string)), 12), member("child", named("plan::Step"), 13),
               member("flag", shape(Form::boolean), 14), member("ratio", shape(Form::float32), 15)});
    const std::vector types = {level, point, step, plan};
    const std::vector<std::uint8_t> fingerprint(16, 0x5A);
    b_.Finish(wire::CreateDescriptionDirect(b_, &types, "baton-type 1\nstruct plan::Plan table\n", &fingerprint));
    const auto* const begin = reinterpret_cast<const std::byte*>(b_.GetBufferPointer());
    return {begin, begin + b_.GetSize()};
  }

  flatbuffers::FlatBufferBuilder b_;
};

}  // namespace described
