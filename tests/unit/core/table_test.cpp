// Tables outside of any transport: that flatc's code and the generated header fit together, for every way in which a
// member is stored. What a chunk and a port add is tested in tests/conformance/table_test.cpp.

#include "baton/table.hpp"

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "test/tables.hpp"

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::String;
using ::testing::ElementsAre;

tables::Inline inline_part(double x) {
  tables::Inline made;
  made.xyz = {x, x + 1, x + 2};
  made.frame = "base";
  made.mode = tables::Mode::class_;
  made.ok = true;
  made.scale = 0.5F;
  made.samples.push_back(-7);
  made.access = {tables::Access::READ, tables::Access::READ | tables::Access::WRITE};
  made.grid[1][2] = 12;
  made.names.push_back("abc");
  return made;
}

std::vector<std::byte> everything() {
  FlatBufferBuilder builder;
  tables::Shape shape;
  shape.set_body(inline_part(4));
  const tables::Inline inside = inline_part(1);
  const auto step = [&](const char* name, double metres) {
    return tables::CreateStep(builder, builder.CreateString(name), metres);
  };
  const auto row = [&](std::vector<double> values) {
    return tables::CreateAll_rows_item(builder, builder.CreateVector(values));
  };
  const std::vector<Offset<tables::Step>> steps{step("one", 1), step("two", 2)};
  const std::vector<Offset<tables::All_rows_item>> rows{row({1, 2, 3}), row({}), row({4})};
  const std::vector<Offset<String>> names{builder.CreateString("x"), builder.CreateString("")};
  const std::vector<tables::Inline> insides{inline_part(10), inline_part(20)};
  const std::vector<std::uint8_t> bytes{1, 2, 3};
  const std::vector<tables::Mode> modes{tables::Mode::MAX, tables::Mode::AUTO};
  const std::vector<tables::All_points_item> points{{1, 2, 3}, {4, 5, 6}};
  const tables::All_accel accel{7, 8, 9};
  const tables::All_matrix matrix{{{1, 2, 3}, {4, 5, 6}}};
  const auto title = builder.CreateString("title");
  const auto names_at = builder.CreateVector(names);
  const auto bytes_at = builder.CreateVector(bytes);
  const auto modes_at = builder.CreateVector(modes);
  const auto insides_at = builder.CreateVectorOfStructs(insides);
  const auto steps_at = builder.CreateVector(steps);
  const auto points_at = builder.CreateVectorOfStructs(points);
  const auto rows_at = builder.CreateVector(rows);
  const auto last = step("last", 3);
  tables::AllBuilder all(builder);
  all.add_number(42);
  all.add_title(title);
  all.add_enabled(false);
  all.add_big(-6);
  all.add_mode(tables::Mode::MAX);
  all.add_access(tables::Access::WRITE);
  all.add_inside(&inside);
  all.add_shape(&shape);
  all.add_step(last);
  all.add_accel(&accel);
  all.add_matrix(&matrix);
  all.add_names(names_at);
  all.add_bytes(bytes_at);
  all.add_modes(modes_at);
  all.add_insides(insides_at);
  all.add_steps(steps_at);
  all.add_points(points_at);
  all.add_rows(rows_at);
  all.add_maybe(2.5);
  all.add_new_(true);
  builder.Finish(all.Finish());
  const auto* begin = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {begin, begin + builder.GetSize()};
}

/// As a transport hands it over: at the end of a chunk.
struct InChunk {
  alignas(64) std::array<std::byte, 4'096> memory{};
  std::size_t bytes = 0;

  explicit InChunk(const std::vector<std::byte>& table) : bytes(table.size()) {
    std::memcpy(memory.data() + memory.size() - bytes, table.data(), bytes);
  }
  std::byte* begin() { return memory.data() + memory.size() - bytes; }
  template <class T>
  const T* open() const {
    return baton::TypeTraits<T>::open(memory.data(), memory.size(), bytes);
  }
};

