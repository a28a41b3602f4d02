#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "baton/error.hpp"
#include "baton/export.hpp"
#include "baton/match.hpp"

namespace baton {
inline namespace v1 {

namespace domain {
class Member;
}  // namespace domain

/// What a port announces of itself, as far as it concerns people and tools.
struct PortInfo {
  PortRole role = PortRole::publisher;
  std::string topic;
  std::string type;       ///< its scoped name
  std::string transport;  ///< resolved: never "auto"
  std::string node;       ///< the name of the node that it belongs to
  bool generic = false;   ///< a generic subscriber's, which receives whatever there is
};

enum class TopicChange : std::uint8_t {
  appeared,
  gone,  ///< closed, or its process is dead
};

BATON_API std::string_view to_string(PortRole role) noexcept;
BATON_API std::string_view to_string(TopicChange change) noexcept;

/// A port that came or went.
struct TopicEvent {
  TopicChange change = TopicChange::appeared;
  PortInfo port;
};

/// Calls back for the ports of a domain as they come and go, as long as it lives. Made by `Node::watch`; for one thread
/// at a time. It keeps the node in its domain, and may outlive it. Its end waits for a running call, except from inside
/// the callback; afterwards there is none.
class [[nodiscard]] BATON_API TopicWatch {
 public:
  TopicWatch(TopicWatch&& other) noexcept;
  TopicWatch& operator=(TopicWatch&& other) noexcept;
  ~TopicWatch();

 private:
  friend class Node;
  struct State;
  explicit TopicWatch(std::shared_ptr<State> state) noexcept;

  using Callback = std::function<void(const TopicEvent&)>;
  static Result<TopicWatch> make(std::shared_ptr<domain::Member> member, std::string_view pattern, Callback callback);
  void end() noexcept;

  std::shared_ptr<State> state_;
};

}  // namespace v1
}  // namespace baton
