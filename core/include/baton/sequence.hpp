#pragma once

#include <algorithm>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <new>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>

#include "baton/bounded.hpp"

namespace baton {
inline namespace v1 {

namespace detail {

/// Room for N elements, all bytes zero. Scalars are plain elements, which constant expressions can use. Others are
/// bytes until they are used, so that an empty sequence costs no constructors and its bytes are zero whatever their
/// defaults.
template <class T, std::size_t N, bool kPlain = std::is_scalar_v<T>>
struct SequenceStorage {
  constexpr T* data() noexcept { return items; }
  constexpr const T* data() const noexcept { return items; }
  T items[N] = {};
};

template <class T, std::size_t N>
struct SequenceStorage<T, N, false> {
  T* data() noexcept { return std::launder(reinterpret_cast<T*>(bytes)); }
  const T* data() const noexcept { return std::launder(reinterpret_cast<const T*>(bytes)); }
  alignas(T) std::byte bytes[N * sizeof(T)] = {};
};

}  // namespace detail

/// IDL's `sequence<T, N>`: up to N elements, held in place. It feels like a std::vector (its model is C++26's
/// std::inplace_vector), never allocates, and may be copied byte by byte and to any address.
///
/// Members that may run out of room throw std::length_error (without exceptions: print and abort) and leave the value
/// as it was; their `try_` twins return false instead. A length that another process has damaged is read as N at most.
///
/// It converts implicitly to std::span<T> and std::span<const T>, as every contiguous range does.
template <class T, std::size_t N>
class Sequence {
  static_assert(std::is_trivially_copyable_v<T>, "a sequence in a message holds relocatable values");
  static_assert(N >= 1 && N <= 0xFFFF'FFFF);

 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using const_reference = const T&;
  using pointer = T*;
  using const_pointer = const T*;
  using iterator = T*;
  using const_iterator = const T*;
  using reverse_iterator = std::reverse_iterator<iterator>;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  constexpr Sequence() noexcept = default;
  constexpr Sequence(std::initializer_list<T> values) { assign(values); }
  constexpr explicit Sequence(size_type count) { resize(count); }
  constexpr Sequence(size_type count, const T& value) { resize(count, value); }
  template <std::ranges::sized_range R>
  requires(std::convertible_to<std::ranges::range_reference_t<const R>, T> &&
           !std::same_as<R, Sequence>) constexpr explicit Sequence(const R& values) {
    assign(values);
  }

  constexpr Sequence& operator=(std::initializer_list<T> values) {
    assign(values);
    return *this;
  }
  template <std::ranges::sized_range R>
  requires(std::convertible_to<std::ranges::range_reference_t<const R>, T> &&
           !std::same_as<R, Sequence>) constexpr Sequence&
  operator=(const R& values) {
    assign(values);
    return *this;
  }

  // --- Looking at it ---

  constexpr size_type size() const noexcept { return detail::load_length(size_, N); }
  constexpr bool empty() const noexcept { return size() == 0; }
  static constexpr size_type capacity() noexcept { return N; }
  static constexpr size_type max_size() noexcept { return N; }

  constexpr T* data() noexcept { return storage_.data(); }
  constexpr const T* data() const noexcept { return storage_.data(); }

  constexpr iterator begin() noexcept { return data(); }
  constexpr iterator end() noexcept { return data() + size(); }
  constexpr const_iterator begin() const noexcept { return data(); }
  constexpr const_iterator end() const noexcept { return data() + size(); }
  constexpr const_iterator cbegin() const noexcept { return begin(); }
  constexpr const_iterator cend() const noexcept { return end(); }
  constexpr reverse_iterator rbegin() noexcept { return reverse_iterator(end()); }
  constexpr reverse_iterator rend() noexcept { return reverse_iterator(begin()); }
  constexpr const_reverse_iterator rbegin() const noexcept { return const_reverse_iterator(end()); }
  constexpr const_reverse_iterator rend() const noexcept { return const_reverse_iterator(begin()); }

  constexpr T& operator[](size_type index) noexcept { return data()[index]; }
  constexpr const T& operator[](size_type index) const noexcept { return data()[index]; }
  constexpr T& at(size_type index) { return data()[checked(index)]; }
  constexpr const T& at(size_type index) const { return data()[checked(index)]; }
  constexpr T& front() noexcept { return data()[0]; }
  constexpr const T& front() const noexcept { return data()[0]; }
  constexpr T& back() noexcept { return data()[size() - 1]; }
  constexpr const T& back() const noexcept { return data()[size() - 1]; }

  // --- Changing it: throws if there is no room ---

  template <std::ranges::sized_range R>
  constexpr void assign(const R& values) {
    if (!try_assign(values)) refuse(std::ranges::size(values));
  }
  constexpr void assign(std::initializer_list<T> values) { assign<std::initializer_list<T>>(values); }
  constexpr void assign(size_type count, const T& value) {
    if (count > N) refuse(count);
    const T copy = value;  // `value` may be an element of this sequence
    clear();
    fill_up_to(count, copy);
  }
  template <std::ranges::sized_range R>
  constexpr void append(const R& values) {
    if (!try_append(values)) refuse(size() + std::ranges::size(values));
  }
  constexpr void append(std::initializer_list<T> values) { append<std::initializer_list<T>>(values); }
  constexpr void push_back(const T& value) {
    if (!try_push_back(value)) refuse(size() + 1);
  }
  template <class... Args>
  constexpr T& emplace_back(Args&&... args) {
    push_back(make(std::forward<Args>(args)...));
    return back();
  }
  constexpr void resize(size_type count) { resize(count, T{}); }
  constexpr void resize(size_type count, const T& value) {
    if (!try_resize(count, value)) refuse(count);
  }
  constexpr iterator insert(const_iterator position, const T& value) { return insert(position, size_type{1}, value); }
  constexpr iterator insert(const_iterator position, size_type count, const T& value) {
    const T copy = value;  // `value` may be an element that is about to move
    if (count > N - size()) refuse(size() + count);
    T* const gap = open_gap(position, count);
    for (size_type i = 0; i < count; ++i) gap[i] = copy;
    return gap;
  }
  /// `values` must not be a part of this sequence.
  constexpr iterator insert(const_iterator position, std::span<const T> values) {
    if (values.size() > N - size()) refuse(size() + values.size());
    T* const gap = open_gap(position, values.size());
    copy_in(gap, values);
    return gap;
  }
  constexpr iterator insert(const_iterator position, std::initializer_list<T> values) {
    return insert(position, std::span<const T>(values.begin(), values.size()));
  }

  // --- Changing it: returns false, and leaves the value as it was, if there is no room ---

  template <std::ranges::sized_range R>
  [[nodiscard]] constexpr bool try_assign(const R& values) noexcept {
    if (std::ranges::size(values) > N) return false;
    const size_type count = std::ranges::size(values);  // before the copy: `values` may be this sequence, or in it
    copy_in(data(), values);
    set_size(count);
    return true;
  }
  template <std::ranges::sized_range R>
  [[nodiscard]] constexpr bool try_append(const R& values) noexcept {
    const size_type old_size = size();
    const size_type count = std::ranges::size(values);
    if (count > N - old_size) return false;
    copy_in(data() + old_size, values);
    set_size(old_size + count);
    return true;
  }
  [[nodiscard]] constexpr bool try_push_back(const T& value) noexcept {
    const size_type old_size = size();
    if (old_size == N) return false;
    data()[old_size] = value;
    set_size(old_size + 1);
    return true;
  }
  template <class... Args>
  [[nodiscard]] constexpr bool try_emplace_back(Args&&... args) noexcept {
    return size() < N && try_push_back(make(std::forward<Args>(args)...));
  }
  [[nodiscard]] constexpr bool try_resize(size_type count) noexcept { return try_resize(count, T{}); }
  [[nodiscard]] constexpr bool try_resize(size_type count, const T& value) noexcept {
    if (count > N) return false;
    if (count > size()) {
      fill_up_to(count, T(value));
    } else {
      set_size(count);
    }
    return true;
  }
  [[nodiscard]] constexpr bool try_insert(const_iterator position, const T& value) noexcept {
    const T copy = value;
    if (size() == N) return false;
    *open_gap(position, 1) = copy;
    return true;
  }

  // --- Changing it: always possible ---

  constexpr void clear() noexcept { set_size(0); }
  constexpr void pop_back() noexcept {
    if (const size_type old_size = size(); old_size > 0) set_size(old_size - 1);
  }
  constexpr iterator erase(const_iterator position) noexcept { return erase(position, position + 1); }
  constexpr iterator erase(const_iterator first, const_iterator last) noexcept {
    T* const to = data() + (first - data());
    const T* const old_end = data() + size();
    std::copy(last, old_end, to);
    set_size(size() - static_cast<size_type>(last - first));
    return to;
  }

  template <std::size_t M>
  friend constexpr bool operator==(const Sequence& a, const Sequence<T, M>& b) requires std::equality_comparable<T> {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  template <std::size_t M>
  friend constexpr auto operator<=>(const Sequence& a, const Sequence<T, M>& b) requires std::three_way_comparable<T> {
    return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  [[noreturn]] static void refuse(size_type wanted) { detail::refuse_length("baton::Sequence", wanted, N); }

  constexpr size_type checked(size_type index) const {
    if (const size_type now = size(); index >= now) detail::refuse_index("baton::Sequence", index, now);
    return index;
  }
  constexpr void set_size(size_type size) noexcept { size_ = static_cast<std::uint32_t>(size); }

  template <class... Args>
  static constexpr T make(Args&&... args) {
    if constexpr (std::constructible_from<T, Args...>) {
      return T(std::forward<Args>(args)...);
    } else {
      return T{std::forward<Args>(args)...};  // an aggregate
    }
  }

  /// Copies `values` to `to`. They may be elements of this sequence at or behind `to`.
  template <class R>
  static constexpr void copy_in(T* to, const R& values) noexcept {
    for (const auto& value : values) *to++ = static_cast<T>(value);
  }

  constexpr void fill_up_to(size_type count, const T& value) noexcept {
    T* const items = data();
    for (size_type i = size(); i < count; ++i) items[i] = value;
    set_size(count);
  }

  /// Moves what is at `position` and behind it up by `count`; there is room for it.
  constexpr T* open_gap(const_iterator position, size_type count) noexcept {
    T* const gap = data() + (position - data());
    T* const old_end = data() + size();
    std::copy_backward(gap, old_end, old_end + count);
    set_size(size() + count);
    return gap;
  }

  std::uint32_t size_ = 0;
  detail::SequenceStorage<T, N> storage_;
};

}  // namespace v1
}  // namespace baton