TEST(Table, gives_back_every_member_that_was_written) {
  const InChunk chunk(everything());
  const auto* all = chunk.open<tables::All>();
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(all->number(), 42U);
  EXPECT_EQ(all->title()->str(), "title");
  EXPECT_FALSE(all->enabled());
  EXPECT_EQ(all->big(), -6);
  EXPECT_EQ(all->mode(), tables::Mode::MAX);
  EXPECT_EQ(all->access(), tables::Access::WRITE);
  EXPECT_EQ(*all->inside(), inline_part(1));
  ASSERT_NE(all->shape()->body(), nullptr);
  EXPECT_EQ(*all->shape()->body(), inline_part(4));
  EXPECT_EQ(all->step()->metres(), 3);
  EXPECT_THAT(*all->accel(), ElementsAre(7, 8, 9));
  EXPECT_THAT((*all->matrix())[1], ElementsAre(4, 5, 6));
  EXPECT_EQ(all->names()->Get(0)->str(), "x");
  EXPECT_EQ(all->bytes()->size(), 3U);
  EXPECT_EQ(all->modes()->Get(1), tables::Mode::AUTO);
  EXPECT_EQ(*all->insides()->Get(1), inline_part(20));
  EXPECT_EQ(all->steps()->Get(1)->name()->str(), "two");
  EXPECT_THAT(*all->points()->Get(1), ElementsAre(4, 5, 6));
  EXPECT_EQ(all->rows()->Get(0)->items()->Get(2), 3);
  EXPECT_EQ(all->rows()->Get(1)->items()->size(), 0U);
  EXPECT_EQ(all->maybe(), 2.5);
  EXPECT_TRUE(all->new_());
}

TEST(Table, gives_defaults_or_nothing_for_what_was_not_written) {
  FlatBufferBuilder builder;
  builder.Finish(tables::AllBuilder(builder).Finish());
  const auto* begin = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  const InChunk chunk({begin, begin + builder.GetSize()});
  const auto* all = chunk.open<tables::All>();
  ASSERT_NE(all, nullptr);
  EXPECT_TRUE(all->enabled());
  EXPECT_EQ(all->letter(), 'x');
  EXPECT_EQ(all->big(), -5);
  EXPECT_EQ(all->ratio(), 1.5F);
  EXPECT_EQ(all->mode(), tables::Mode::AUTO);
  EXPECT_EQ(all->title(), nullptr);
  EXPECT_EQ(all->inside(), nullptr);
  EXPECT_EQ(all->accel(), nullptr);
  EXPECT_EQ(all->steps(), nullptr);
  EXPECT_FALSE(all->maybe().has_value());
  EXPECT_FALSE(all->maybe_mode().has_value());
}

TEST(Table, has_a_key_that_outlives_it) {
  const auto key = [] {
    const InChunk chunk(everything());
    return baton::key_of(*chunk.open<tables::All>());
  }();
  EXPECT_EQ(key, std::make_tuple(42U, std::string("title")));
}

TEST(Table, has_an_empty_key_where_it_was_not_written) {
  FlatBufferBuilder builder;
  builder.Finish(tables::NumberedBuilder(builder).Finish());
  EXPECT_EQ(baton::key_of(*flatbuffers::GetRoot<tables::Numbered>(builder.GetBufferPointer())), tables::Mode::AUTO);
}

TEST(Table, of_which_any_byte_is_damaged_is_refused_or_readable) {
  const std::vector<std::byte> whole = everything();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const std::byte mask : {std::byte{1}, std::byte{0x80}, std::byte{0xFF}}) {
      InChunk chunk(whole);
      chunk.begin()[at] ^= mask;
      const auto* all = chunk.open<tables::All>();
      if (all == nullptr) {
        ++refused;
        continue;
      }
      std::size_t sum = all->title() == nullptr ? 0 : all->title()->size();  // the sanitizer looks over our shoulder
      if (all->steps() != nullptr) {
        for (const auto* step : *all->steps()) sum += step->name() == nullptr ? 0 : step->name()->str().size();
      }
      if (all->insides() != nullptr) {
        for (const auto* part : *all->insides()) sum += part->frame.size() + part->samples.size();
      }
      EXPECT_LT(sum, 8'192U);
    }
  }
  EXPECT_GT(refused, 20U);
}

TEST(Table, that_is_cut_off_is_refused) {
  const std::vector<std::byte> whole = everything();
  for (std::size_t missing = 4; missing < whole.size(); missing += 4) {
    InChunk chunk(whole);
    chunk.bytes = whole.size() - missing;
    const auto* all = chunk.open<tables::All>();
    if (all == nullptr) continue;
    EXPECT_LE(all->names() == nullptr ? 0U : all->names()->size(), 2U);
  }
}

