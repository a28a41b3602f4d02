#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace baton {
inline namespace v1 {

/// A pointer that holds the distance from itself to its target: valid in every mapping of the segment that both lie in,
/// at whatever address. 8 bytes; zero-filled memory is a null pointer.
///
/// Copying and assigning work out the new distance, so it must not be copied by memcpy, and a struct that has one is
/// not trivially copyable. The target must be in the same segment, or it is nonsense elsewhere. It checks nothing: for
/// a segment that another process wrote, check that the target lies within. Not atomic.
template <class T>
class RelativePtr {
 public:
  RelativePtr() noexcept = default;
  RelativePtr(std::nullptr_t) noexcept {}
  RelativePtr(T* target) noexcept { set(target); }
  RelativePtr(const RelativePtr& other) noexcept { set(other.get()); }
  template <class U>
  requires(!std::is_same_v<U, T> && std::is_convertible_v<U*, T*>) RelativePtr(const RelativePtr<U>& other)
  noexcept { set(other.get()); }
  ~RelativePtr() = default;

  RelativePtr& operator=(const RelativePtr& other) noexcept {
    set(other.get());
    return *this;
  }
  RelativePtr& operator=(T* target) noexcept {
    set(target);
    return *this;
  }
  RelativePtr& operator=(std::nullptr_t) noexcept {
    stored_ = 0;
    return *this;
  }

  T* get() const noexcept {
    if (stored_ == 0) return nullptr;
    return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(this) + (stored_ ^ kNullMask));
  }
  explicit operator bool() const noexcept { return stored_ != 0; }

  template <class U = T>
  requires(!std::is_void_v<U>) U& operator*() const noexcept { return *get(); }
  T* operator->() const noexcept { return get(); }
  template <class U = T>
  requires(!std::is_void_v<U>) U& operator[](std::size_t index) const noexcept { return get()[index]; }

  template <class U>
  friend bool operator==(const RelativePtr& a, const RelativePtr<U>& b) noexcept {
    return a.get() == b.get();
  }
  friend bool operator==(const RelativePtr& a, const T* b) noexcept { return a.get() == b; }
  friend bool operator==(const RelativePtr& a, std::nullptr_t) noexcept { return !a; }

 private:
  // The distance is stored with its lowest bit flipped. So 0, the null pointer, stands for the distance 1, which lies
  // inside of this object and is never meant, and the distance 0 (a structure that points at itself) is stored as 1.
  static constexpr std::uint64_t kNullMask = 1;

  void set(T* target) noexcept {
    // Unsigned, and modulo 2^64: a distance backwards comes out right too.
    stored_ = target == nullptr
                  ? 0
                  : (reinterpret_cast<std::uintptr_t>(target) - reinterpret_cast<std::uintptr_t>(this)) ^ kNullMask;
  }

  std::uint64_t stored_ = 0;
};

}  // namespace v1
}  // namespace baton
