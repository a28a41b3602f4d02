// What a generic subscriber is made of: the directories of the transports, and a port for each topic, type and
// transport that somebody publishes.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "baton/generic.hpp"
#include "baton/posix/epoll.hpp"
#include "baton/posix/event_fd.hpp"

namespace baton {
inline namespace v1 {

class GenericSubscriber::State {
 public:
  /// Opens a port that a publisher's announcement matches.
  using Open =
      std::function<Result<SubscriberPortHandle>(const TypeDescription& type, const PortAnnouncement& publisher)>;

  static Result<std::shared_ptr<State>> make(std::string node, std::string pattern, Open open);

  /// Before the first look: where publishers are looked for. `watch` is given what is to be called when there may be
  /// others.
  using Watch = std::function<Result<std::unique_ptr<PublisherDirectory>>(std::function<void()> changed)>;
  Result<void> add_directory(const Watch& watch);

  GenericSample take();
  WaitStatus wait(std::chrono::nanoseconds timeout);
  Result<int> fd();
  std::vector<Source> sources();
  const std::string& pattern() const noexcept { return pattern_; }
  void close() noexcept;

 private:
  struct Key {
    std::string topic;
    std::string transport;
    std::array<std::uint8_t, 16> fingerprint;

    auto operator<=>(const Key&) const = default;
  };
  struct Port {
    SubscriberPortHandle handle;
    std::shared_ptr<const TypeDescription> description;
  };
  /// Shared with the directories, which call from other threads.
  struct Signal {
    explicit Signal(posix::EventFd made) : wake(std::move(made)) {}

    /// In this order: a signal whose flag is not to be seen yet is drained by the next look, never left behind.
    void raise() noexcept {
      wake.signal();
      raised.store(true, std::memory_order_release);  // what is there to be found was stored before
    }

    std::atomic<bool> raised{true};
    posix::EventFd wake;
  };

  State(std::string node, std::string pattern, Open open, std::shared_ptr<Signal> signal)
      : node_(std::move(node)), pattern_(std::move(pattern)), open_(std::move(open)), signal_(std::move(signal)) {}

  class Verb;
  using Announcements = std::vector<std::shared_ptr<const PortAnnouncement>>;

  GenericSample take_known(TakeStatus& status) noexcept;
  bool look();
  bool open_new(const Announcements& present);
  Result<Port> open_for(const PortAnnouncement& publisher);
  void close_old(const Announcements& present);
  void clear() noexcept;
  Result<void> watch(const Port& port);
  void unwatch(const Port& port) noexcept;

  const std::string node_;
  const std::string pattern_;
  const Open open_;
  const std::shared_ptr<Signal> signal_;
  struct Directory {
    std::unique_ptr<PublisherDirectory> directory;
    Announcements found;
  };
  std::vector<Directory> directories_;
  std::map<Key, Port> ports_;
  std::map<Key, Port>::iterator turn_ = ports_.end();  // to be asked next
  // By which no port could be opened, why, and that was said.
  std::map<std::shared_ptr<const PortAnnouncement>, Errc> failed_;
  GenericSample pending_;              // taken by `wait`, to know that there is something
  std::optional<posix::Epoll> epoll_;  // of the signal and all ports, once somebody waits
  bool leftovers_ = false;             // of a port whose publishers are gone
  bool again_ = false;                 // one may be opened now for which there was no room
  bool closed_ = false;
  std::uint32_t nesting_ = 0;  // of verbs, which an event's callback may call inside of another one
};

}  // namespace v1
}  // namespace baton