TEST(Table, may_have_more_tables_inside_than_the_verifier_takes_by_itself) {
  constexpr std::size_t kSteps = 1'100'000;
  FlatBufferBuilder builder(64U << 20U);
  std::vector<Offset<tables::Step>> steps;
  steps.reserve(kSteps);
  for (std::size_t i = 0; i < kSteps; ++i) steps.push_back(tables::CreateStep(builder, 0, static_cast<double>(i)));
  const auto at = builder.CreateVector(steps);
  tables::AllBuilder all(builder);
  all.add_steps(at);
  builder.Finish(all.Finish());
  const auto* begin = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  EXPECT_NE(baton::TypeTraits<tables::All>::open(begin, builder.GetSize(), builder.GetSize()), nullptr);
}

TEST(Table, is_printed_as_json) {
  FlatBufferBuilder builder;
  const auto first = builder.CreateString("a \"b\"");
  tables::NumberedBuilder numbered(builder);
  numbered.add_first(first);
  numbered.add_mode(tables::Mode::class_);
  numbered.add_last(7);
  builder.Finish(numbered.Finish());
  const auto& table = *flatbuffers::GetRoot<tables::Numbered>(builder.GetBufferPointer());
  EXPECT_EQ(fmt::format("{}", table), R"({"last":7,"first":"a \"b\"","mode":"class"})");
}

TEST(Table, is_printed_whatever_it_has_and_as_its_message_is) {
  const std::vector<std::byte> message = everything();
  const InChunk chunk(message);
  const auto description = baton::TypeDescription::of<tables::All>().value();
  EXPECT_EQ(fmt::format("{}", *chunk.open<tables::All>()), baton::to_json(description, message).value());
}

TEST(Table, equals_another_that_says_the_same_in_other_bytes) {
  const auto make = [](bool default_written, double metres) {
    FlatBufferBuilder builder;
    builder.ForceDefaults(default_written);
    const auto name = builder.CreateString("step");
    tables::StepBuilder step(builder);
    step.add_name(name);
    step.add_metres(metres);
    builder.Finish(step.Finish());
    return builder.Release();
  };
  const auto step = [](const flatbuffers::DetachedBuffer& buffer) -> const tables::Step& {
    return *flatbuffers::GetRoot<tables::Step>(buffer.data());
  };
  const auto written = make(true, 0);
  const auto left_out = make(false, 0);
  const auto other = make(false, 1);
  EXPECT_NE(written.size(), left_out.size());
  EXPECT_TRUE(step(written) == step(left_out));
  EXPECT_FALSE(step(written) == step(other));
}

TEST(Table, is_valid_if_all_that_it_contains_is) {
  const InChunk chunk(everything());
  EXPECT_FALSE(baton::validate(*chunk.open<tables::All>()));

  FlatBufferBuilder builder;
  const std::vector steps{tables::CreateStepDirect(builder, "fine", 1'000),
                          tables::CreateStepDirect(builder, "far", 1'001)};
  const auto at = builder.CreateVector(steps);
  tables::AllBuilder all(builder);
  all.add_steps(at);
  builder.Finish(all.Finish());
  const auto error = baton::validate(*flatbuffers::GetRoot<tables::All>(builder.GetBufferPointer()));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->path, "steps[1].metres");
  EXPECT_EQ(error->reason, "1001 is not from 0 to 1000");
}

TEST(Table, is_not_valid_with_more_than_a_bound_allows) {
  FlatBufferBuilder builder;
  const auto title = builder.CreateString(std::string(33, 'x'));
  tables::AllBuilder all(builder);
  all.add_title(title);
  builder.Finish(all.Finish());
  const auto error = baton::validate(*flatbuffers::GetRoot<tables::All>(builder.GetBufferPointer()));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->path, "title");
  EXPECT_EQ(error->reason, "the length 33 is more than 32");
}

TEST(Table, says_in_its_type_info_what_it_is) {
  const baton::TypeInfo& info = baton::TypeTraits<tables::All>::info();
  EXPECT_EQ(info.layout, baton::Layout::table);
  EXPECT_EQ(info.topic, "tables/all");
  EXPECT_EQ(info.max_bytes, 16U << 20U);
  EXPECT_NE(info.canonical.find("table tables::All appendable\n  number uint32 #0 key\n"), std::string_view::npos)
      << info.canonical;
  EXPECT_NE(info.canonical.find("  big int64 #4 = -5\n"), std::string_view::npos);
  EXPECT_EQ(info.fields[0].role, "key");
  EXPECT_EQ(info.fields.size(), 33U);
}

}  // namespace
