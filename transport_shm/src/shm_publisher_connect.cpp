// Who is connected to a publisher: finding readers, claiming their slots, making room for them, and letting them go.
// On the user's thread when it notices a change, on the keeper's otherwise; never both at once (cold_mutex_).

#include <algorithm>
#include <cerrno>
#include <new>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "baton/log.hpp"
#include "shm_publisher.hpp"

namespace baton::shm {
namespace {

/// How long a new publisher waits for a subscriber that has no free slot to make some; its keeper does that at once.
constexpr std::chrono::milliseconds kSlotPatience{100};

/// How long a subscriber may take for that before it is said that it makes none: on a busy machine, for deep queues, it
/// is a matter of seconds.
constexpr std::chrono::seconds kSlotsAreLate{5};

/// The names by which readers are to map a publisher's segments: those for one that is about to be connected, and those
/// of a fresh segment for everybody. Unless they are kept, they go again, and so does the fresh segment's own.
class NamesForReader {
 public:
  NamesForReader(domain::Member& member, const ChunkPool& pool, const std::vector<std::shared_ptr<Outlet>>& live,
                 std::optional<Segment>& fresh, const domain::PortRef& reader) noexcept
      : member_(member), pool_(pool), live_(live), fresh_(fresh), reader_(reader) {}
  ~NamesForReader() {
    if (kept_) return;
    for (const Segment& segment : pool_.segments()) segment.unlink_for(member_, reader_);
    if (!fresh_) return;
    fresh_->unlink_for(member_, reader_);
    for (const auto& outlet : live_) fresh_->unlink_for(member_, outlet->request().reader);
    fresh_->remove_name(member_);
  }
  NamesForReader(const NamesForReader&) = delete;
  NamesForReader& operator=(const NamesForReader&) = delete;

  Result<void> make() const {
    for (const Segment& segment : pool_.segments()) {
      if (auto linked = segment.link_for(member_, reader_); !linked) return linked;
    }
    if (!fresh_) return {};
    if (auto linked = fresh_->link_for(member_, reader_); !linked) return linked;
    for (const auto& outlet : live_) {
      if (auto linked = fresh_->link_for(member_, outlet->request().reader); !linked) return linked;
    }
    return {};
  }

  void keep() noexcept { kept_ = true; }

