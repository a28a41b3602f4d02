// Who is connected to a publisher: finding readers, claiming their slots, making room for them, and letting them go.
// On the user's thread when it notices a change, on the keeper's otherwise; never both at once (cold_mutex_).

#include <algorithm>
#include <cerrno>
#include <new>
#include <thread>
#include <utility>

#include <fmt/format.h>

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
  /// `without`: segments that are about to go, one bit for each number.
  NamesForReader(domain::Member& member, const std::vector<Segment>& segments, std::uint64_t without,
                 const std::vector<std::shared_ptr<Outlet>>& live, std::optional<Segment>& fresh,
                 const domain::PortRef& reader) noexcept
      : member_(member), segments_(segments), without_(without), live_(live), fresh_(fresh), reader_(reader) {}
  ~NamesForReader() {
    if (kept_) return;
    for (const Segment& segment : segments_) segment.unlink_for(member_, reader_);
    if (!fresh_) return;
    fresh_->unlink_for(member_, reader_);
    for (const auto& outlet : live_) fresh_->unlink_for(member_, outlet->request().reader);
    fresh_->remove_name(member_);
  }
  NamesForReader(const NamesForReader&) = delete;
  NamesForReader& operator=(const NamesForReader&) = delete;

  Result<void> make() const {
    for (const Segment& segment : segments_) {
      if ((without_ >> segment.number() & 1U) != 0) continue;
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
  const std::vector<Segment>& segments_;
  const std::uint64_t without_;
  const std::vector<std::shared_ptr<Outlet>>& live_;
  std::optional<Segment>& fresh_;
  const domain::PortRef reader_;
  bool kept_ = false;
};

/// With `preallocate` all chunks have room for the largest message, so that none has to be made for its size.
ChunkPool::Request pool_request(const PortRequest& request) {
  const std::uint64_t max_memory = request.announcement.qos.max_memory;
  if (request.variable && request.member->memory_settings().preallocate) {
    return {.payload_bytes = request.max_bytes, .max_bytes = max_memory};
  }
  return {request.payload_bytes, request.variable, request.max_bytes, max_memory};
}

}  // namespace

ShmPublisher::ShmPublisher(const PortRequest& request, Plane plane)
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
      sizes_vary_(request.variable),
      counts_more_(request.variable || announcement_.qos.deadline.count() != 0),
      page_(std::make_shared<domain::PortFile>()),
      figures_(&page_->publisher),
      plane_(plane),
      pool_(pool_request(request)),
      history_(announcement_.qos.history) {}

ShmPublisher::~ShmPublisher() = default;

Result<PublisherPortHandle> ShmPublisher::open(const PortRequest& request, Plane plane) {
  auto* const publisher = new ShmPublisher(request, plane);
  PublisherPortHandle handle(publisher);
  if (auto started = publisher->start(request); !started) return fail(std::move(started).error());
  return handle;
}

