#include "names_model.hpp"

#include "expect.hpp"

namespace baton::model {
namespace {

constexpr const char* kLeft = "from here on it can't come to its end any more";

TEST(NamesModel, leaves_no_name_whoever_closes_or_dies_at_any_step) { expect_holds(NamesModel()); }

TEST(NamesModel, finds_a_publisher_that_links_for_a_reader_that_has_gone) {
  expect_finds(NamesModel(NamesBug::no_second_look), kLeft);
}
TEST(NamesModel, finds_a_reader_that_removes_its_port_file_last) {
  expect_finds(NamesModel(NamesBug::port_file_last), kLeft);
}
TEST(NamesModel, finds_a_reaper_that_asks_the_registry_for_the_reader) {
  expect_finds(NamesModel(NamesBug::reaper_asks_registry), kLeft);
}
TEST(NamesModel, finds_a_publisher_that_gives_up_and_leaves_the_name) {
  expect_finds(NamesModel(NamesBug::gives_up_silently), kLeft);
}
TEST(NamesModel, finds_a_name_that_is_removed_before_everything_is_taken) {
  expect_finds(NamesModel(NamesBug::removed_undrained), "a reference that was taken can't be mapped");
}

}  // namespace
}  // namespace baton::model
