#include "topic.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "baton/log.hpp"
#include "baton/match.hpp"

namespace baton::inproc {
namespace {

/// The topics that somebody uses. Never destroyed: ports may be closed by destructors of static objects.
struct Hub {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, std::weak_ptr<Topic>> topics;
  std::vector<const Topic::Watch*> watches;
  std::atomic<std::uint64_t> version{1};

  static Hub& instance() {
    static Hub* const hub = new Hub;
    return *hub;
  }
};

using Reports = std::vector<std::pair<std::shared_ptr<EventQueue>, Event>>;

/// Gives the event its place in both nodes' queues; it is announced later. Under the topic's mutex.
void report_both(Reports& reports, const InprocPublisher& publisher, const InprocSubscriber& subscriber, EventKind kind,
                 Refusal reason = {}) {
  const PortAnnouncement& writer = publisher.announcement();
  const PortAnnouncement& reader = subscriber.announcement();
  reports.emplace_back(publisher.events(), Event{kind, writer.topic, reader.node, std::move(reason.for_publisher)});
  publisher.events()->append(reports.back().second);
  reports.emplace_back(subscriber.events(), Event{kind, reader.topic, writer.node, std::move(reason.for_subscriber)});
  subscriber.events()->append(reports.back().second);
}

/// The same for the subscriber alone, where the publisher is gone.
void report(Reports& reports, const PortAnnouncement& writer, const InprocSubscriber& subscriber, EventKind kind,
            std::string reason = {}) {
  reports.emplace_back(subscriber.events(), Event{kind, writer.topic, writer.node, std::move(reason)});
  subscriber.events()->append(reports.back().second);
}

/// The same for events that have their place already.
void note(Reports& reports, const std::shared_ptr<EventQueue>& queue, std::vector<Event> events) {
  for (Event& event : events) reports.emplace_back(queue, std::move(event));
}

/// A connection has ended: what was not told yet of it, and that.
void report_end(Reports& reports, InprocPublisher& publisher, InprocSubscriber& subscriber, Connection& connection) {
  std::vector<Event> of_publisher;
  publisher.tell_last(connection, of_publisher);
  note(reports, publisher.events(), std::move(of_publisher));
  std::vector<Event> of_subscriber;
  subscriber.tell_last(connection, of_subscriber);
  note(reports, subscriber.events(), std::move(of_subscriber));
  report_both(reports, publisher, subscriber, EventKind::unmatched);
}

/// After the mutex is released.
void announce(const Reports& reports) noexcept {
  for (const auto& [queue, event] : reports) queue->announce(event);
}

}  // namespace

Left::~Left() {
  for (ChunkHeader* const chunk : history) pool->release(chunk);
}

std::shared_ptr<Topic> Topic::find(std::string_view domain, std::string_view name) {
  Hub& hub = Hub::instance();
  const std::pair key{std::string(domain), std::string(name)};
  const std::lock_guard lock(hub.mutex);
  std::weak_ptr<Topic>& known = hub.topics[key];
  if (auto topic = known.lock()) return topic;
  const auto forget = [key](Topic* topic) {
    delete topic;
    Hub& owner = Hub::instance();
    const std::lock_guard guard(owner.mutex);
    const auto entry = owner.topics.find(key);
    // A successor of the same name may have been made between the last use of this one and now.
    if (entry != owner.topics.end() && entry->second.expired()) owner.topics.erase(entry);
  };
  std::shared_ptr<Topic> topic(new Topic, forget);
  known = topic;
  return topic;
}

void Topic::connect(InprocPublisher& publisher, const std::shared_ptr<InprocSubscriber>& subscriber, Reports& reports) {
  const PortAnnouncement& writer = publisher.announcement();
  const PortAnnouncement& reader = subscriber->announcement();
  if (pass_by(writer, reader)) return;
  if (auto refusal = match(writer, reader)) {
    report_both(reports, publisher, *subscriber, EventKind::refused, *std::move(refusal));
    return;
  }
  if (auto refusal = publisher.refuse_beyond_max_memory(reader)) {
    report_both(reports, publisher, *subscriber, EventKind::refused, *std::move(refusal));
    return;
  }
  auto connection = std::make_shared<Connection>(
      publisher.identity(), publisher.pool(), reader.node, connection_overflow(writer, reader), reader.qos.depth,
      reader.qos.max_held, connection_lifespan(writer.qos.lifespan, reader.qos.lifespan));
  std::vector<Event> of_former;
  subscriber->add_connection(connection, of_former);  // first, so that the reader finds what the publisher gives it
  note(reports, subscriber->events(), std::move(of_former));
  publisher.add_link({connection, subscriber}, reader.asked.history ? reader.qos.history : reader.qos.depth);
  report_both(reports, publisher, *subscriber, EventKind::matched);
}

/// A connection with a publisher that is gone, whose last messages are in the queue from the beginning.
void Topic::give(const Left& left, InprocSubscriber& subscriber, Reports& reports) {
  const PortAnnouncement& writer = *left.announced;
  const PortAnnouncement& reader = subscriber.announcement();
  if (pass_by(writer, reader)) return;
  if (auto refusal = match(writer, reader)) {
    report(reports, writer, subscriber, EventKind::refused, std::move(refusal->for_subscriber));
    return;
  }
  const std::uint32_t wanted = reader.asked.history ? reader.qos.history : reader.qos.depth;
  const auto given = std::min<std::size_t>({left.history.size(), wanted, reader.qos.depth});
  if (given == 0) return;
  auto connection = std::make_shared<Connection>(
      Connection::WithGone(), left.identity, left.pool, reader.node, connection_overflow(writer, reader),
      reader.qos.depth, reader.qos.max_held, connection_lifespan(writer.qos.lifespan, reader.qos.lifespan));
  for (std::size_t index = left.history.size() - given; index < left.history.size(); ++index) {
    connection->give_of_history(left.history[index]);
  }
  connection->publisher_closed.store(true, std::memory_order_release);  // last push first
  std::vector<Event> of_former;
  subscriber.add_connection(std::move(connection), of_former);
  note(reports, subscriber.events(), std::move(of_former));
  report(reports, writer, subscriber, EventKind::matched);
  report(reports, writer, subscriber, EventKind::unmatched, "it has ended; these were its last messages");
}

/// Of a latched publisher that goes.
void Topic::keep_history_of(InprocPublisher& publisher) noexcept try {
  if (!publisher.announcement().qos.latched) return;
  auto left = std::make_unique<Left>();
  left->announced = publisher.announced();
  left->identity = publisher.identity();
  left->pool = publisher.pool();
  left->history = publisher.take_history();
  if (left->history.empty()) return;
  left_.push_back(std::move(left));
  self_ = shared_from_this();
} catch (const std::bad_alloc&) {
  log::error("[{}] topic '{}': no memory to keep the last messages", publisher.announcement().node,
             publisher.announcement().topic);
}

void Topic::join(InprocPublisher& publisher) {
  Reports reports;
  std::vector<std::unique_ptr<Left>> ended;  // destroyed after the mutex is released
  std::shared_ptr<Topic> last;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(left_);
    last.swap(self_);
    for (const auto& subscriber : subscribers_) connect(publisher, subscriber, reports);
    publishers_.push_back(&publisher);
  }
  publishers_changed();
  announce(reports);
}