Result<void> ShmPublisher::start(const PortRequest& request) {
  const Qos& qos = announcement_.qos;
  const std::string where = fmt::format("topic '{}': publisher in {}", announcement_.topic, announcement_.node);
  // One more where a loan may be exchanged for a larger one.
  reserved_ = std::uint64_t{max_loans_} + qos.history + (pool_.is_variable() ? 1 : 0);
  const MemorySettings& memory = member_->memory_settings();
  if (sizes_vary_ && memory.preallocate && request.max_bytes == 0) {
    return fail(Errc::invalid_argument, where,
                fmt::format("{} is true, and the messages of type {} have no largest size", memory.preallocate_origin,
                            announcement_.type),
                "give the type one, @baton(max_size=...), or set preallocate = false");
  }
  const std::uint64_t chunk_bytes = pool_.chunk_bytes_for(request.payload_bytes);
  const std::uint64_t most = qos.max_memory / chunk_bytes;
  if (plane_ == Plane::queue && reserved_ > most) {
    return fail(Errc::no_space, where,
                fmt::format("max_loans {} and history {} take {} chunks of {} bytes{}, more than {}", max_loans_,
                            qos.history, reserved_, chunk_bytes,
                            sizes_vary_ && memory.preallocate
                                ? fmt::format(", for the largest message, by {} = true", memory.preallocate_origin)
                                : "",
                            memory_limit()),
                "raise max_memory, or lower the others");
  }
  if (qos.latched && plane_ == Plane::queue) {
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
  if (plane_ == Plane::ring) {
    std::uint32_t depth = 1;
    for (const auto& reader : readers) {
      depth = std::max(depth, reader.announcement.qos.depth + reader.announcement.qos.max_held);
    }
    if (auto made = make_ring(request, depth); !made) return made;
  } else if (!pool_.is_variable()) {  // else the first loan says which size
    std::uint64_t chunks = reserved_;
    for (const auto& reader : readers) {
      const std::uint64_t share = share_of(reader.announcement.qos.depth, reader.announcement.qos.max_held);
      if (chunks + share <= most) chunks += share;
    }
    chunks = std::min<std::uint64_t>(chunks, Reference::kMaxChunks);
    auto segment = make_segment(chunks, pool_.payload_bytes_for(request.payload_bytes));
    if (!segment) {
      const Error& error = segment.error();
      return fail(error.code(), where,
                  fmt::format("its {} chunks cannot be made: {} (its topic is to take {})", chunks, error.message(),
                              to_string(predicted(request, readers.size()))),
                  "", error.os_errno());
    }
    pool_.add(*std::move(segment));
  }
  if (log::enabled(LogLevel::info)) {
    log::info("[{}] topic '{}': takes {}{}", announcement_.node, announcement_.topic,
              to_string(predicted(request, readers.size())),
              plane_ == Plane::queue && pool_.is_variable()
                  ? "; and chunks of the sizes that loans ask for, within " + memory_limit()
                  : "");
  }
  {
    const std::lock_guard lock(cold_mutex_);
    connect_all(Side::user, readers, to_announce);
  }
  auto presence = domain::Presence::announce(member_, domain::PortRole::publisher, self_, announcement_,
                                             request.port_id, request.variable ? 0 : request.payload_bytes);
  if (!presence) return fail(std::move(presence).error());
  presence_ = *std::move(presence);
  if (qos.latched) {
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

/// What is found is announced by the next verb that may, or the keeper.
void ShmPublisher::look_quietly() noexcept try {
  std::vector<Event> found;
  look(Side::user, found);
  if (found.empty()) return;
  const std::lock_guard lock(cold_mutex_);
  unannounced_.insert(unannounced_.end(), found.begin(), found.end());
  look_again();
} catch (const std::bad_alloc&) {  // what is in the queue of events stays there
}

/// Holding no lock. What the events' callbacks do to the port waits until they have returned: see settle().
void ShmPublisher::announce(const std::vector<Event>& events) noexcept {
  const bool before = std::exchange(announcing_, true);
  for (const Event& event : events) events_->announce(event);
  announcing_ = before;
}

void ShmPublisher::look(Side side, std::vector<Event>& to_announce) noexcept try {
  const std::lock_guard lock(cold_mutex_);
  if (presence_ == nullptr) return;  // closed meanwhile
  to_announce.insert(to_announce.end(), unannounced_.begin(), unannounced_.end());
  unannounced_.clear();
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
  const auto forget = [&](const OutletPtr& outlet) {
    pool_.give_back_holder(outlet->holder());
    reserved_ -= outlet->share();
    member_->unwatch(outlet->request().reader.node);
    if (side == Side::user) member_->look_again(bucket_);  // the keeper gives memory back
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
    for (const Segment& segment : files()) segment.unlink_for(*member_, outlet->request().reader);
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
  auto fresh = make_room_in_pool(side, share_of(qos.depth, qos.max_held));
  if (!fresh) return refuse(peer, fresh.error(), to_announce);
  NamesForReader names(*member_, files(), asked_back_, live_, *fresh, reader);
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
  bool grown = false;
  try {
    const Outlet::Request request{reader, peer.announcement.node, overflow, qos.depth, qos.max_held};
    outlet = std::make_shared<Outlet>(request, *claimed, *std::move(view), SocketBell(*member_, bucket_, reader),
                                      seen_epoch_, concern_);
    live_.reserve(live_.size() + 1);
    departing_.reserve(departing_.size() + live_.size() + 1);  // for all that may ever go there
    if (*fresh) {
      pool_.add(*std::move(*fresh));
      fresh->reset();
      grown = true;
    }
    outlet->set_holder(pool_.take_holder());
    if (ring_ != nullptr) {
      std::uint64_t pins = pins_for(qos.max_held);
      for (const auto* outlets : {&live_, &departing_}) {
        for (const OutletPtr& other : *outlets) pins += pins_for(other->request().max_held);
      }
      ring_->make_room_for_pins(pins);
      outlet->follow(*ring_, ring_->tail() - history_for(peer.announcement));
      ring_credit_ = 0;
    }
  } catch (const std::bad_alloc&) {
    claimed->close();
    throw;
  }
  names.keep();
  if (grown) {  // who maps ahead of the first message can do so now
    for (const OutletPtr& other : live_) member_->nudge(other->request().reader.node, bucket_);
  }
  live_.push_back(outlet);
  reserved_ += outlet->share();
  member_->watch(reader.node);
  // First the history, then `ready`: so who was connected has all of it, and who was not, nothing, whenever we die.
  if (ring_ == nullptr) give_history(*outlet, peer.announcement);
  complete_slot(*claimed->slot, {self_, port_id_, announcement_.node, announcement_.qos.stamp, overflow,
                                 announcement_.qos.lifespan, plane_});
  outlet->announce_slot();
  set_aside_.erase(reader);
  member_->nudge(reader.node, bucket_);
  events_->report(EventKind::matched, announcement_.topic, peer.announcement.node, {}, to_announce);
}

/// A reader that cannot be connected: for good, or, if something was lacking, for now. Either is said once.
void ShmPublisher::refuse(const domain::Peers::Peer& peer, const Error& error, std::vector<Event>& to_announce) {
  if (member_->health(peer.port.node) == domain::Health::gone) return;
  // A lack of memory by the settings passes when somebody else goes, of whatever topic, and nobody tells us.
  if (is_passing(error) || error.code() == Errc::no_space) {
    peers_.forget(peer.port);
    member_->look_again(bucket_);
  }
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

/// With how many of the last messages a reader begins.
std::uint64_t ShmPublisher::history_for(const PortAnnouncement& reader) const noexcept {
  const std::uint32_t wanted = reader.asked.history ? reader.qos.history : reader.qos.depth;
  const std::uint64_t there = ring_ == nullptr
                                  ? history_.size()
                                  : std::min<std::uint64_t>(announcement_.qos.history, ring_->tail() - ring_->floor());
  return std::min<std::uint64_t>({there, wanted, reader.qos.depth});
}

void ShmPublisher::give_history(Outlet& outlet, const PortAnnouncement& reader) noexcept {
  const std::uint64_t given = history_for(reader);
  outlet.begin_with(figures_->published.load(std::memory_order_relaxed) - given);
  std::uint32_t dropped = 0;
  for (std::size_t i = history_.size() - given; i < history_.size(); ++i) outlet.give(pool_, history_[i], dropped);
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
    const bool leaves_history =
        ring_ != nullptr ? announcement_.qos.latched && ring_->tail() != 0 : last_.has_value() && history_.size() != 0;
    if (!leaves_history || presence_ == nullptr) remove_names();
    presence_.reset();  // changes the epoch: the readers' keepers look, and find what we leave, if we do
  }
  announce(to_announce);
}

}  // namespace baton::shm
