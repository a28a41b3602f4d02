#include "inproc_publisher.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "baton/assert.hpp"
#include "baton/domain/wait.hpp"
#include "baton/timeout.hpp"
#include "topic.hpp"

namespace baton::inproc {
namespace {

bool is_lossless(const Connection& connection) noexcept {
  return connection.overflow == Overflow::reject || connection.overflow == Overflow::block;
}

}  // namespace

InprocPublisher::InprocPublisher(const PortRequest& request)
    : announced_(std::make_shared<const PortAnnouncement>(request.announcement)),
      events_(request.events),
      presence_(request.presence),
      page_(presence_ ? presence_->file() : std::make_shared<domain::PortFile>()),
      figures_(page_->publisher),
      identity_(std::make_shared<PublisherIdentity>(PublisherIdentity{
          announcement_.topic, announcement_.node, request.port_id, StampClock(announcement_.qos.stamp), page_})),
      pool_(std::make_shared<ChunkPool>(ChunkPool::Request{request.payload_bytes, request.variable, request.max_bytes,
                                                           announcement_.qos.max_memory})),
      history_(announcement_.qos.history),
      clock_(announcement_.qos.stamp),
      max_payload_(pool_->max_payload()),
      overflow_(announcement_.qos.overflow),
      max_loans_(announcement_.qos.max_loans),
      active_(std::make_unique<std::vector<Link>>()),
      variable_(request.variable),
      counts_more_(variable_ || announcement_.qos.deadline.count() != 0),
      member_(request.member),
      bucket_(domain::bucket_of(announcement_.topic)) {
  later_.reserve(max_loans_);
}

void InprocPublisher::open(std::shared_ptr<Topic> topic) {
  topic_ = std::move(topic);
  if (member_ == nullptr) return;
  concern_.emplace(*member_, bucket_, *this);
  if (announcement_.qos.deadline.count() != 0) deadline_.emplace(announcement_.qos.deadline, clock_, page_);
  member_->add(bucket_, *this);
}

void InprocPublisher::keep(std::vector<Event>& to_announce) noexcept {
  concern_->look([&] {
    bool any = false;
    const std::lock_guard lock(mutex_);
    for (const Link& link : links_) {
      Connection& connection = *link.connection;
      if (connection.queue.size() <= domain::relieved_at(connection.depth)) {
        connection.congested.store(false, std::memory_order_relaxed);  // a figure, as the others
      }
      if (!tell_of(connection, to_announce)) continue;
      any = true;
      link.reader->concern();
    }
    return any;
  });
  if (!deadline_) return;
  const auto now = std::chrono::steady_clock::now();
  if (deadline_->is_missed(now)) {
    events_->report(EventKind::deadline_missed, announcement_.topic, {}, {}, to_announce);
  }
  member_->call_at(bucket_, *this, deadline_->next(now));
}

/// True if there was something new, or will be.
bool InprocPublisher::tell_of(Connection& connection, std::vector<Event>& to_announce) noexcept {
  domain::Trouble trouble = connection.trouble();
  trouble.dropped_expired = 0;  // told to the subscriber alone
  return connection.told_publisher.tell(trouble, *events_, announcement_.topic, connection.to, to_announce);
}

Chunk InprocPublisher::loan(std::size_t bytes) noexcept {
  const ThreadCheck::Verb verb(check_, "loan", announcement_);
  LoanStatus status = LoanStatus::ok;
  ChunkHeader* header = nullptr;
  if ((state_ & kClosed) != 0) {
    status = LoanStatus::closed;
  } else if (bytes > max_payload_) {
    status = LoanStatus::too_large;
  } else if (open_loans_ == max_loans_) {
    status = LoanStatus::too_many_loans;
  } else if (header = pool_->pop(bytes); header == nullptr) {
    status = LoanStatus::out_of_chunks;
  }
  if (status != LoanStatus::ok) [[unlikely]] {
    add(figures_.failed_loans);
    return Chunk::refusal(status);
  }
  ++open_loans_;
  return {header->payload(), 0};
}

Chunk InprocPublisher::exchange(Chunk chunk, std::size_t bytes, std::size_t front, std::size_t back) noexcept {
  const ThreadCheck::Verb verb(check_, "exchange", announcement_);
  const auto refuse = [this](LoanStatus status) {
    add(figures_.failed_loans);
    return Chunk::refusal(status);
  };
  if ((state_ & kClosed) != 0) return refuse(LoanStatus::closed);
  if (bytes > max_payload_) return refuse(LoanStatus::too_large);
  ChunkHeader* const old = ChunkHeader::of(chunk.payload);
  ChunkHeader* const header = pool_->pop(bytes);  // there is one more than may be lent, for the time of the copy
  if (header == nullptr) return refuse(LoanStatus::out_of_chunks);
  std::memcpy(header->payload(), old->payload(), front);
  std::memcpy(header->payload() + header->capacity - back, old->payload() + old->capacity - back, back);
  pool_->put_back(old);
  return {header->payload(), 0};
}

std::size_t InprocPublisher::capacity(Chunk chunk) const noexcept { return ChunkHeader::of(chunk.payload)->capacity; }

/// Gives the message its number, its stamp and its place in the history. Afterwards `active_` is who it is for.
inline void InprocPublisher::seal(ChunkHeader* chunk) noexcept {
  // relaxed: figures, and the count of messages published is the next one's number.
  chunk->sequence = figures_.published.load(std::memory_order_relaxed);
  figures_.published.store(chunk->sequence + 1, std::memory_order_relaxed);
  chunk->stamp = clock_.read();
  if (counts_more_) [[unlikely]] {
    if (variable_) add(figures_.bytes, chunk->bytes);
    figures_.last_stamp.store(chunk->stamp, std::memory_order_relaxed);
  }
  if (history_.limit() != 0) [[unlikely]] {
    if (ChunkHeader* const evicted = keep(chunk)) pool_->release(evicted);
  }
}

inline PublishResult InprocPublisher::deliver(ChunkHeader* chunk, const std::vector<Link>& links) noexcept {
  const auto readers = static_cast<std::uint32_t>(links.size());
  // One reference for each reader beforehand: the first may be done before the next one is served. relaxed: a reader
  // learns of the chunk by E1, a joiner by the mutex, and both after they got a reference.
  if (history_.limit() == 0) {
    chunk->references.store(1 + readers, std::memory_order_relaxed);
  } else {
    chunk->references.fetch_add(readers, std::memory_order_relaxed);
  }
  std::uint32_t called = 0;
  std::uint32_t queued = 0;
  std::uint32_t dropped = 0;
  serving_ = &links;
  served_ = 0;
  for (const Link& link : links) {
    ++served_;  // before the call: a callback that publishes asks who has had the present message
    if (link.reader->call(*link.connection, chunk)) {
      ++called;
    } else if (enqueue(link, chunk, dropped)) {
      ++queued;
    }
  }
  if (queued == 0 && history_.limit() == 0) {
    pool_->put_back(chunk);  // nobody else knows it
  } else {
    pool_->release(chunk, 1 + readers - queued);
  }
  --open_loans_;
  return {PublishStatus::ok, static_cast<std::uint16_t>(called + queued), dropped};
}

PublishResult InprocPublisher::publish(Chunk chunk, std::size_t bytes) noexcept {
  const ThreadCheck::Verb verb(check_, "publish", announcement_);
  ChunkHeader* const header = ChunkHeader::of(chunk.payload);
  BATON_ASSERT(bytes <= header->capacity);
  header->bytes = bytes;
  if ((state_ & (kClosed | kDelivering)) != 0) [[unlikely]] {
    if ((state_ & kClosed) == 0) return publish_later(header);
    discard(chunk);
    return {PublishStatus::closed};
  }
  refresh_if_changed();
  PublishStatus status = PublishStatus::ok;
  if (overflow_ == Overflow::reject || overflow_ == Overflow::block) {
    status = find_room(*active_);
    if (status == PublishStatus::rejected) return {status};
  }
  state_ |= kDelivering;
  seal(header);
  PublishResult result = deliver(header, *active_);
  if (state_ == kDelivering) [[likely]] {
    state_ = 0;
  } else {
    finish_delivery();
  }
  result.status = status;
  return result;
}

/// What is to be done after a delivery when a callback has published, closed or abandoned meanwhile, or readers
/// changed.
void InprocPublisher::finish_delivery() noexcept {
  while (!later_.empty()) {  // it may become more on the way
    const Later next = later_.front();
    later_.erase(later_.begin());
    if (overflow_ == Overflow::block) find_room(*next.links);
    deliver(next.chunk, *next.links);
  }
  outdated_.clear();
  state_ &= static_cast<std::uint8_t>(~(kDelivering | kUnfinished));
  settle();
}

/// Sees to the lossless readers before anything is handed over. `rejected` means that nothing may be.
PublishStatus InprocPublisher::find_room(const std::vector<Link>& links) noexcept {
  if (everyone_has_room(links, 1)) return PublishStatus::ok;
  if (overflow_ == Overflow::reject) {
    add(figures_.rejected);
    return PublishStatus::rejected;
  }
  // One look at each is enough: only this publisher uses up room.
  const auto deadline = std::chrono::steady_clock::now() + announcement_.qos.block_timeout;
  bool room = true;
  for (const Link& link : links) {
    if (is_lossless(*link.connection)) room &= link.reader->wait_for_room(*link.connection, deadline);
  }
  if (room) return PublishStatus::ok;
  add(figures_.timed_out);
  return PublishStatus::timed_out;
}

/// Whether each lossless reader has room for so many more, and for the message that is being delivered to others.
bool InprocPublisher::everyone_has_room(const std::vector<Link>& links, std::uint64_t chunks) const noexcept {
  for (std::size_t index = 0; index < links.size(); ++index) {
    const Connection& connection = *links[index].connection;
    const bool present_to_come = (state_ & kDelivering) != 0 && !(serving_ == &links && index < served_);
    if (is_lossless(connection) && !connection.has_room(chunks + (present_to_come ? 1 : 0))) return false;
  }
  return true;
}

/// From inside a callback that this publisher is calling: the message takes its place in the order now and is delivered
/// when the present one has reached everybody. Waiting for room here would wait for this very thread.
PublishResult InprocPublisher::publish_later(ChunkHeader* chunk) noexcept {
  refresh_if_changed();
  if (overflow_ == Overflow::reject && !everyone_has_room(*active_, later_.size() + 1)) {
    add(figures_.rejected);
    return {PublishStatus::rejected};
  }
  seal(chunk);
  later_.push_back({chunk, active_.get()});
  state_ |= kUnfinished;
  return {};
}

void InprocPublisher::refresh_if_changed() noexcept {
  if (epoch_.load(std::memory_order_acquire) == seen_epoch_) [[likely]]
    return;  // E6
  const std::lock_guard lock(mutex_);
  refresh();
}

/// Copies the list of connections; under the mutex.
void InprocPublisher::refresh() noexcept {
  seen_epoch_ = epoch_.load(std::memory_order_relaxed);  // under the mutex
  auto links = std::make_unique<std::vector<Link>>(links_);
  active_.swap(links);
  state_ |= kUnfinished;
  outdated_.push_back(std::move(links));  // may be in use, and may own a reader: not to be destroyed under the mutex
}

/// Puts the message into the history; returns the one that had to go. A reader that joins before gets it by delivery,
/// one that joins after finds it in the history: hence the look at the list under the same lock.
ChunkHeader* InprocPublisher::keep(ChunkHeader* chunk) noexcept {
  const std::lock_guard lock(mutex_);
  if (epoch_.load(std::memory_order_relaxed) != seen_epoch_) refresh();  // under the mutex
  chunk->references.store(2, std::memory_order_relaxed);  // the delivery's and the history's; known by the mutex
  return history_.push(chunk).value_or(nullptr);
}

/// True if the reader's queue has a reference now.
bool InprocPublisher::enqueue(const Link& link, ChunkHeader* chunk, std::uint32_t& dropped) noexcept {
  Connection& connection = *link.connection;
  if (connection.subscriber_closed.load(std::memory_order_relaxed)) return false;  // a late one is dropped by its queue
  const std::uint64_t offered = connection.offered.load(std::memory_order_relaxed);  // own counter
  connection.offered.store(offered + 1, std::memory_order_relaxed);
  if (offered == 0) [[unlikely]]
    connection.begin_with(chunk->sequence);
  if (!make_room(connection, dropped)) return false;
  connection.queue.push(chunk);
  if (link.reader->wake()) [[unlikely]]
    add(figures_.wakeups);
  return true;
}

/// False if the message, already counted as offered, is the one to be dropped.
bool InprocPublisher::make_room(Connection& connection, std::uint32_t& dropped) noexcept {
  if (connection.overflow == Overflow::drop_oldest) {
    const std::uint64_t level = connection.queue.size();
    const bool full = level >= connection.depth;
    if (full) [[unlikely]]
      drop_oldest(connection, dropped);
    if (full || level >= connection.mark) [[unlikely]]
      note_trouble(connection, full);
    return true;
  }
  const std::uint64_t given = connection.given();  // this one included
  const bool room = given <= connection.capacity;
  if (!room) [[unlikely]] {
    add(connection.overflow == Overflow::drop_newest ? connection.dropped_newest : connection.dropped_timeout);
    ++dropped;
  }
  if (given > connection.mark || !room) [[unlikely]]
    note_trouble(connection, !room);
  return room;
}

void InprocPublisher::drop_oldest(Connection& connection, std::uint32_t& dropped) noexcept {
  while (connection.queue.size() >= connection.depth) {
    ChunkHeader* const oldest = connection.queue.pop();
    if (oldest == nullptr) return;  // the reader was quicker
    pool_->release(oldest);
    add(connection.dropped_oldest);
    ++dropped;
  }
}

/// For the keeper to tell.
void InprocPublisher::note_trouble(Connection& connection, bool dropped) noexcept {
  const bool congests = !connection.congested.load(std::memory_order_relaxed) &&  // figures
                        connection.queue.size() + (dropped ? 1 : 0) >= connection.mark;
  if (congests) connection.congested.store(true, std::memory_order_relaxed);
  if ((congests || dropped) && concern_) concern_->raise();
}

void InprocPublisher::discard(Chunk chunk) noexcept {
  const ThreadCheck::Verb verb(check_, "discard", announcement_);
  pool_->put_back(ChunkHeader::of(chunk.payload));
  --open_loans_;
  if ((state_ & kAbandoned) != 0) [[unlikely]]
    settle();
}

Error InprocPublisher::explain(LoanStatus status, std::size_t bytes) const {
  const std::string where = fmt::format("topic '{}': loan in {}", announcement_.topic, announcement_.node);
  switch (status) {
    case LoanStatus::too_many_loans:
      return {Errc::too_many_loans, where, fmt::format("all {} loans are open", announcement_.qos.max_loans),
              "publish or discard one, or raise max_loans"};
    case LoanStatus::too_large:
      return {Errc::too_large, where,
              fmt::format("a message of {} bytes, where {} are allowed", bytes, pool_->max_payload()),
              "raise the max_size of its type, or publish less at once"};
    case LoanStatus::closed: return {Errc::closed, where, "the publisher is closed", "open a new one"};
    case LoanStatus::out_of_chunks:
    case LoanStatus::ok: break;
  }
  return {
      Errc::out_of_chunks, where,
      fmt::format(
          "none of {} chunks is free, and none of {} bytes can be made: there may be {}, and max_memory is {} bytes",
          pool_->size(), bytes, pool_->reserved(), pool_->max_bytes()),
      "have the readers release their samples, or raise max_memory"};
}

PublisherCounters InprocPublisher::counters() const {
  const ThreadCheck::Verb verb(check_, "counters", announcement_);
  PublisherCounters figures;
  figures.published = figures_.published.load(std::memory_order_relaxed);  // of this thread, as all of them
  figures.bytes = variable_ ? figures_.bytes.load(std::memory_order_relaxed) : figures.published * max_payload_;
  figures.rejected = figures_.rejected.load(std::memory_order_relaxed);
  figures.timed_out = figures_.timed_out.load(std::memory_order_relaxed);
  figures.failed_loans = figures_.failed_loans.load(std::memory_order_relaxed);
  figures.wakeups = figures_.wakeups.load(std::memory_order_relaxed);
  figures.open_loans = open_loans_;
  figures.chunks = pool_->size();
  figures.free_chunks = pool_->count_free();
  const std::lock_guard lock(mutex_);
  for (const Link& link : links_) figures.connections.push_back(link.connection->counters(link.connection->to));
  return figures;
}

std::size_t InprocPublisher::connection_count() const noexcept {
  const ThreadCheck::Verb verb(check_, "connection_count", announcement_);
  const std::lock_guard lock(mutex_);
  return links_.size();
}

/// A reader that takes rings nobody.
bool InprocPublisher::flush(std::chrono::nanoseconds timeout) noexcept {
  const ThreadCheck::Verb verb(check_, "flush", announcement_);
  return look_until_answered(timeout, [this]() -> std::optional<bool> {
    if ((state_ & kClosed) != 0) return false;
    return all_taken() ? std::optional(true) : std::nullopt;
  });
}

bool InprocPublisher::all_taken() const noexcept {
  const std::lock_guard lock(mutex_);
  return later_.empty() &&
         std::all_of(links_.begin(), links_.end(), [](const Link& link) { return link.connection->queue.size() == 0; });
}

std::vector<std::string> InprocPublisher::audit() const {
  const ThreadCheck::Verb verb(check_, "audit", announcement_);
  std::vector<std::string> findings;
  const auto find = [&](const std::string& finding) {
    findings.push_back(
        fmt::format("topic '{}': publisher in {}: {}", announcement_.topic, announcement_.node, finding));
  };
  const std::lock_guard lock(mutex_);
  // First what can only become less, so that what is released meanwhile looks like too many in use, never too few.
  std::uint64_t given_in_all = 0;
  // Readers that have left, and still hold something, are known by their share of the pool alone.
  std::uint64_t shares_of_gone =
      pool_->reserved() - (std::uint64_t{max_loans_} + announcement_.qos.history + (variable_ ? 1 : 0));
  for (const Link& link : links_) {
    const Connection& connection = *link.connection;
    const ConnectionCounters figures = connection.counters(connection.to);
    given_in_all += connection.given();
    shares_of_gone -= connection.share();
    const std::uint64_t removed = figures.taken + figures.queued + figures.dropped() + figures.undelivered;
    if (removed != figures.offered && !connection.subscriber_closed.load(std::memory_order_relaxed) &&
        connection.counters(connection.to) == figures) {
      find(fmt::format("{}: {} messages were offered, and {} are accounted for", connection.to, figures.offered,
                       removed));
    }
    if (connection.given() > connection.share()) {
      find(fmt::format("{}: it was given {} chunks of {}", connection.to, connection.given(), connection.share()));
    }
  }
  const std::uint64_t free = pool_->count_free();
  const std::uint64_t size = pool_->size();
  if (free + open_loans_ > size) find(fmt::format("{} chunks are free and {} on loan, of {}", free, open_loans_, size));
  const std::uint64_t in_use = size - std::min(size, free + open_loans_);
  if (in_use > given_in_all + shares_of_gone + history_.size()) {
    find(fmt::format("{} chunks are in use, where readers have {}, those that left {} at most, and the history {}",
                     in_use, given_in_all, shares_of_gone, history_.size()));
  }
  if (in_use < history_.size())
    find(fmt::format("{} chunks are in use, and {} in the history", in_use, history_.size()));
  if (!pool_->each_is_free_once()) find("a chunk is twice in the list of free ones");
  return findings;
}

bool InprocPublisher::wait_for_connections(std::size_t count, std::chrono::nanoseconds timeout) noexcept {
  const ThreadCheck::Verb verb(check_, "wait_for_connections", announcement_);
  const auto before = static_cast<std::uint8_t>(state_ & kWaiting);
  state_ |= kWaiting;
  const bool found = domain::wait_for(*events_, member_.get(), timeout, [&]() -> std::optional<bool> {
    if ((state_ & (kClosed | kAbandoned)) != 0) return false;
    return connection_count() >= count ? std::optional(true) : std::nullopt;
  });
  state_ = static_cast<std::uint8_t>((state_ & ~kWaiting) | before);
  settle();
  return found;
}

void InprocPublisher::close() noexcept {
  const ThreadCheck::Verb verb(check_, "close", announcement_);
  state_ |= kClosed;
  settle();
}

void InprocPublisher::abandon() noexcept {
  const ThreadCheck::Verb verb(check_, "abandon", announcement_);
  state_ |= kAbandoned;
  settle();
}

/// Leaves the topic if the port is closed, and frees the port if nobody can use it any more. A delivery under way
/// comes first: its end calls again. So does a farewell, whose events may abandon the port, and a wait for connections.
void InprocPublisher::settle() noexcept {
  if ((state_ & (kDelivering | kWaiting)) != 0) return;
  const bool unused = (state_ & kAbandoned) != 0 && open_loans_ == 0;
  if (((state_ & kClosed) != 0 || unused) && (state_ & kLeft) == 0) {
    state_ |= kLeft | kDelivering;
    if (member_ != nullptr) member_->remove(*this);
    topic_->leave(*this);
    presence_.reset();
    state_ &= static_cast<std::uint8_t>(~kDelivering);
    active_->clear();
  }
  if ((state_ & kAbandoned) != 0 && open_loans_ == 0) delete this;
}

/// Why a reader cannot be given its share of the pool, if `max_memory` does not allow it.
std::optional<Refusal> InprocPublisher::refuse_beyond_max_memory(const PortAnnouncement& reader) const {
  const std::uint64_t share = Connection::share_of(reader.qos.depth, reader.qos.max_held);
  if (pool_->allows(share)) return std::nullopt;
  std::string holders = fmt::format("{} for max_loans and history", max_loans_ + announcement_.qos.history);
  {
    constexpr std::size_t kMaxNames = 8;
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < std::min(links_.size(), kMaxNames); ++i) {
      holders += fmt::format(", {} for {}", links_[i].connection->share(), links_[i].connection->to);
    }
    if (links_.size() > kMaxNames) holders += fmt::format(", the rest for {} others", links_.size() - kMaxNames);
  }
  const auto reason = [&](std::string_view whose, std::string_view reader_name) {
    return fmt::format(
        "{}max_memory of {} bytes is enough for {} chunks of {} bytes, of which {} are taken ({}), and "
        "depth and max_held of {} need {} more; raise max_memory, or lower those",
        whose, announcement_.qos.max_memory, pool_->max_chunks(), pool_->chunk_bytes(), pool_->reserved(), holders,
        reader_name, share);
  };
  return Refusal{reason("", reader.node), reason(announcement_.node + "'s ", "this subscriber")};
}