 private:
  domain::Member& member_;
  const ChunkPool& pool_;
  const std::vector<std::shared_ptr<Outlet>>& live_;
  std::optional<Segment>& fresh_;
  const domain::PortRef reader_;
  bool kept_ = false;
};

}  // namespace

ShmPublisher::ShmPublisher(const PortRequest& request)
    : announcement_(request.announcement),
      member_(request.member),
      events_(request.events),
      self_{member_->id(), member_->next_port()},
      port_id_(request.port_id),
      bucket_(domain::bucket_of(announcement_.topic)),
      epoch_(member_->epoch(bucket_)),
      concern_(*member_, bucket_, *this),
      peers_(member_, domain::PortRole::publisher, announcement_),
      clock_(announcement_.qos.stamp),
      max_loans_(announcement_.qos.max_loans),
      overflow_(announcement_.qos.overflow),
      makes_room_(overflow_ == Overflow::reject || overflow_ == Overflow::block),
      counts_more_(request.variable || announcement_.qos.deadline.count() != 0),
      page_(std::make_shared<domain::PortFile>()),
      figures_(&page_->publisher),
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
  if (qos.latched) {
    auto last = LastMessages::create(*member_, bucket_, announcement_.topic, self_, qos.history);
    if (!last) {
      return fail(last.error().code(), where,
                  fmt::format("the ring of its last messages cannot be made: {}", last.error().message()), "",
                  last.error().os_errno());
    }
    last_.emplace(*std::move(last));
  }
  std::vector<Event> to_announce;
  // The readers that are there already: the first segment has room for all of them, if it may.
  seen_epoch_.store(epoch_.load(std::memory_order_acquire), std::memory_order_relaxed);  // before the look
  const std::vector<domain::Peers::Peer> readers = peers_.refresh(to_announce).matched;
  if (!pool_.is_variable()) {  // else the first loan says which size
    std::uint64_t chunks = reserved_;
    for (const auto& reader : readers) {
      const std::uint64_t share = share_of(reader.announcement.qos.depth, reader.announcement.qos.max_held);
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
    connect_all(Side::user, readers, to_announce);
  }
  auto presence = domain::Presence::announce(member_, domain::PortRole::publisher, self_, announcement_,
                                             request.port_id, request.variable ? 0 : request.payload_bytes);
  if (!presence) return fail(std::move(presence).error());
  presence_ = *std::move(presence);
  if (last_) {
    if (auto latched = presence_->latch(); !latched) return latched;
  }
  member_->remove_latched(announcement_.topic);  // of those before us
  page_ = presence_->file();
  figures_ = &page_->publisher;
  if (qos.deadline.count() != 0) deadline_.emplace(qos.deadline, clock_, page_);
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
  look(Side::user, to_announce);
  announce(to_announce);
}

/// Holding no lock. What the events' callbacks do to the port waits until they have returned: see settle().
void ShmPublisher::announce(const std::vector<Event>& events) noexcept {
  const bool before = std::exchange(announcing_, true);
  for (const Event& event : events) events_->announce(event);
  announcing_ = before;
}

void ShmPublisher::look(Side side, std::vector<Event>& to_announce) noexcept try {
  const std::lock_guard lock(cold_mutex_);
  if (presence_ == nullptr) return;                                                        // closed meanwhile
  const std::uint32_t epoch = epoch_.load(std::memory_order_acquire);                      // before the look
  if (side == Side::user && epoch == seen_epoch_.load(std::memory_order_relaxed)) return;  // W: under the mutex
  seen_epoch_.store(epoch, std::memory_order_seq_cst);  // then who is broken: see Outlet::break_off
  short_of_slots_ = false;
  const domain::Peers::Changes changes = peers_.refresh(to_announce);
  if (!end_outlets(side, to_announce)) look_again();
  for (const domain::PortRef& gone : changes.gone) set_aside_.erase(gone);
  connect_all(side, changes.matched, to_announce);
} catch (const std::exception& error) {
  member_->look_again(bucket_);
  log::error("[{}] topic '{}': cannot look for subscribers: {}", announcement_.node, announcement_.topic, error.what());
}

/// The keeper could not get in: the user's next verb does what there is to do, or the keeper at its next tick.
void ShmPublisher::look_again() noexcept {
  seen_epoch_.fetch_sub(1, std::memory_order_relaxed);
  member_->look_again(bucket_);
}

/// Lets go of readers that leave or are gone. False if the keeper could not get in.
bool ShmPublisher::end_outlets(Side side, std::vector<Event>& to_announce) noexcept {
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

  const Guard::Visit inside(guard_, side, kPatience);
  if (!inside) return false;
  const auto forget = [this](const OutletPtr& outlet) {
    pool_.give_back_holder(outlet->holder());
    reserved_ -= outlet->share();
    member_->unwatch(outlet->request().reader.node);
  };
  std::erase_if(live_, [&](const OutletPtr& outlet) {
    const bool gone = state(outlet) == domain::Health::gone;
    if (!gone && !outlet->reader_leaves() && !outlet->broken()) return false;
    outlet->tell_trouble(*events_, announcement_.topic, to_announce);  // the last of it
    std::string_view reason;
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
    departing_.push_back(outlet);  // no allocation: there is room for all of live_
    return true;
  });
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

void ShmPublisher::connect_all(Side side, const std::vector<domain::Peers::Peer>& readers,
                               std::vector<Event>& to_announce) {
  auto reader = readers.begin();
  try {
    for (; reader != readers.end(); ++reader) connect(side, *reader, to_announce);
  } catch (...) {  // no memory: those that are left match again at the next look
    for (; reader != readers.end(); ++reader) peers_.forget(reader->port);
    throw;
  }
}

void ShmPublisher::connect(Side side, const domain::Peers::Peer& peer, std::vector<Event>& to_announce) {
  const Qos& qos = peer.announcement.qos;
  const domain::PortRef& reader = peer.port;

  // What is opened and mapped, outside of the guard.
  auto fresh = make_room_in_pool(share_of(qos.depth, qos.max_held));
  if (!fresh) return refuse(peer, fresh.error(), to_announce);
  NamesForReader names(*member_, pool_, live_, *fresh, reader);
  auto claimed = ClaimedSlot::open(*member_, bucket_, reader, qos);
  if (!claimed && claimed.error().os_errno() == ENOENT) return peers_.forget(reader);  // gone again
  if (!claimed) return refuse(peer, claimed.error(), to_announce);
  auto view = member_->view(reader.node);
  if (!view) return refuse(peer, view.error(), to_announce);
  if (auto made = names.make(); !made) return refuse(peer, made.error(), to_announce);
  // A reader that closed, or was reaped, before the names were made does not remove them any more.
  if (claimed->inbox->notes.leaving.load(std::memory_order_seq_cst) != 0 ||
      member_->health(reader.node) == domain::Health::gone) {
    return peers_.forget(reader);
  }

  const Guard::Visit inside(guard_, side, kPatience);
  if (!inside) {
    peers_.forget(reader);
    return look_again();
  }
  auto got = claimed->claim(self_);
  if (!got) return refuse(peer, got.error(), to_announce);
  if (!*got) return ask_for_slots(peer, claimed->slots(), to_announce);
  const Overflow overflow = connection_overflow(announcement_, peer.announcement);
  OutletPtr outlet;
  try {
    const Outlet::Request request{reader, peer.announcement.node, overflow, qos.depth, qos.max_held};
    outlet = std::make_shared<Outlet>(request, *claimed, *std::move(view), SocketBell(*member_, bucket_, reader),
                                      seen_epoch_, concern_);
    live_.reserve(live_.size() + 1);
    departing_.reserve(departing_.size() + live_.size() + 1);  // for all that may ever go there
    if (*fresh) {
      pool_.add(*std::move(*fresh));
      fresh->reset();
    }
    outlet->set_holder(pool_.take_holder());
  } catch (const std::bad_alloc&) {
    claimed->close();
    throw;
  }
  names.keep();
  live_.push_back(outlet);
  reserved_ += outlet->share();
  member_->watch(reader.node);
  // First the history, then `ready`: so who was connected has all of it, and who was not, nothing, whenever we die.
  give_history(*outlet, peer.announcement);
  complete_slot(*claimed->slot,
                {self_, port_id_, announcement_.node, announcement_.qos.stamp, overflow, announcement_.qos.lifespan});
  outlet->announce_slot();
  set_aside_.erase(reader);
  member_->nudge(reader.node, bucket_);
  events_->report(EventKind::matched, announcement_.topic, peer.announcement.node, {}, to_announce);
}

/// A reader that cannot be connected: for good, or, if something was lacking, for now. Either is said once.
void ShmPublisher::refuse(const domain::Peers::Peer& peer, const Error& error, std::vector<Event>& to_announce) {
  if (member_->health(peer.port.node) == domain::Health::gone) return;
  if (is_passing(error)) member_->look_again(bucket_);
  // A lack of memory by the settings passes when another reader goes, and that has everybody look.
  if (is_passing(error) || error.code() == Errc::no_space) peers_.forget(peer.port);
  say_once(peer, error.message(), to_announce);
}

void ShmPublisher::say_once(const domain::Peers::Peer& peer, std::string_view reason, std::vector<Event>& to_announce) {
  if (std::exchange(set_aside_.try_emplace(peer.port).first->second.said, true)) return;
  events_->report(EventKind::refused, announcement_.topic, peer.announcement.node, reason, to_announce);
}

/// A reader has no free slot: it makes more, and changes the epoch. If it does not, that is said.
void ShmPublisher::ask_for_slots(const domain::Peers::Peer& peer, std::uint32_t slots,
                                 std::vector<Event>& to_announce) {
  short_of_slots_ = true;
  peers_.forget(peer.port);
  member_->nudge(peer.port.node, bucket_);
  member_->look_again(bucket_);
  const auto now = std::chrono::steady_clock::now();
  const auto since = set_aside_.try_emplace(peer.port, SetAside{now, false}).first->second.since;
  if (slots < kMaxSlots && now - since < kSlotsAreLate) return;
  say_once(peer,
           fmt::format("all {} places for publishers are taken{}", slots,
                       slots < kMaxSlots ? ", and it has made no more; its own log says why"
                                         : ": close publishers of the topic, or spread them over several topics"),
           to_announce);
}

void ShmPublisher::give_history(Outlet& outlet, const PortAnnouncement& reader) noexcept {
  const std::uint32_t wanted = reader.asked.history ? reader.qos.history : reader.qos.depth;
  const std::size_t given = std::min<std::size_t>({history_.size(), wanted, reader.qos.depth});
  outlet.begin_with(figures_->published.load(std::memory_order_relaxed) - given);
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
  return Segment::create(
      *member_,
      {bucket_, self_, number, next_segment_generation_++, static_cast<std::uint32_t>(chunks), payload_bytes,
       last_ ? domain::latched_segment_name(announcement_.topic, self_, number) : domain::segment_name(self_, number)});
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
  const auto give_up = [&](const Error& error) {
    log::warn("[{}] topic '{}': {}", announcement_.node, announcement_.topic, error);
    for (const OutletPtr& outlet : live_) segment->unlink_for(*member_, outlet->request().reader);
    segment->remove_name(*member_);
    return false;
  };
  // A reader that goes meanwhile is still among the live ones, and its names are removed when it is let go of.
  for (const OutletPtr& outlet : live_) {
    if (auto linked = segment->link_for(*member_, outlet->request().reader); !linked) return give_up(linked.error());
  }
  const Guard::Visit inside(guard_);
  if (!inside) return false;
  try {
    pool_.add(*segment);
  } catch (const std::bad_alloc&) {
    return give_up({Errc::no_space, "grow", "no memory for the bookkeeping of more chunks", ""});
  }
  return true;
} catch (const std::exception& error) {
  log::error("[{}] topic '{}': cannot make more chunks: {}", announcement_.node, announcement_.topic, error.what());
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

/// Of all that others map of us. What they have a name of, or have mapped, is theirs.
void ShmPublisher::remove_names() noexcept {
  if (last_ && presence_ != nullptr) presence_->unlatch();  // first: nobody is to find the half of it
  for (const Segment& segment : pool_.segments()) segment.remove_name(*member_);
  if (last_) last_->remove_name(*member_);
}

/// Leaves the topic. What was published stays takable.
void ShmPublisher::disconnect_all() noexcept {
  member_->remove(*this);
  std::vector<Event> to_announce;
  {
    const std::lock_guard lock(cold_mutex_);
    std::vector<OutletPtr> outlets;
    if (const Guard::Visit inside(guard_); inside) {
      for (const OutletPtr& outlet : departing_) {
        outlet->close_slot();
        reserved_ -= outlet->share();
        member_->unwatch(outlet->request().reader.node);
      }
      departing_.clear();
      for (const OutletPtr& outlet : live_) outlet->tell_trouble(*events_, announcement_.topic, to_announce);
      outlets.swap(live_);
    }
    for (const OutletPtr& outlet : outlets) {
      outlet->close_slot();
      reserved_ -= outlet->share();
      events_->report(EventKind::unmatched, announcement_.topic, outlet->request().node, {}, to_announce);
      member_->unwatch(outlet->request().reader.node);
    }
    if (history_.size() == 0 || !last_ || presence_ == nullptr) remove_names();
    presence_.reset();  // changes the epoch: the readers' keepers look, and find what we leave, if we do
  }
  announce(to_announce);
}

}  // namespace baton::shm
