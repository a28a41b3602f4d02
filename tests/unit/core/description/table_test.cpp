// Tables by their description, against what FlatBuffers' own compiler makes of the same type.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <gtest/gtest.h>

#include "../../../sanitized.hpp"
#include "baton/json.hpp"
#include "baton/node.hpp"
#include "baton/transport_inproc.hpp"
#include "test/described.hpp"

namespace {

using baton::from_json;
using baton::to_json;
using baton::TypeDescription;

const TypeDescription& plan_type() {
  static const TypeDescription type = TypeDescription::of<plan::Plan>().value();
  return type;
}

/// Makes the description of a table by hand: one that no IDL file of the tests has, or that batongen would not write.
class Handmade {
 public:
  using Part = flatbuffers::Offset<void>;
  static constexpr std::uint8_t kBoolean = 0;
  static constexpr std::uint8_t kUint8 = 7;
  static constexpr std::uint8_t kString = 13;
  static constexpr std::uint8_t kSequence = 14;
  static constexpr std::uint8_t kArray = 15;

  Part shape(std::uint8_t form, Part element = {}, std::uint32_t extent = 0) {
    const Part extents = extent == 0 ? Part() : builder_.CreateVector(&extent, 1).Union();
    const auto start = builder_.StartTable();
    builder_.AddElement(slot(0), form);
    builder_.AddOffset(slot(2), extents);
    builder_.AddOffset(slot(3), element);
    return builder_.EndTable(start);
  }

  void member(const std::string& name, Part shape, const std::string& default_text = "") {
    Part value;
    if (!default_text.empty()) {
      const Part text = builder_.CreateString(default_text).Union();
      const auto start = builder_.StartTable();
      builder_.AddOffset(slot(1), text);
      value = builder_.EndTable(start);
    }
    const Part name_part = builder_.CreateString(name).Union();
    const auto start = builder_.StartTable();
    builder_.AddOffset(slot(0), name_part);
    builder_.AddOffset(slot(1), shape);
    builder_.AddElement(slot(3), static_cast<std::uint16_t>(members_.size()));
    builder_.AddOffset(slot(5), value);
    members_.emplace_back(builder_.EndTable(start));
  }

  baton::Result<TypeDescription> load() {
    const Part members = builder_.CreateVector(members_).Union();
    const Part name = builder_.CreateString("Handmade").Union();
    auto start = builder_.StartTable();
    builder_.AddOffset(slot(0), name);
    builder_.AddElement(slot(2), std::uint8_t{2});
    builder_.AddOffset(slot(6), members);
    const Part type = builder_.EndTable(start);
    const Part types = builder_.CreateVector(&type, 1).Union();
    const Part digest = builder_.CreateVector(std::vector<std::uint8_t>(16)).Union();
    start = builder_.StartTable();
    builder_.AddOffset(slot(0), types);
    builder_.AddOffset(slot(2), digest);
    builder_.Finish(flatbuffers::Offset<flatbuffers::Table>(builder_.EndTable(start)));
    return TypeDescription::load(std::as_bytes(std::span(builder_.GetBufferPointer(), builder_.GetSize())));
  }

 private:
  static flatbuffers::voffset_t slot(std::uint16_t index) { return flatbuffers::FieldIndexToOffset(index); }

  flatbuffers::FlatBufferBuilder builder_;
  std::vector<Part> members_;
};

constexpr std::string_view kFull =
    R"({"number":18446744073709551615,"title":"to \"the\" end","steps":[{"name":"one","metres":0.25},)"
    R"({"name":null,"metres":1.5}],"image":[0,128,255],"level":"error","names":["a","","c"],)"
    R"("pose":{"x":1.0,"y":2.0},"path":[{"x":3.0,"y":4.0},{"x":5.0,"y":6.0}],"grid":[[1.0,2.0],[3.0,4.0]],)"
    R"("words":[["a","b"],["c","d"]],"nested":[[1,-2],[]],"maybe":0,"maybe_text":"","child":{"name":"kid",)"
    R"("metres":1.5},"flag":true,"ratio":0.1})";

constexpr std::string_view kEmpty =
    R"({"number":0,"title":null,"steps":null,"image":null,"level":"warning","names":null,"pose":null,"path":null,)"
    R"("grid":null,"words":null,"nested":null,"maybe":null,"maybe_text":null,"child":null,"flag":false,"ratio":0.0})";

const plan::Plan* verified(const std::vector<std::byte>& bytes) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(begin, bytes.size());
  return verifier.VerifyBuffer<plan::Plan>(nullptr) ? flatbuffers::GetRoot<plan::Plan>(begin) : nullptr;
}

std::string problem_with(std::string_view json) {
  const auto bytes = from_json(plan_type(), json);
  return bytes ? "" : bytes.error().message();
}

