// Who is connected to a publisher: finding readers, claiming their slots, making room for them, and letting them go.
// On the user's thread when it notices a change, on the keeper's otherwise; never both at once (cold_mutex_).

#include <algorithm>
#include <cstring>
#include <new>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "baton/log.hpp"
#include "shm_publisher.hpp"

namespace baton::shm {
namespace {

/// How long the keeper waits for the user's thread to come out of a verb. Longer than any but one that was stopped.
constexpr std::chrono::milliseconds kPatience{20};

/// How long a new publisher waits for a subscriber that has no free slot to make some; its keeper does that at once.
constexpr std::chrono::milliseconds kSlotPatience{100};

/// What a reader may keep from the publisher: what it may have been given under any policy.
std::uint64_t share_of(const Qos& reader) noexcept { return std::uint64_t{reader.depth} + reader.max_held + 1; }

/// The guard, from either side.
class Inside {
 public:
  Inside(Guard& guard, bool keeper) noexcept
      : guard_(guard), keeper_(keeper), entered_(keeper ? guard.keeper_enter(kPatience) : guard.enter()) {}
  ~Inside() {
    if (!entered_) return;
    keeper_ ? guard_.keeper_leave() : guard_.leave();
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  explicit operator bool() const noexcept { return entered_; }

 private:
  Guard& guard_;
  const bool keeper_;
  const bool entered_;
};

/// Maps a subscriber's inbox and checks it. No slot is claimed yet.
Result<ClaimedSlot> map_inbox(domain::Member& member, std::uint32_t bucket, const domain::PortRef& reader,
                              std::optional<posix::SharedMemory>& memory) {
  const std::string name = domain::inbox_name(reader);
  auto file = member.open(bucket, name, posix::Access::read_write, sizeof(InboxHead));
  if (!file) return fail(std::move(file).error());
  auto mapping = domain::map_shared(*file, 0, sizeof(InboxHead), posix::Access::read_write);
  if (!mapping) return fail(std::move(mapping).error());
  ClaimedSlot claimed;
  claimed.inbox = std::launder(reinterpret_cast<InboxHead*>((*mapping)->writable_bytes().data()));
  claimed.header_mapping = *std::move(mapping);
  FileHead head;  // a copy, which nobody changes between check and use
  std::memcpy(&head, &claimed.inbox->head, sizeof(head));
  // The file may have grown since it was made.
  const std::uint64_t made_with = std::min(head.file_bytes, file->bytes());
  auto checked = domain::check_head(head, domain::FileKind::inbox, reader, 0, made_with, name, layout_fingerprint());
  if (!checked) return fail(std::move(checked).error());
  claimed.queue_shift = claimed.inbox->queue_shift;
  if (claimed.queue_shift < 1 || claimed.queue_shift > 20 ||
      claimed.inbox->slot_bytes != slot_bytes(claimed.queue_shift)) {
    return fail(Errc::corrupt, name, fmt::format("it claims queues of 2^{} entries", claimed.queue_shift),
                "end the subscriber's program");
  }
  memory.emplace(*std::move(file));
  return claimed;
}

/// Claims a free slot whose memory is there. False if there is none.
Result<bool> claim(ClaimedSlot& claimed, const posix::SharedMemory& memory, const domain::PortRef& self) {
  const std::uint64_t bytes = slot_bytes(claimed.queue_shift);
  const std::uint64_t room = (memory.bytes() - sizeof(InboxHead)) / bytes;
  const std::uint32_t slots = claimed.inbox->notes.slots.load(std::memory_order_acquire);  // the file grew before
  for (std::uint32_t index = 0; index < std::min<std::uint64_t>({slots, room, kMaxSlots}); ++index) {
    auto& word = claimed.inbox->slot_words[index];
    std::uint64_t seen = word.load(std::memory_order_relaxed);  // a guess; the claim decides
    SlotWord mine = SlotWord::unpack(seen);
    if (mine.state != SlotWord::State::free) continue;
    // Mapped before it is claimed: then nothing can fail any more.
    auto mapping = domain::map_shared(memory, sizeof(InboxHead) + index * bytes, bytes, posix::Access::read_write);
    if (!mapping) return fail(std::move(mapping).error());
    mine = {SlotWord::State::claimed, mine.slot_generation + 1, self.node.slot,
            static_cast<std::uint32_t>(self.node.generation) & SlotWord::kNodeGenerationMask, self.port};
    // S1 (acquire): the slot was zeroed before it became free.
    if (!word.compare_exchange_strong(seen, mine.pack(), std::memory_order_acq_rel, std::memory_order_relaxed))
      continue;
    claimed.slot = std::launder(reinterpret_cast<SlotHead*>((*mapping)->writable_bytes().data()));
    claimed.slot_mapping = *std::move(mapping);
    claimed.index = index;
    return true;
  }
  return false;
}

}  // namespace

ShmPublisher::ShmPublisher(const PortRequest& request)
    : announcement_(request.announcement),
      member_(request.member),
      events_(request.events),
      self_{member_->id(), member_->next_port()},
      port_id_(request.port_id),
      bucket_(domain::bucket_of(announcement_.topic)),
      epoch_(member_->epoch(bucket_)),
      peers_(member_, domain::PortRole::publisher, announcement_),
      clock_(announcement_.qos.stamp),
      max_loans_(announcement_.qos.max_loans),
      overflow_(announcement_.qos.overflow),
      makes_room_(overflow_ == Overflow::reject || overflow_ == Overflow::block),
      pool_({request.payload_bytes, request.variable, request.max_bytes, announcement_.qos.max_memory}),
      history_(announcement_.qos.history) {}

ShmPublisher::~ShmPublisher() = default;

Result<PublisherPortHandle> ShmPublisher::open(const PortRequest& request) {
  auto* const publisher = new ShmPublisher(request);
  PublisherPortHandle handle(publisher);
  if (auto started = publisher->start(request); !started) return fail(std::move(started).error());
  return handle;
}

Result<void> ShmPublisher::start(const PortRequest& request) {
  const Qos& qos = announcement_.qos;
  const std::string where = fmt::format("topic '{}': publisher in {}", announcement_.topic, announcement_.node);
  // One more where a loan may be exchanged for a larger one.
  reserved_ = std::uint64_t{max_loans_} + qos.history + (pool_.is_variable() ? 1 : 0);
  const std::uint64_t chunk_bytes = pool_.chunk_bytes_for(request.payload_bytes);
  if (reserved_ * chunk_bytes > qos.max_memory) {
    return fail(Errc::no_space, where,
                fmt::format("max_loans {} and history {} take {} chunks of {} bytes, more than max_memory, {} bytes",
                            max_loans_, qos.history, reserved_, chunk_bytes, qos.max_memory),
                "raise max_memory, or lower the others");
  }
  std::vector<Event> to_announce;
  // The readers that are there already: the first segment has room for all of them, if it may.
  seen_epoch_.store(epoch_.load(std::memory_order_acquire), std::memory_order_relaxed);  // before the look
  const std::vector<domain::Peers::Peer> readers = peers_.refresh(to_announce).matched;
  if (!pool_.is_variable()) {  // else the first loan says which size
    std::uint64_t chunks = reserved_;
    for (const auto& reader : readers) {
      const std::uint64_t share = share_of(reader.announcement.qos);
      if ((chunks + share) * chunk_bytes <= qos.max_memory) chunks += share;
    }
    chunks = std::min<std::uint64_t>(chunks, Reference::kMaxChunks);
    auto segment = make_segment(chunks, request.payload_bytes);
    if (!segment) {
      const Error& error = segment.error();
      return fail(error.code(), where, fmt::format("its {} chunks cannot be made: {}", chunks, error.message()), "",
                  error.os_errno());
    }
    pool_.add(*std::move(segment));
  }
  {
    const std::lock_guard lock(cold_mutex_);
    for (const auto& reader : readers) connect(Caller::user, reader, to_announce);
  }
  auto presence =
      domain::Presence::announce(member_, domain::PortRole::publisher, self_, announcement_, request.port_id);
  if (!presence) return fail(std::move(presence).error());
  presence_ = *std::move(presence);
  member_->add(bucket_, *this);
  announce(to_announce);
  const auto deadline = std::chrono::steady_clock::now() + kSlotPatience;
  while (is_short_of_slots() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    if (changed()) look_and_announce();
  }
  return {};
}

bool ShmPublisher::is_short_of_slots() const noexcept {
  const std::lock_guard lock(cold_mutex_);
  return short_of_slots_;
}

void ShmPublisher::look_and_announce() noexcept {
  std::vector<Event> to_announce;
  look(Caller::user, to_announce);
  announce(to_announce);
}

/// Holding no lock. What the events' callbacks do to the port waits until they have returned: see settle().
void ShmPublisher::announce(const std::vector<Event>& events) noexcept {
  const bool before = std::exchange(announcing_, true);
  for (const Event& event : events) events_->announce(event);
  announcing_ = before;
}

void ShmPublisher::keep(std::vector<Event>& to_announce) noexcept { look(Caller::keeper, to_announce); }

void ShmPublisher::look(Caller caller, std::vector<Event>& to_announce) noexcept try {
  const std::lock_guard lock(cold_mutex_);
  if (presence_ == nullptr) return;                                                            // closed meanwhile
  const std::uint32_t epoch = epoch_.load(std::memory_order_acquire);                          // before the look
  if (caller == Caller::user && epoch == seen_epoch_.load(std::memory_order_relaxed)) return;  // W: under the mutex
  seen_epoch_.store(epoch, std::memory_order_seq_cst);  // then who is broken: see Outlet::break_off
  short_of_slots_ = false;
  const domain::Peers::Changes changes = peers_.refresh(to_announce);
  bool done = end_outlets(caller, to_announce);
  for (const auto& peer : changes.matched) connect(caller, peer, to_announce);
  for (const domain::PortRef& gone : changes.gone) refused_for_memory_.erase(gone);
  if (!done) seen_epoch_.store(epoch - 1, std::memory_order_relaxed);  // the next verb does what the keeper could not
} catch (const std::exception& error) {
  log::error("[{}] topic '{}': cannot look for subscribers: {}", announcement_.node, announcement_.topic, error.what());
}

/// Lets go of readers that leave or are gone. False if the keeper could not get in.
bool ShmPublisher::end_outlets(Caller caller, std::vector<Event>& to_announce) noexcept {
  const auto state = [this](const OutletPtr& outlet) {
    const domain::Health health = member_->health(outlet->request().reader.node);
    const bool hung = health == domain::Health::hung;
    if (hung != outlet->hung()) {
      outlet->set_hung(hung);
      if (hung) outlet->wake_publisher();
    }
    return health;
  };
  bool any = false;
  for (const OutletPtr& outlet : live_) {
    any |= state(outlet) == domain::Health::gone || outlet->reader_leaves() || outlet->broken();
  }
  any |= !departing_.empty();
  if (!any) return true;

  const Inside inside(guard_, caller == Caller::keeper);
  if (!inside) return false;
  const auto forget = [this](const OutletPtr& outlet) {
    pool_.give_back_holder(outlet->holder());
    reserved_ -= outlet->share();
    member_->unwatch(outlet->request().reader.node);
  };
  std::vector<OutletPtr> ended;
  std::erase_if(live_, [&](const OutletPtr& outlet) {
    const bool gone = state(outlet) == domain::Health::gone;
    if (!gone && !outlet->reader_leaves() && !outlet->broken()) return false;
    std::string reason;
    if (outlet->broken()) {
      outlet->close_slot();
      reason = "it gave back a chunk that it did not have";
    } else if (outlet->reader_leaves()) {
      outlet->end(pool_);
      if (outlet->reader_refuses()) reason = "it cannot read what it is given; its own events say why";
    } else {
      reason = "its process died";
    }
    events_->report(EventKind::unmatched, announcement_.topic, outlet->request().node, reason, to_announce);
    outlet->wake_publisher();
    for (const Segment& segment : pool_.segments()) segment.unlink_for(*member_, outlet->request().reader);
    ended.push_back(outlet);
    return true;
  });
  departing_.insert(departing_.end(), ended.begin(), ended.end());
  std::erase_if(departing_, [&](const OutletPtr& outlet) {
    outlet->collect(pool_);
    const bool gone = member_->health(outlet->request().reader.node) == domain::Health::gone;
    if (!gone && (outlet->given() != 0 || outlet->broken())) {
      // Its slot is needed again, and nobody says when its last sample has come back.
      if (!outlet->broken() && outlet->reader_refuses()) member_->look_again(bucket_);
      return false;
    }
    if (!gone) outlet->close_slot();
    forget(outlet);
    return true;
  });
  return true;
}

void ShmPublisher::connect(Caller caller, const domain::Peers::Peer& peer, std::vector<Event>& to_announce) {
  const Qos& qos = peer.announcement.qos;
  const std::uint64_t share = share_of(qos);
  const domain::PortRef& reader = peer.port;
  const auto later = [&] { peers_.forget(reader); };  // the reader changes the epoch when there is something new

  auto segment = make_room_in_pool(share);
  if (!segment) {
    if (refused_for_memory_.insert(reader).second)
      events_->report(EventKind::refused, announcement_.topic, peer.announcement.node, segment.error().message(),
                      to_announce);
    return later();
  }
  const auto unlink_all = [&] {
    for (const Segment& own : pool_.segments()) own.unlink_for(*member_, reader);
    if (!*segment) return;
    (*segment)->unlink_for(*member_, reader);
    for (const OutletPtr& outlet : live_) (*segment)->unlink_for(*member_, outlet->request().reader);
    (*segment)->remove_name(*member_);
  };
  const auto give_up = [&](const Error& error) {
    unlink_all();
    if (member_->health(reader.node) != domain::Health::gone)
      events_->report(EventKind::refused, announcement_.topic, peer.announcement.node, error.message(), to_announce);
  };

  // What is opened and mapped, outside of the guard.
  std::optional<posix::SharedMemory> memory;
  auto claimed = map_inbox(*member_, bucket_, reader, memory);
  if (!claimed) {  // gone again, or damaged
    unlink_all();
    if (claimed.error().os_errno() == ENOENT) return later();
    return events_->report(EventKind::refused, announcement_.topic, peer.announcement.node, claimed.error().message(),
                           to_announce);
  }
  auto view = member_->view(reader.node);
  if (!view) return give_up(view.error());
  for (const Segment& own : pool_.segments()) {
    if (auto linked = own.link_for(*member_, reader); !linked) return give_up(linked.error());
  }
  if (*segment) {
    if (auto linked = (*segment)->link_for(*member_, reader); !linked) return give_up(linked.error());
    for (const OutletPtr& outlet : live_) {
      if (auto linked = (*segment)->link_for(*member_, outlet->request().reader); !linked)
        return give_up(linked.error());
    }
  }
  // A reader that closed, or was reaped, before the names were made does not remove them any more.
  if (claimed->inbox->notes.leaving.load(std::memory_order_seq_cst) != 0 ||
      member_->health(reader.node) == domain::Health::gone) {
    unlink_all();
    return later();
  }

  const Inside inside(guard_, caller == Caller::keeper);
  if (!inside) {
    unlink_all();
    later();
    seen_epoch_.store(epoch_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);  // the next verb does it
    return;
  }
  auto got = claim(*claimed, *memory, self_);
  if (!got || !*got) {
    unlink_all();
    if (!got)
      return events_->report(EventKind::refused, announcement_.topic, peer.announcement.node, got.error().message(),
                             to_announce);
    short_of_slots_ = true;
    member_->nudge(reader.node, bucket_);  // it makes more, and changes the epoch
    return later();
  }
  SlotHead& slot = *claimed->slot;
  const Overflow overflow = connection_overflow(announcement_, peer.announcement);
  slot.stamp = static_cast<std::uint8_t>(announcement_.qos.stamp);
  slot.overflow = static_cast<std::uint8_t>(overflow);
  slot.port_id = port_id_;
  slot.port = self_.port;
  slot.node_generation = self_.node.generation;
  slot.node.fill('\0');
  announcement_.node.copy(slot.node.data(), slot.node.size() - 1);
  slot.ready.store(1, std::memory_order_release);  // S2

  const Outlet::Request request{reader, peer.announcement.node, overflow, qos.depth, qos.max_held};
  auto outlet = std::make_shared<Outlet>(request, *std::move(claimed), *std::move(view),
                                         SocketBell(*member_, bucket_, reader), seen_epoch_);
  try {
    if (*segment) pool_.add(**std::move(segment));
    outlet->set_holder(pool_.take_holder());
    live_.push_back(outlet);
  } catch (const std::bad_alloc&) {
    outlet->close_slot();
    unlink_all();
    throw;
  }
  reserved_ += share;
  member_->watch(reader.node);
  give_history(*outlet, peer.announcement);
  outlet->announce_slot();
  refused_for_memory_.erase(reader);
  member_->nudge(reader.node, bucket_);
  events_->report(EventKind::matched, announcement_.topic, peer.announcement.node, {}, to_announce);
}

void ShmPublisher::give_history(Outlet& outlet, const PortAnnouncement& reader) noexcept {
  const std::uint32_t wanted = reader.history_asked ? reader.qos.history : reader.qos.depth;
  const std::size_t given = std::min<std::size_t>({history_.size(), wanted, reader.qos.depth});
  std::uint32_t dropped = 0;
  for (std::size_t i = history_.size() - given; i < history_.size(); ++i) outlet.give(pool_, history_[i], dropped);
}

/// A segment for what the pool lacks to serve one reader more, if it lacks anything; or why there cannot be one. Where
/// messages have sizes of their own, chunks are made when a loan asks for them.
Result<std::optional<Segment>> ShmPublisher::make_room_in_pool(std::uint64_t share) {
  const std::uint64_t needed = reserved_ + share;
  if (pool_.is_variable() || needed <= pool_.size()) return std::optional<Segment>();
  const std::uint64_t payload_bytes = pool_.max_payload();
  const std::uint64_t chunk_bytes = pool_.chunk_bytes_for(payload_bytes);
  const std::uint64_t most = announcement_.qos.max_memory / chunk_bytes;
  const std::string where = fmt::format("topic '{}'", announcement_.topic);
  if (needed > most || pool_.segments().size() == Reference::kMaxSegments) {
    return fail(Errc::no_space, where,
                fmt::format("{} chunks of {} bytes would be needed, and max_memory, {} bytes, is for {}; {}", needed,
                            chunk_bytes, announcement_.qos.max_memory, most, holders()),
                "raise the publisher's max_memory, or lower depth or max_held of its subscribers");
  }
  // Each segment is at least half as large as all before it, so that their number stays small.
  std::uint64_t chunks = std::max(needed - pool_.size(), (pool_.size() + 1) / 2);
  chunks = std::min<std::uint64_t>({chunks, most - pool_.size(), Reference::kMaxChunks});
  auto segment = make_segment(chunks, payload_bytes);
  if (!segment) return fail(std::move(segment).error());
  return std::optional<Segment>(*std::move(segment));
}

Result<Segment> ShmPublisher::make_segment(std::uint64_t chunks, std::uint64_t payload_bytes) {
  const auto number = static_cast<std::uint32_t>(pool_.segments().size());
  return Segment::create(*member_, {bucket_, self_, number, next_segment_generation_++,
                                    static_cast<std::uint32_t>(chunks), payload_bytes});
}

/// Makes chunks for messages of a size, which the calling loan has found missing; outside of the guard. As many as
/// there are already, so that the number of segments stays small, and no more than everybody together may hold. What a
/// class of sizes has been given stays with it.
bool ShmPublisher::grow(std::size_t bytes) noexcept try {
  constexpr std::uint64_t kFirstBytes = 1U << 20U;
  const std::lock_guard lock(cold_mutex_);
  const std::uint64_t have = pool_.size_for(bytes);
  if (have >= reserved_ || pool_.segments().size() == Reference::kMaxSegments) return false;
  const std::uint64_t chunk_bytes = pool_.chunk_bytes_for(bytes);
  const std::uint64_t first = std::max<std::uint64_t>(2, kFirstBytes / chunk_bytes);
  const std::uint64_t allowed = (announcement_.qos.max_memory - pool_.bytes()) / chunk_bytes;
  const std::uint64_t chunks =
      std::min<std::uint64_t>({have == 0 ? first : have, reserved_ - have, allowed, Reference::kMaxChunks});
  if (chunks == 0) return false;
  auto segment = make_segment(chunks, pool_.payload_bytes_for(bytes));
  if (!segment) {
    log::warn("[{}] topic '{}': no chunks of {} bytes can be made: {}", announcement_.node, announcement_.topic,
              chunk_bytes, segment.error());
    return false;
  }
  // A reader that goes meanwhile is still among the live ones, and its names are removed when it is let go of.
  for (const OutletPtr& outlet : live_) {
    auto linked = segment->link_for(*member_, outlet->request().reader);
    if (linked) continue;
    log::warn("[{}] topic '{}': {}", announcement_.node, announcement_.topic, linked.error());
    for (const OutletPtr& other : live_) segment->unlink_for(*member_, other->request().reader);
    segment->remove_name(*member_);
    return false;
  }
  const Inside inside(guard_, false);
  if (!inside) return false;
  pool_.add(*std::move(segment));
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

/// Who may hold how many chunks, for messages about a limit.
std::string ShmPublisher::holders() const {
  std::vector<std::string> parts;
  for (const auto* outlets : {&live_, &departing_}) {
    for (const OutletPtr& outlet : *outlets) {
      parts.push_back(fmt::format("{} up to {}", outlet->request().node, outlet->share()));
    }
  }
  if (parts.empty()) return "no subscriber holds any";
  return fmt::format("held by {}", fmt::join(parts, ", "));
}

/// Leaves the topic. What was published stays takable.
void ShmPublisher::disconnect_all() noexcept {
  member_->remove(*this);
  std::vector<Event> to_announce;
  {
    const std::lock_guard lock(cold_mutex_);
    std::vector<OutletPtr> outlets;
    if (const Inside inside(guard_, false); inside) {
      for (const OutletPtr& outlet : departing_) {
        outlet->close_slot();
        member_->unwatch(outlet->request().reader.node);
      }
      departing_.clear();
      outlets.swap(live_);
    }
    for (const OutletPtr& outlet : outlets) {
      outlet->close_slot();
      events_->report(EventKind::unmatched, announcement_.topic, outlet->request().node, {}, to_announce);
      member_->unwatch(outlet->request().reader.node);
    }
    for (const Segment& segment : pool_.segments()) segment.remove_name(*member_);
    presence_.reset();  // changes the epoch: the readers' keepers look
  }
  announce(to_announce);
}

}  // namespace baton::shm
