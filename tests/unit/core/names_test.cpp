#include "baton/names.hpp"

#include <array>
#include <chrono>
#include <random>
#include <regex>
#include <string>

#include <gtest/gtest.h>

namespace baton {
namespace {

std::string message(const Result<void>& result) { return result ? "accepted" : result.error().message(); }

TEST(TopicName, accepts_segments_of_letters_digits_and_underscores) {
  EXPECT_EQ(message(check_topic_name("a")), "accepted");
  EXPECT_EQ(message(check_topic_name("camera/front_2/RAW")), "accepted");
  EXPECT_EQ(message(check_topic_name(std::string(200, 'x'))), "accepted");
}

TEST(TopicName, is_refused_with_the_character_and_its_position) {
  EXPECT_EQ(
      message(check_topic_name("imu-raw")),
      "topic name 'imu-raw': has '-' at position 4, which is not allowed; use letters, digits and '_' in segments "
      "joined by '/'");
  EXPECT_EQ(message(check_topic_name("a b")),
            "topic name 'a b': has byte 0x20 at position 2, which is not allowed; use letters, digits and '_' in "
            "segments joined by '/'");
  EXPECT_EQ(message(check_topic_name("a\n")),
            "topic name 'a?': has byte 0x0a at position 2, which is not allowed; use letters, digits and '_' in "
            "segments joined by '/'");
  EXPECT_EQ(message(check_topic_name("a*")),
            "topic name 'a*': has '*' at position 2, which is not allowed; use letters, digits and '_' in segments "
            "joined by '/'");
}

TEST(TopicName, is_refused_with_an_empty_segment_or_a_wrong_length) {
  const std::string remedy = "; use letters, digits and '_' in segments joined by '/'";
  EXPECT_EQ(message(check_topic_name("")), "topic name '': is empty" + remedy);
  EXPECT_EQ(message(check_topic_name("/a")), "topic name '/a': has an empty segment at position 1" + remedy);
  EXPECT_EQ(message(check_topic_name("a//b")), "topic name 'a//b': has an empty segment at position 3" + remedy);
  EXPECT_EQ(message(check_topic_name("a/")), "topic name 'a/': ends with '/' at position 2" + remedy);
  EXPECT_EQ(message(check_topic_name(std::string(201, 'x'))),
            "topic name '" + std::string(80, 'x') + "...': is 201 bytes long; at most 200 bytes are allowed");
  EXPECT_EQ(check_topic_name("").error().code(), Errc::invalid_name);
}

TEST(NodeName, is_a_file_name_of_a_few_characters) {
  EXPECT_EQ(message(check_node_name("imu_driver-2.left")), "accepted");
  EXPECT_EQ(message(check_node_name(std::string(64, 'x'))), "accepted");
  EXPECT_EQ(message(check_node_name("a/b")),
            "node name 'a/b': has '/' at position 2, which is not allowed; use letters, digits, '_', '.' and '-'");
  EXPECT_EQ(message(check_node_name("..")), "node name '..': names a directory of every directory; choose another");
  EXPECT_EQ(message(check_domain_name(".")), "domain name '.': names a directory of every directory; choose another");
  EXPECT_EQ(message(check_domain_name("")), "domain name '': is empty; use letters, digits, '_', '.' and '-'");
  EXPECT_FALSE(check_domain_name(std::string(65, 'x')));
  EXPECT_FALSE(check_node_name(std::string_view("a\0b", 3)));
}

TEST(TopicPattern, has_two_stars_only_as_a_whole_segment) {
  EXPECT_EQ(message(check_topic_pattern("camera/*/raw")), "accepted");
  EXPECT_EQ(message(check_topic_pattern("cam*_*/x")), "accepted");
  EXPECT_EQ(message(check_topic_pattern("**")), "accepted");
  EXPECT_EQ(message(check_topic_pattern("a/**/b/**")), "accepted");
  const std::string remedy = "; use '*' within a segment, or '**' as a segment of its own";
  EXPECT_EQ(message(check_topic_pattern("a/b**")),
            "topic pattern 'a/b**': has '**' inside a segment at position 4" + remedy);
  EXPECT_EQ(message(check_topic_pattern("***")),
            "topic pattern '***': has '**' inside a segment at position 1" + remedy);
  EXPECT_FALSE(check_topic_pattern("a/?"));
  EXPECT_FALSE(check_topic_pattern("/**"));
}

TEST(TopicMatches, one_star_stays_within_a_segment) {
  EXPECT_TRUE(topic_matches("camera/*", "camera/front"));
  EXPECT_FALSE(topic_matches("camera/*", "camera/front/raw"));
  EXPECT_FALSE(topic_matches("camera/*", "camera"));
  EXPECT_TRUE(topic_matches("cam*/raw", "camera/raw"));
  EXPECT_TRUE(topic_matches("cam*/raw", "cam/raw"));
  EXPECT_FALSE(topic_matches("cam*", "camera/raw"));
  EXPECT_TRUE(topic_matches("*a*b", "xaxxbxb"));
  EXPECT_FALSE(topic_matches("*a*b", "xaxxbxc"));
  EXPECT_FALSE(topic_matches("*", "a/b"));
}

TEST(TopicMatches, two_stars_cross_segments) {
  EXPECT_TRUE(topic_matches("**", "a"));
  EXPECT_TRUE(topic_matches("**", "a/b/c"));
  EXPECT_TRUE(topic_matches("camera/**", "camera/front/raw"));
  EXPECT_FALSE(topic_matches("camera/**", "camera"));
  EXPECT_FALSE(topic_matches("camera/**", "cameras/front"));
  EXPECT_TRUE(topic_matches("**/raw", "raw"));
  EXPECT_TRUE(topic_matches("**/raw", "a/b/raw"));
  EXPECT_FALSE(topic_matches("**/raw", "a/braw"));
  EXPECT_TRUE(topic_matches("a/**/b", "a/b"));
  EXPECT_TRUE(topic_matches("a/**/b", "a/x/y/b"));
  EXPECT_TRUE(topic_matches("a/**/b*/c", "a/b1/b2/c"));
  EXPECT_FALSE(topic_matches("a/**/b", "a/x/c"));
}

TEST(TopicMatches, agrees_with_regular_expressions_on_random_patterns) {
  std::mt19937 random(1);
  const auto pick = [&](std::string_view of) { return of[random() % of.size()]; };
  for (int i = 0; i < 20'000; ++i) {
    std::string pattern, expression;
    const std::size_t segments = 1 + random() % 4;
    for (std::size_t s = 0; s < segments; ++s) {
      const bool last = s + 1 == segments;
      if (random() % 3 == 0) {
        pattern += last ? "**" : "**/";
        expression += last ? ".+" : "([^/]+/)*";
        continue;
      }
      char before = 0;
      for (std::size_t c = 0; c < 1 + random() % 3; ++c) {
        const char next = pick(before == '*' ? "ab" : "aab*");
        pattern += next;
        expression += next == '*' ? std::string("[^/]*") : std::string(1, next);
        before = next;
      }
      if (!last) pattern += '/', expression += '/';
    }
    std::string topic;
    for (std::size_t s = 0; s < 1 + random() % 4; ++s) {
      if (s > 0) topic += '/';
      for (std::size_t c = 0; c < 1 + random() % 3; ++c) topic += pick("ab");
    }
    ASSERT_TRUE(check_topic_pattern(pattern)) << pattern;
    ASSERT_EQ(topic_matches(pattern, topic), std::regex_match(topic, std::regex(expression)))
        << pattern << " " << topic;
  }
}

TEST(TopicMatches, takes_no_exponential_time) {
  std::string pattern, topic;
  while (pattern.size() < 190) pattern += "*a";
  pattern += "b";
  while (topic.size() < 200) topic += "a";
  std::string crossing;
  while (crossing.size() < 190) crossing += "**/*a/";
  crossing += "b";
  std::string deep = "a";
  while (deep.size() < 199) deep += "/a";
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(topic_matches(pattern, topic));
    EXPECT_FALSE(topic_matches(crossing, deep));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(TopicMatches, survives_invalid_patterns_and_names) {
  for (const char* pattern : {"", "*", "/", "**/", "***", "a**", "//", "**/**/", "/**"}) {
    for (const char* topic : {"", "/", "a", "a/", "//", "***"}) static_cast<void>(topic_matches(pattern, topic));
  }
}

TEST(Nearest, finds_the_word_that_was_meant_and_nothing_far_off) {
  constexpr std::array<std::string_view, 4> words{"depth", "overflow", "history", "stamp"};
  EXPECT_EQ(nearest("dpeth", words), "depth");
  EXPECT_EQ(nearest("overflwo", words), "overflow");
  EXPECT_EQ(nearest("histroy", words), "history");
  EXPECT_EQ(nearest("depths", words), "depth");
  EXPECT_EQ(nearest("capacity", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest("x", words), "");
  EXPECT_EQ(nearest(std::string(10'000, 'd'), words), "");
}

}  // namespace
}  // namespace baton