TEST(TableByDescription, is_what_its_generated_reader_reads) {
  const auto bytes = from_json(plan_type(), kFull);
  ASSERT_TRUE(bytes) << bytes.error();
  const plan::Plan* const plan = verified(*bytes);
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->number(), 18446744073709551615U);
  EXPECT_EQ(plan->title()->str(), "to \"the\" end");
  ASSERT_EQ(plan->steps()->size(), 2U);
  EXPECT_EQ(plan->steps()->Get(0)->name()->str(), "one");
  EXPECT_EQ(plan->steps()->Get(0)->metres(), 0.25);
  EXPECT_EQ(plan->steps()->Get(1)->name(), nullptr);
  EXPECT_EQ(plan->steps()->Get(1)->metres(), 1.5);
  EXPECT_EQ(plan->image()->Get(1), 128);
  EXPECT_EQ(plan->level(), plan::Level::error);
  EXPECT_EQ(plan->names()->Get(2)->str(), "c");
  EXPECT_EQ(plan->pose()->y, 2);
  EXPECT_EQ(plan->path()->Get(1)->x, 5);
  EXPECT_EQ((*plan->grid())[1][1], 4);
  EXPECT_EQ(plan->words()->Get(3)->str(), "d");
  EXPECT_EQ(plan->nested()->Get(0)->items()->Get(1), -2);
  EXPECT_EQ(plan->maybe().value(), 0);
  EXPECT_EQ(plan->maybe_text()->str(), "");
  EXPECT_EQ(plan->child()->name()->str(), "kid");
  EXPECT_TRUE(plan->flag());
  EXPECT_EQ(plan->ratio(), 0.1F);
  EXPECT_EQ(to_json(plan_type(), *bytes).value(), kFull);
  EXPECT_FALSE(baton::validate(plan_type(), *bytes));
}

TEST(TableByDescription, is_read_as_its_generated_builder_made_it) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(plan::CreatePlan(builder));
  const auto* begin = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  EXPECT_EQ(to_json(plan_type(), {begin, builder.GetSize()}).value(), kEmpty);
  builder.Clear();
  const std::vector steps = {plan::CreateStepDirect(builder, "longer than it may be", 3)};
  const plan::Point point{1, 2};
  builder.Finish(
      plan::CreatePlanDirect(builder, 7, nullptr, &steps, nullptr, static_cast<plan::Level>(3), nullptr, &point));
  begin = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  const std::string json = to_json(plan_type(), {begin, builder.GetSize()}).value();
  EXPECT_EQ(
      json.substr(0, 109),
      R"({"number":7,"title":null,"steps":[{"name":"longer than it may be","metres":3.0}],"image":null,"level":3,"name)");
  const auto finding = baton::validate(plan_type(), {begin, builder.GetSize()});
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->path, "steps[0].name");
  EXPECT_EQ(finding->reason, "the length 21 is more than 8");
}

TEST(TableByDescription, has_nothing_where_nothing_is_said) {
  for (const std::string_view json : {std::string_view("{}"), kEmpty}) {
    const auto bytes = from_json(plan_type(), json).value();
    ASSERT_NE(verified(bytes), nullptr);
    EXPECT_EQ(to_json(plan_type(), bytes).value(), kEmpty);
  }
}

TEST(TableByDescription, says_where_its_json_is_wrong) {
  EXPECT_EQ(problem_with(R"({"steps": [{}, {"name": "too long for it"}]})"),
            "steps[1].name: expected at most 8 bytes, got 15");
  EXPECT_EQ(problem_with(R"({"steps": [3]})"), "steps[0]: expected an object, got 3");
  EXPECT_EQ(problem_with(R"({"image": [1, 2, 3, 4, 5, 6, 7]})"), "image: expected at most 6 elements, got 7");
  EXPECT_EQ(problem_with(R"({"image": [1, 256]})"), "image[1]: expected a whole number from 0 to 255, got 256");
  EXPECT_EQ(problem_with(R"({"words": [["a"], ["b"]]})"), "words[0]: expected an array of 2, got one of 1");
  EXPECT_EQ(problem_with(R"({"nested": [[1], ["x"]]})"),
            "nested[1][0]: expected a whole number from -32768 to 32767, got 'x'");
  EXPECT_EQ(problem_with(R"({"number": null})"),
            "number: expected a whole number from 0 to 18446744073709551615, got null");
}

TEST(TableByDescription, has_as_many_members_as_a_table_has_room_for) {
  Handmade handmade;
  const auto octet = handmade.shape(Handmade::kUint8);
  std::string json = "{";
  for (int i = 0; i < 8'000; ++i) {
    handmade.member(fmt::format("m{}", i), octet);
    json += fmt::format("{}\"m{}\":{}", i == 0 ? "" : ",", i, i % 250 + 1);
  }
  json += '}';
  const auto type = handmade.load();
  ASSERT_TRUE(type) << type.error();
  const auto bytes = from_json(*type, json);
  ASSERT_TRUE(bytes) << bytes.error();
  EXPECT_EQ(to_json(*type, *bytes).value(), json);
}

