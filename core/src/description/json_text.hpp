// Puts JSON text together: separators, indentation, escapes, and the limit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "baton/json.hpp"

namespace baton {
inline namespace v1 {
namespace description {

/// Whether a text is UTF-8, which all JSON has to be.
bool is_utf8(std::string_view text) noexcept;

class JsonText {
 public:
  explicit JsonText(const JsonStyle& style) noexcept : style_(style) {}

  /// `flat`: an array on one line, whatever the style.
  void begin(char bracket, bool flat = false);
  void end(char bracket);
  /// Before each element of an array.
  void item();
  /// Before the value of each member of an object.
  void key(std::string_view name);

  /// Text that is a value already.
  void raw(std::string_view text) { text_ += text; }
  /// Quoted and escaped, if it is UTF-8; else the numbers of its bytes in an array, which say the same.
  void string(std::string_view text);
  void number(std::uint64_t value);
  void number(std::int64_t value);
  /// The shortest digits that give the number again; "NaN", "Infinity" and "-Infinity" as strings.
  void number(double value);
  void number(float value);

  /// Nothing of it will be used: stop.
  bool too_long() const noexcept { return text_.size() > style_.max_bytes; }
  std::string take() noexcept { return std::move(text_); }

 private:
  void line();
  void real(std::string_view digits, double value);

  const JsonStyle style_;
  std::string text_;
  std::uint32_t depth_ = 0;
  std::uint32_t flat_ = 0;  // how many arrays on one line are open
  bool first_ = true;       // nothing has been written since the bracket
};

}  // namespace description
}  // namespace v1
}  // namespace baton
