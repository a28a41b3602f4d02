#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "baton/bounded.hpp"

namespace baton {
inline namespace v1 {

template <std::size_t N>
class String;

namespace detail {
template <class S>
inline constexpr bool is_string = false;
template <std::size_t N>
inline constexpr bool is_string<String<N>> = true;

/// What a String takes text from: std::string, std::string_view, const char*, a String of another capacity.
template <class S>
concept Text = std::convertible_to<const S&, std::string_view> && !std::same_as<S, std::nullptr_t>;
}  // namespace detail

/// IDL's `string<N>`: text of up to N bytes, held in place. It feels like a std::string, never allocates, and may be
/// copied byte by byte and to any address.
///
/// There is no terminating zero: convert to std::string_view, which is implicit, and not to const char*.
///
/// Members that may run out of room throw std::length_error (without exceptions: print and abort) and leave the value
/// as it was; their `try_` twins return false instead. A length that another process has damaged is read as N at most.
template <std::size_t N>
class String {
  static_assert(N >= 1 && N <= 0xFFFF'FFFF);

 public:
  using value_type = char;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = char&;
  using const_reference = const char&;
  using iterator = char*;
  using const_iterator = const char*;

  static constexpr size_type npos = std::string_view::npos;

  constexpr String() noexcept = default;
  template <detail::Text S>
  requires(!std::same_as<S, String>) constexpr String(
      const S& text) {  // NOLINT(google-explicit-constructor): as a std::string from its literal
    assign(text);
  }
  constexpr String(size_type count, char c) { resize(count, c); }
  String(std::nullptr_t) = delete;

  template <detail::Text S>
  requires(!std::same_as<S, String>) constexpr String& operator=(const S& text) { return assign(text); }
  String& operator=(std::nullptr_t) = delete;

  // --- Looking at it ---

  constexpr size_type size() const noexcept { return detail::load_length(size_, N); }
  constexpr size_type length() const noexcept { return size(); }
  constexpr bool empty() const noexcept { return size() == 0; }
  static constexpr size_type capacity() noexcept { return N; }
  static constexpr size_type max_size() noexcept { return N; }

  constexpr char* data() noexcept { return chars_; }
  constexpr const char* data() const noexcept { return chars_; }
  constexpr std::string_view view() const noexcept { return {chars_, size()}; }
  constexpr operator std::string_view() const noexcept { return view(); }  // NOLINT(google-explicit-constructor)
  std::string str() const { return std::string(view()); }

  constexpr iterator begin() noexcept { return chars_; }
  constexpr iterator end() noexcept { return chars_ + size(); }
  constexpr const_iterator begin() const noexcept { return chars_; }
  constexpr const_iterator end() const noexcept { return chars_ + size(); }
  constexpr const_iterator cbegin() const noexcept { return begin(); }
  constexpr const_iterator cend() const noexcept { return end(); }

  constexpr char& operator[](size_type index) noexcept { return chars_[index]; }
  constexpr const char& operator[](size_type index) const noexcept { return chars_[index]; }
  constexpr char& at(size_type index) { return chars_[checked(index)]; }
  constexpr const char& at(size_type index) const { return chars_[checked(index)]; }
  constexpr char& front() noexcept { return chars_[0]; }
  constexpr const char& front() const noexcept { return chars_[0]; }
  constexpr char& back() noexcept { return chars_[size() - 1]; }
  constexpr const char& back() const noexcept { return chars_[size() - 1]; }

  constexpr bool starts_with(std::string_view text) const noexcept { return view().starts_with(text); }
  constexpr bool ends_with(std::string_view text) const noexcept { return view().ends_with(text); }
  constexpr size_type find(std::string_view text, size_type from = 0) const noexcept { return view().find(text, from); }
  constexpr std::string_view substr(size_type from, size_type count = npos) const { return view().substr(from, count); }
  constexpr int compare(std::string_view text) const noexcept { return view().compare(text); }

  // --- Changing it: throws if there is no room ---

  constexpr String& assign(std::string_view text) {
    if (!try_assign(text)) detail::refuse_length("baton::String", text.size(), N);
    return *this;
  }
  constexpr String& append(std::string_view text) {
    if (!try_append(text)) detail::refuse_length("baton::String", size() + text.size(), N);
    return *this;
  }
  constexpr String& operator+=(std::string_view text) { return append(text); }
  constexpr String& operator+=(char c) {
    push_back(c);
    return *this;
  }
  constexpr void push_back(char c) {
    if (!try_push_back(c)) detail::refuse_length("baton::String", size() + 1, N);
  }
  constexpr void resize(size_type count, char fill = '\0') {
    if (!try_resize(count, fill)) detail::refuse_length("baton::String", count, N);
  }
  constexpr String& insert(size_type index, std::string_view text) {
    if (index > size()) detail::refuse_index("baton::String", index, size());
    if (!try_insert(index, text)) detail::refuse_length("baton::String", size() + text.size(), N);
    return *this;
  }

  // --- Changing it: returns false, and leaves the value as it was, if there is no room ---

  [[nodiscard]] constexpr bool try_assign(std::string_view text) noexcept {
    if (text.size() > N) return false;
    move(chars_, text.data(), text.size());  // `text` may be a part of this string
    set_size(text.size());
    return true;
  }
  [[nodiscard]] constexpr bool try_append(std::string_view text) noexcept {
    const size_type old_size = size();
    if (text.size() > N - old_size) return false;
    move(chars_ + old_size, text.data(), text.size());
    set_size(old_size + text.size());
    return true;
  }
  [[nodiscard]] constexpr bool try_push_back(char c) noexcept {
    const size_type old_size = size();
    if (old_size == N) return false;
    chars_[old_size] = c;
    set_size(old_size + 1);
    return true;
  }
  [[nodiscard]] constexpr bool try_resize(size_type count, char fill = '\0') noexcept {
    if (count > N) return false;
    for (size_type i = size(); i < count; ++i) chars_[i] = fill;
    set_size(count);
    return true;
  }
  /// Inserts before the character at `index`, which is at most `size()`. `text` must not be a part of this string.
  [[nodiscard]] constexpr bool try_insert(size_type index, std::string_view text) noexcept {
    const size_type old_size = size();
    if (index > old_size || text.size() > N - old_size) return false;
    move(chars_ + index + text.size(), chars_ + index, old_size - index, true);
    move(chars_ + index, text.data(), text.size());
    set_size(old_size + text.size());
    return true;
  }

  // --- Changing it: always possible ---

  constexpr void clear() noexcept { set_size(0); }
  constexpr void pop_back() noexcept {
    if (const size_type old_size = size(); old_size > 0) set_size(old_size - 1);
  }
  /// Removes up to `count` characters from `index` on.
  constexpr String& erase(size_type index = 0, size_type count = npos) {
    const size_type old_size = size();
    if (index > old_size) detail::refuse_index("baton::String", index, old_size);
    if (count > old_size - index) count = old_size - index;
    move(chars_ + index, chars_ + index + count, old_size - index - count);
    set_size(old_size - count);
    return *this;
  }

  template <std::size_t M>
  friend constexpr bool operator==(const String& a, const String<M>& b) noexcept {
    return a.view() == b.view();
  }
  template <detail::Text S>
  requires(!detail::is_string<S>) friend constexpr bool operator==(const String& a, const S& b) noexcept {
    return a.view() == std::string_view(b);
  }
  template <std::size_t M>
  friend constexpr std::strong_ordering operator<=>(const String& a, const String<M>& b) noexcept {
    return a.view() <=> b.view();
  }
  template <detail::Text S>
  requires(!detail::is_string<S>) friend constexpr std::strong_ordering operator<=>(const String& a,
                                                                                    const S& b) noexcept {
    return a.view() <=> std::string_view(b);
  }
  template <class Traits>
  friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const String& text) {
    return out << text.view();
  }

 private:
  constexpr size_type checked(size_type index) const {
    if (const size_type now = size(); index >= now) detail::refuse_index("baton::String", index, now);
    return index;
  }
  constexpr void set_size(size_type size) noexcept { size_ = static_cast<std::uint32_t>(size); }
  /// Both may be parts of this string. In constant expressions addresses of different objects cannot be compared, so
  /// there the caller says in which direction to copy.
  static constexpr void move(char* to, const char* from, size_type count, bool up = false) noexcept {
    if (!std::is_constant_evaluated()) {
      if (count > 0) std::memmove(to, from, count);
    } else if (up) {
      for (size_type i = count; i > 0; --i) to[i - 1] = from[i - 1];
    } else {
      for (size_type i = 0; i < count; ++i) to[i] = from[i];
    }
  }

  std::uint32_t size_ = 0;
  char chars_[N] = {};
};

}  // namespace v1
}  // namespace baton

template <std::size_t N>
struct std::hash<baton::String<N>> {
  std::size_t operator()(const baton::String<N>& text) const noexcept {
    return std::hash<std::string_view>()(text.view());
  }
};

template <std::size_t N>
struct fmt::formatter<baton::String<N>> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const baton::String<N>& text, Context& context) const {
    return fmt::formatter<std::string_view>::format(text.view(), context);
  }
};