TEST(TableByDescription, has_no_more_in_place_than_a_table_has_room_for) {
  for (const std::uint32_t extent : {65'528U, 65'529U}) {
    Handmade handmade;
    handmade.member("image", handmade.shape(Handmade::kArray, handmade.shape(Handmade::kUint8), extent));
    const auto type = handmade.load();
    ASSERT_TRUE(type) << type.error();
    std::string json = "{\"image\":[7";
    for (std::uint32_t i = 1; i < extent; ++i) json += ",7";
    json += "]}";
    const auto bytes = from_json(*type, json);
    ASSERT_EQ(bytes.has_value(), extent == 65'528U) << (bytes ? "" : bytes.error().message());
    if (!bytes) continue;
    EXPECT_TRUE(to_json(*type, *bytes).value() == json);
  }
}

TEST(TableByDescription, is_not_validated_for_ever_where_a_part_is_shared) {
  Handmade handmade;
  const auto flags = handmade.shape(Handmade::kSequence, handmade.shape(Handmade::kBoolean));
  handmade.member("flags", handmade.shape(Handmade::kSequence, flags));
  const auto type = handmade.load();
  ASSERT_TRUE(type) << type.error();
  const auto message = [](std::size_t count, std::size_t references) {
    flatbuffers::FlatBufferBuilder builder;
    const auto shared = builder.CreateVector(std::vector<std::uint8_t>(count, 1));
    auto start = builder.StartTable();
    builder.AddOffset(4, shared);
    const flatbuffers::Offset<flatbuffers::Table> wrapper(builder.EndTable(start));
    const auto all = builder.CreateVector(std::vector(references, wrapper));
    start = builder.StartTable();
    builder.AddOffset(4, all);
    builder.Finish(flatbuffers::Offset<flatbuffers::Table>(builder.EndTable(start)));
    const auto bytes = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  EXPECT_FALSE(baton::validate(*type, message(10, 1'000)));
  EXPECT_FALSE(baton::validate(*type, message(12'000'000, 1))) << "a long message is none of that";
  const auto finding = baton::validate(*type, message(20'000, 2'000));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->reason, "has too many parts");
}

TEST(TableByDescription, is_compared_to_its_end) {
  if (baton::kSanitized) GTEST_SKIP() << "two times 300 MB, byte by byte, take a minute under a sanitizer";
  const auto plan = [](float ratio) {
    flatbuffers::FlatBufferBuilder builder;
    const std::vector shared(300, builder.CreateString(std::string(1'000'000, 'x')));
    const auto names = builder.CreateVector(shared);
    plan::PlanBuilder made(builder);
    made.add_names(names);
    made.add_ratio(ratio);
    builder.Finish(made.Finish());
    return builder.Release();
  };
  const auto one = plan(1);
  const auto two = plan(2);
  EXPECT_FALSE(*flatbuffers::GetRoot<plan::Plan>(one.data()) == *flatbuffers::GetRoot<plan::Plan>(two.data()));
}

TEST(TableByDescription, has_no_default_texts) {
  Handmade handmade;
  handmade.member("text", handmade.shape(Handmade::kString), "as no reader's code would have it");
  const auto type = handmade.load();
  ASSERT_FALSE(type);
  EXPECT_EQ(type.error().code(), baton::Errc::corrupt);
}

TEST(TableByDescription, leads_nowhere_whatever_its_bytes_have_become) {
  const auto original = from_json(plan_type(), kFull).value();
  std::mt19937 random(5);
  std::size_t readable = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::vector<std::byte> bytes = original;
    for (std::uint32_t i = 0; i <= random() % 4; ++i) {
      const std::size_t place = random() % bytes.size();
      bytes[place] = random() % 2 == 0 ? static_cast<std::byte>(random())
                                       : bytes[place] ^ static_cast<std::byte>(1U << random() % 8);
    }
    if (random() % 8 == 0) bytes.resize(random() % bytes.size());
    bytes.shrink_to_fit();
    readable += to_json(plan_type(), bytes, {.max_bytes = 100'000}).has_value();
    static_cast<void>(baton::validate(plan_type(), bytes));
  }
  EXPECT_GT(readable, 0U);
  EXPECT_FALSE(to_json(plan_type(), {}));
}

TEST(TableByDescription, travels_between_generic_ports) {
  auto node = baton::Node::open("n", {.domain = "table-test", .transports = {baton::inproc_transport()}}).value();
  auto publisher = node.generic_publisher("plan", plan_type()).value();
  auto subscriber = node.generic_subscriber("plan").value();
  EXPECT_FALSE(subscriber.take());
  ASSERT_TRUE(publisher.publish_json(kFull).value());
  const auto sample = subscriber.take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample.to_json().value(), kFull);
  std::vector<std::byte> damaged(sample.bytes().begin(), sample.bytes().end());
  damaged[3] = std::byte{0x7F};
  EXPECT_EQ(publisher.publish(damaged).error().code(), baton::Errc::invalid_argument);
}

}  // namespace
