#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "baton/chunk.hpp"

namespace baton {
inline namespace v1 {

/// Is given each message of a subscriber, in order; the chunk is lent for the duration of the call only.
///
/// What std::function would be, but for two things: it may own what cannot be copied, and a call is one indirect call.
class MessageHandler {
 public:
  MessageHandler() = default;
  MessageHandler(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)

  template <class Function>
  requires(!std::is_same_v<std::remove_cvref_t<Function>, MessageHandler> && std::is_invocable_v<Function&, Chunk>)
      MessageHandler(Function function)  // NOLINT(google-explicit-constructor)
      : target_(new Function(std::move(function)), [](void* target) { delete static_cast<Function*>(target); }),
        call_([](void* target, Chunk chunk) { (*static_cast<Function*>(target))(chunk); }) {}

  explicit operator bool() const noexcept { return target_ != nullptr; }

  /// Only for one that is not empty.
  void operator()(Chunk chunk) const { call_(target_.get(), chunk); }

 private:
  std::unique_ptr<void, void (*)(void*)> target_{nullptr, [](void*) {}};
  void (*call_)(void*, Chunk) = nullptr;
};

}  // namespace v1
}  // namespace baton
