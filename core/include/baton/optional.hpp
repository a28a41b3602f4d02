#pragma once

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <type_traits>
#include <utility>

namespace baton {
inline namespace v1 {

namespace detail {
[[noreturn]] inline void refuse_absent() {
#if defined(__cpp_exceptions)
  throw std::bad_optional_access();
#else
  std::fputs("baton::Optional: there is no value\n", stderr);
  std::abort();
#endif
}
}  // namespace detail

/// IDL's `@optional`: a value that may be absent, held in place. It feels like a std::optional, and may be copied byte
/// by byte and to any address.
///
/// The value comes first, then a byte that says whether it counts. Another process may have written any byte: all but 0
/// mean that it does.
template <class T>
class Optional {
  static_assert(std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T>);

 public:
  using value_type = T;

  constexpr Optional() noexcept = default;
  constexpr Optional(std::nullopt_t) noexcept {}  // NOLINT(google-explicit-constructor): as std::optional
  template <class U = T>
  requires(std::constructible_from<T, const U&> && !std::same_as<U, Optional>) constexpr Optional(
      const U& value)  // NOLINT(google-explicit-constructor): as std::optional
      : value_(static_cast<T>(value)), has_(1) {}

  constexpr Optional& operator=(std::nullopt_t) noexcept {
    reset();
    return *this;
  }
  template <class U = T>
  requires(std::constructible_from<T, const U&> && !std::same_as<U, Optional>) constexpr Optional& operator=(
      const U& value) {
    value_ = static_cast<T>(value);
    has_ = 1;
    return *this;
  }

  constexpr bool has_value() const noexcept { return has_ != 0; }
  constexpr explicit operator bool() const noexcept { return has_value(); }

  /// These give the value without looking whether it counts; reading one that does not is harmless.
  constexpr T& operator*() noexcept { return value_; }
  constexpr const T& operator*() const noexcept { return value_; }
  constexpr T* operator->() noexcept { return &value_; }
  constexpr const T* operator->() const noexcept { return &value_; }

  /// These throw std::bad_optional_access (without exceptions: print and abort) if there is no value.
  constexpr T& value() {
    if (!has_value()) detail::refuse_absent();
    return value_;
  }
  constexpr const T& value() const {
    if (!has_value()) detail::refuse_absent();
    return value_;
  }

  template <class U>
  constexpr T value_or(U&& other) const {
    return has_value() ? value_ : static_cast<T>(std::forward<U>(other));
  }

  constexpr void reset() noexcept { has_ = 0; }

  /// A new value, with the defaults of its type where no arguments say otherwise.
  template <class... Args>
  constexpr T& emplace(Args&&... args) {
    if constexpr (std::constructible_from<T, Args...>) {
      value_ = T(std::forward<Args>(args)...);
    } else {
      value_ = T{std::forward<Args>(args)...};  // an aggregate
    }
    has_ = 1;
    return value_;
  }

  friend constexpr bool operator==(const Optional& a, const Optional& b) {
    return a.has_value() == b.has_value() && (!a.has_value() || a.value_ == b.value_);
  }
  friend constexpr bool operator==(const Optional& a, std::nullopt_t) noexcept { return !a.has_value(); }
  friend constexpr bool operator==(const Optional& a, const T& b) { return a.has_value() && a.value_ == b; }

 private:
  T value_{};
  std::uint8_t has_ = 0;
};

}  // namespace v1
}  // namespace baton