void Topic::join(const std::shared_ptr<InprocSubscriber>& subscriber) {
  Reports reports;
  {
    const std::lock_guard lock(mutex_);
    for (InprocPublisher* const publisher : publishers_) connect(*publisher, subscriber, reports);
    for (const auto& left : left_) give(*left, *subscriber, reports);
    subscribers_.push_back(subscriber);
  }
  announce(reports);
}

void Topic::leave(InprocPublisher& publisher) noexcept {
  Reports reports;
  {
    const std::lock_guard lock(mutex_);
    // One whose start failed was never among them.
    if (std::erase(publishers_, &publisher) != 0) keep_history_of(publisher);
    for (const Link& link : publisher.unlink()) {
      link.reader->publisher_left();
      report_end(reports, publisher, *link.reader, *link.connection);
    }
  }
  publishers_changed();
  announce(reports);
}

void Topic::leave(InprocSubscriber& subscriber) noexcept {
  Reports reports;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(subscribers_, [&](const auto& other) { return other.get() == &subscriber; });
    subscriber.mark_closed();
    for (InprocPublisher* const publisher : publishers_) {
      const Link link = publisher->remove_link(subscriber);
      if (link.connection) report_end(reports, *publisher, subscriber, *link.connection);
    }
  }
  announce(reports);
}

std::vector<std::shared_ptr<const PortAnnouncement>> Topic::publishers_in(std::string_view domain) {
  std::vector<std::shared_ptr<Topic>> topics;  // let go of when no lock is held: the last owner needs the hub's
  {
    Hub& hub = Hub::instance();
    const std::lock_guard lock(hub.mutex);
    topics.reserve(hub.topics.size());
    for (const auto& [key, known] : hub.topics) {
      if (key.first != domain) continue;
      if (auto topic = known.lock()) topics.push_back(std::move(topic));
    }
  }
  std::vector<std::shared_ptr<const PortAnnouncement>> found;
  for (const auto& topic : topics) {
    const std::lock_guard lock(topic->mutex_);
    for (const InprocPublisher* const publisher : topic->publishers_) {
      found.push_back(publisher->announced());
    }
    for (const auto& left : topic->left_) found.push_back(left->announced);
  }
  return found;
}

std::uint64_t Topic::version() noexcept { return Hub::instance().version.load(std::memory_order_acquire); }

/// After the topic's list has changed: who is woken by it, or sees the new version, finds it so.
void Topic::publishers_changed() noexcept {
  Hub& hub = Hub::instance();
  hub.version.fetch_add(1, std::memory_order_release);
  const std::lock_guard lock(hub.mutex);
  for (const Watch* const watch : hub.watches) watch->changed_();
}

Topic::Watch::Watch(std::function<void()> changed) : changed_(std::move(changed)) {
  Hub& hub = Hub::instance();
  const std::lock_guard lock(hub.mutex);
  hub.watches.push_back(this);
}

Topic::Watch::~Watch() {
  Hub& hub = Hub::instance();
  const std::lock_guard lock(hub.mutex);
  std::erase(hub.watches, this);
}

}  // namespace baton::inproc