void InprocPublisher::add_link(Link link, std::uint32_t history_wanted) {
  const std::lock_guard lock(mutex_);
  Connection& connection = *link.connection;
  const std::size_t given = std::min<std::size_t>({history_.size(), history_wanted, connection.depth});
  for (std::size_t index = history_.size() - given; index < history_.size(); ++index) {
    connection.give_of_history(history_[index]);
  }
  links_.push_back(std::move(link));
  epoch_.fetch_add(1, std::memory_order_release);  // E6
}

Link InprocPublisher::remove_link(const InprocSubscriber& reader) noexcept {
  const std::lock_guard lock(mutex_);
  const auto link = std::find_if(links_.begin(), links_.end(),
                                 [&](const Link& candidate) { return candidate.reader.get() == &reader; });
  if (link == links_.end()) return {};
  Link gone = std::move(*link);
  links_.erase(link);
  epoch_.fetch_add(1, std::memory_order_release);  // E6
  return gone;
}

void InprocPublisher::tell_last(Connection& connection, std::vector<Event>& to_announce) noexcept {
  if (concern_) tell_of(connection, to_announce);
}

std::vector<ChunkHeader*> InprocPublisher::take_history() {
  const std::lock_guard lock(mutex_);
  std::vector<ChunkHeader*> chunks(history_.size());
  for (std::size_t index = chunks.size(); index-- > 0;) chunks[index] = history_.pop().value_or(nullptr);
  return chunks;
}

std::vector<Link> InprocPublisher::unlink() noexcept {
  std::vector<Link> gone;
  {
    const std::lock_guard lock(mutex_);
    gone.swap(links_);
    while (const auto chunk = history_.pop()) pool_->release(*chunk);
    epoch_.fetch_add(1, std::memory_order_release);  // E6
  }
  for (const Link& link : gone)
    link.connection->publisher_closed.store(true, std::memory_order_release);  // last push first
  return gone;
}

}  // namespace baton::inproc
