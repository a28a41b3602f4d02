#include "names_model.hpp"

#include "expect.hpp"

namespace baton::model {
namespace {

constexpr const char* kLeft = "from here on it can't come to its end any more";

TEST(NamesModel, leaves_no_name_whoever_closes_or_dies_at_any_step) { expect_holds(NamesModel()); }

TEST(NamesModel, finds_a_publisher_that_links_for_a_reader_that_has_gone) {
  expect_finds(NamesModel(NamesBug::no_second_look), kLeft);
}
TEST(NamesModel, finds_a_reader_that_says_last_that_it_leaves) {
  expect_finds(NamesModel(NamesBug::leaving_last), kLeft);
}
TEST(NamesModel, finds_a_publisher_that_leaves_the_name_of_a_reader_it_sees_gone) {
  expect_finds(NamesModel(NamesBug::keeps_names), kLeft);
}
TEST(NamesModel, finds_a_publisher_that_gives_up_and_leaves_the_name) {
  expect_finds(NamesModel(NamesBug::gives_up_silently), kLeft);
}
TEST(NamesModel, finds_a_name_that_is_removed_before_everything_is_taken) {
  expect_finds(NamesModel(NamesBug::removed_undrained), "a reference that was taken can't be mapped");
}

}  // namespace
}  // namespace baton::model
