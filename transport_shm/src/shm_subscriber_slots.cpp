// Who is connected to a subscriber: the slots of its inbox, from the claim to the day they are free again, and what is
// said of it in events.

#include <algorithm>
#include <bit>
#include <charconv>
#include <new>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "baton/log.hpp"
#include "shm_subscriber.hpp"

namespace baton::shm {
namespace {

using std::chrono::steady_clock;

/// How long a new subscriber waits for the publishers that are there to connect. They do within a fraction of a
/// millisecond; one that does not is stopped or busy, and connects when it goes on.
constexpr std::chrono::milliseconds kJoinPatience{100};

}  // namespace

ShmSubscriber::ShmSubscriber(const PortRequest& request)
    : announcement_(request.announcement),
      member_(request.member),
      events_(request.events),
      self_{member_->id(), member_->next_port()},
      bucket_(domain::bucket_of(announcement_.topic)),
      payload_bytes_(request.variable ? 0 : request.payload_bytes),
      least_bytes_(request.payload_bytes),
      from_end_(request.from_end),
      max_held_(announcement_.qos.max_held),
      queue_shift_(queue_shift_for(announcement_.qos.depth, announcement_.qos.max_held)),
      own_socket_(*member_, bucket_, self_),
      concern_(*member_, bucket_, *this),
      page_(std::make_shared<domain::PortFile>()),
      figures_(&page_->subscriber),
      spin_(announcement_.qos.spin),
      samples_(max_held_) {}

ShmSubscriber::~ShmSubscriber() = default;

Result<SubscriberPortHandle> ShmSubscriber::open(const PortRequest& request) {
  auto subscriber = std::make_shared<ShmSubscriber>(request);
  if (auto started = subscriber->start(request, subscriber); !started) return fail(std::move(started).error());
  return SubscriberPortHandle(subscriber.get());
}

Result<void> ShmSubscriber::start(const PortRequest& request, std::shared_ptr<ShmSubscriber> self) {
  const std::string where = fmt::format("topic '{}': subscriber in {}", announcement_.topic, announcement_.node);
  auto directory = member_->directory(bucket_);
  if (!directory) return fail(std::move(directory).error());
  const std::uint64_t bytes = inbox_bytes(kFirstSlots, queue_shift_);
  auto made = member_->create(bucket_, announcement_.topic, bytes);
  if (!made) {
    return fail(made.error().code(), where, fmt::format("its inbox cannot be made: {}", made.error().message()), "",
                made.error().os_errno());
  }
  posix::SharedMemory* const file = &made->memory;
  // Written before it is mapped: nobody, not even a race detector, sees the file half made. All else is zero.
  auto image = std::make_unique<InboxHead>();
  image->head = domain::make_head(domain::FileKind::inbox, self_, 0, bytes, layout_fingerprint());
  image->queue_shift = queue_shift_;
  image->slot_bytes = static_cast<std::uint32_t>(slot_bytes(queue_shift_));
  image->notes.slots.store(kFirstSlots, std::memory_order_relaxed);  // private so far
  if (auto written = write_first(*file, image.get(), offsetof(InboxHead, bell)); !written) return written;
  auto header = domain::map_shared(*file, 0, sizeof(InboxHead), posix::Access::read_write, member_->map_options());
  if (!header) return fail(std::move(header).error());
  inbox_ = std::launder(reinterpret_cast<InboxHead*>((*header)->writable_bytes().data()));
  sleeper_.emplace(inbox_->bell);
  ::sem_init(&inbox_->bell.semaphore, 1, 0);  // fails for values that are too large only
  header_ = *std::move(header);
  file_.emplace(std::move(*file));
  shares_.push_back(std::move(made->share));
  slot_mappings_.resize(kFirstSlots);
  reported_.resize(kFirstSlots);
  if (auto linked = file_->link(**directory, domain::inbox_name(self_)); !linked)
    return fail(std::move(linked).error());

  auto presence = domain::Presence::announce(member_, domain::PortRole::subscriber, self_, announcement_,
                                             request.port_id, request.variable ? 0 : request.payload_bytes);
  if (!presence) {
    member_->unlink(bucket_, domain::inbox_name(self_));
    return fail(std::move(presence).error());
  }
  std::vector<Event> to_announce;
  std::vector<domain::Peers::Peer> publishers;
  {
    const std::lock_guard lock(cold_mutex_);
    presence_ = *std::move(presence);
    page_ = presence_->file();
    figures_ = &page_->subscriber;
    peers_.emplace(member_, domain::PortRole::subscriber, announcement_);
    domain::Peers::Changes there = peers_->refresh(to_announce);
    publishers = std::move(there.matched);
    if (reap_latched(publishers)) {
      domain::Peers::Changes after = peers_->refresh(to_announce);
      publishers.insert(publishers.end(), after.matched.begin(), after.matched.end());
      there.left.insert(there.left.end(), after.left.begin(), after.left.end());
    }
    give_what_is_left(std::move(there.left), to_announce);
  }
  alive_ = std::move(self);
  member_->add(bucket_, *this);
  announce(to_announce);
  wait_for_publishers(publishers);
  return {};
}

/// Whether the node has a keeper, which connects its publishers without their users.
bool ShmSubscriber::promises_to_look(const domain::NodeId& node) noexcept {
  const auto view = member_->view(node);
  return view && reinterpret_cast<const domain::NodeFile*>(view->page->bytes().data())->heartbeat_interval_ns != 0;
}

/// Sleeps until the publishers that are there have connected, for a bounded time.
void ShmSubscriber::wait_for_publishers(const std::vector<domain::Peers::Peer>& publishers) noexcept {
  const auto deadline = steady_clock::now() + kJoinPatience;
  const auto all_there = [&] {
    look_at_slots();
    return std::all_of(publishers.begin(), publishers.end(), [&](const domain::Peers::Peer& peer) {
      return !promises_to_look(peer.port.node) || member_->health(peer.port.node) != domain::Health::alive ||
             std::any_of(inlets_.begin(), inlets_.end(),
                         [&](const auto& inlet) { return inlet->publisher() == peer.port; });
    });
  };
  while (!all_there() && steady_clock::now() < deadline) {
    const std::uint32_t sequence = sleeper_->sequence();
    sleeper_->arm(domain::kRingFutex);
    if (!all_there()) sleeper_->sleep(sequence, deadline);  // W1: after arming
    sleeper_->disarm();
  }
}

SlotHead* ShmSubscriber::slot(std::uint32_t index) {
  auto& mapping = slot_mappings_[index];
  if (mapping == nullptr) {
    const std::uint64_t bytes = slot_bytes(queue_shift_);
    auto mapped = domain::map_shared(*file_, sizeof(InboxHead) + index * bytes, bytes, posix::Access::read_write,
                                     member_->map_options());
    if (!mapped) {
      log::error("[{}] topic '{}': {}", announcement_.node, announcement_.topic, mapped.error().message());
      return nullptr;
    }
    mapping = *std::move(mapped);
  }
  return std::launder(reinterpret_cast<SlotHead*>(mapping->writable_bytes().data()));
}

/// The consumer's look: makes an inlet for each slot that was claimed since, and marks those whose publisher is gone.
void ShmSubscriber::look_at_slots() noexcept try {
  std::vector<Event> to_announce;
  {
    const std::lock_guard lock(cold_mutex_);
    look(to_announce);
    grow_slots();
  }
  if (some_ended_) forget_ended();
  announce(to_announce);
} catch (const std::bad_alloc&) {
  log::error("[{}] topic '{}': no memory to connect publishers", announcement_.node, announcement_.topic);
}

void ShmSubscriber::look(std::vector<Event>& to_announce) {
  seen_slot_epoch_ = inbox_->slot_epoch.value.load(std::memory_order_seq_cst);  // W1: before the look
  report_slots(to_announce);  // first: whoever it found gone is found gone below, too
  const std::uint32_t slots = slots_.load(std::memory_order_relaxed);  // under the mutex, or a hint
  for (std::uint32_t index = 0; index < slots; ++index) {
    const SlotWord word = SlotWord::unpack(inbox_->slot_words[index].load(std::memory_order_acquire));  // S3
    if (word.state == SlotWord::State::free) continue;
    const bool ended =
        word.state == SlotWord::State::closed || !member_->find_node(word.node_slot, word.node_generation);
    Inlet* inlet = by_slot_[index].load(std::memory_order_relaxed);  // W: the consumer, who asks
    if (inlet == nullptr) {
      auto made = make_inlet(index);
      if (made == nullptr) {
        if (ended) free_half_claimed(index);
        continue;
      }
      inlet = made.get();
      inlet->open_ring(*member_, false);
      inlets_.push_back(std::move(made));
      by_slot_[index].store(inlet, std::memory_order_release);  // for who releases its samples
    }
    if (ended) {
      inlet->set_ended();
      some_ended_ = true;
    }
  }
  let_go_of_segments();
  if (member_->memory_settings().preallocate) map_ahead();
  // A publisher may have died between its entry and its ready bit, so all are asked once.
  active_.clear();
  for (const auto& inlet : inlets_) active_.push_back(inlet.get());
}

/// Maps the segments that publishers have given us a name of, before a take has to. The consumer.
void ShmSubscriber::map_ahead() {
  const auto names = member_->list(bucket_, names_prefix());
  if (!names) return;
  for (const std::string& name : *names) {
    for (const auto& inlet : inlets_) {
      const std::string prefix = names_of(inlet->publisher());
      if (!name.starts_with(prefix)) continue;
      std::uint32_t segment = 0;
      const auto [end, error] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), segment);
      if (error == std::errc() && end == name.data() + name.size()) inlet->map_ahead(*member_, segment);
    }
  }
}

/// The subscribing end of a slot's connection; null if nobody has claimed it whole.
std::unique_ptr<Inlet> ShmSubscriber::make_inlet(std::uint32_t index) {
  const SlotWord word = SlotWord::unpack(inbox_->slot_words[index].load(std::memory_order_acquire));  // S3
  if (word.state == SlotWord::State::free) return nullptr;
  const SlotHead* const head = slot(index);
  if (head == nullptr || head->ready.load(std::memory_order_acquire) == 0) return nullptr;  // S2
  const domain::PortRef publisher{{word.node_slot, head->node_generation}, head->port};
  const Inlet::Request request{index,
                               queue_shift_,
                               bucket_,
                               self_,
                               publisher,
                               payload_bytes_,
                               announcement_.qos.lifespan,
                               &concern_,
                               inbox_,
                               announcement_.qos.depth,
                               max_held_,
                               least_bytes_,
                               from_end_,
                               &figures_->damaged};
  return std::make_unique<Inlet>(request, slot_mappings_[index]);
}

/// Frees a slot whose publisher died between its claim and the end of it.
void ShmSubscriber::free_half_claimed(std::uint32_t index) {
  SlotHead* const head = slot(index);
  if (head == nullptr || head->ready.load(std::memory_order_acquire) != 0) return;  // S2
  wipe_slot(*head, queue_shift_);
  free_slot(index, std::nullopt);
  remove_orphaned_names();  // whose it was, the slot does not say in full
}

/// Frees the slots of publishers that are gone and of which nothing is queued or held any more.
void ShmSubscriber::forget_ended() noexcept {
  {
    const std::lock_guard lock(cold_mutex_);
    some_ended_ = false;
    for (std::size_t i = 0; i < inlets_.size();) {
      Inlet& inlet = *inlets_[i];
      if (!inlet.ended() || inlet.ready() || !inlet.all_completed() || !note_met(inlet.publisher())) {
        some_ended_ |= inlet.ended();
        ++i;
        continue;
      }
      departed_ += inlet.counters();
      const std::uint32_t index = inlet.slot_index();
      tell_trouble(index, unannounced_);                          // the last of it
      by_slot_[index].store(nullptr, std::memory_order_relaxed);  // no sample of it is out
      std::erase(active_, &inlet);
      inlet.wipe();
      free_slot(index, inlet.publisher());
      inlets_.erase(inlets_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  announce(std::exchange(unannounced_, {}));
}

/// After the wipe.
void ShmSubscriber::free_slot(std::uint32_t index, const std::optional<domain::PortRef>& publisher) noexcept {
  if (publisher) remove_names(names_of(*publisher));
  auto& word = inbox_->slot_words[index];
  SlotWord freed;  // keeps the generation, for the next claim to count on
  freed.slot_generation =
      SlotWord::unpack(word.load(std::memory_order_relaxed)).slot_generation;  // ours since it ended
  const bool was_full =
      std::none_of(inbox_->slot_words.begin(), inbox_->slot_words.begin() + slots_.load(std::memory_order_relaxed),
                   [](const auto& other) {
                     return SlotWord::unpack(other.load(std::memory_order_relaxed)).state == SlotWord::State::free;
                   });
  word.store(freed.pack(), std::memory_order_release);  // S1: the wipe came before
  if (was_full) member_->bump(bucket_);                 // somebody may be waiting for it
}

/// Removes names that publishers made for us and that we did not need: those that begin so.
void ShmSubscriber::remove_names(const std::string& prefix) noexcept {
  const auto names = member_->list(bucket_, prefix);
  if (!names) return;
  for (const std::string& name : *names) member_->unlink(bucket_, name);
}

/// A publisher may have made names for us, and died before it claimed a slot.
void ShmSubscriber::remove_orphaned_names() noexcept {
  const std::uint32_t epoch = member_->node_epoch();  // before the look; a directory of many ports is long
  if (epoch == seen_node_epoch_) return;
  const auto names = member_->list(bucket_, names_prefix());
  if (!names) return;
  bool all = true;
  for (const std::string& name : *names) {
    const auto publisher = domain::publisher_in(name);
    if (!publisher || member_->health(*publisher) != domain::Health::gone) continue;
    const std::uint32_t slots = slots_.load(std::memory_order_relaxed);  // under the mutex, or a hint
    const bool claimed =
        std::any_of(inbox_->slot_words.begin(), inbox_->slot_words.begin() + slots, [&](const auto& slot_word) {
          const SlotWord word = SlotWord::unpack(slot_word.load(std::memory_order_acquire));  // S3
          return word.state != SlotWord::State::free && word.node_slot == publisher->slot &&
                 word.node_generation == (publisher->generation & SlotWord::kNodeGenerationMask);
        });
    if (!claimed) member_->unlink(bucket_, name);
    all &= !claimed;
  }
  if (all) seen_node_epoch_ = epoch;
}

/// What the names that one publisher makes for us begin with.
std::string ShmSubscriber::names_of(const domain::PortRef& publisher) const {
  std::string prefix = domain::segment_name_for_reader(self_, publisher, 0);
  prefix.pop_back();  // the number
  return prefix;
}

/// What the names that publishers make for us begin with.
std::string ShmSubscriber::names_prefix() const {
  std::string prefix = domain::segment_name_for_reader(self_, {}, 0);
  prefix.resize(prefix.rfind(".of.") + 1);
  return prefix;
}

/// The keeper's look.
void ShmSubscriber::keep(std::vector<Event>& to_announce) noexcept try {
  bool news = false;
  {
    const std::lock_guard lock(cold_mutex_);
    if (presence_ == nullptr) return;                                           // closed meanwhile
    std::vector<domain::Peers::Peer> left = peers_->refresh(to_announce).left;  // reports who is refused
    remove_orphaned_names();
    news = report_slots(to_announce);
    if (member_->memory_settings().preallocate) {
      const auto names = member_->list(bucket_, names_prefix());
      news |= names && !names->empty();  // segments that the consumer is to map
    }
    news |= give_what_is_left(std::move(left), to_announce);
    grow_slots();
    const std::uint32_t slots = slots_.load(std::memory_order_relaxed);  // under the mutex
    const auto tell = [&] {
      bool any = false;
      for (std::uint32_t index = 0; index < slots; ++index) {
        if (!reported_[index].ended) any |= tell_trouble(index, to_announce);
      }
      return any;
    };
    concern_.look(tell, true);  // publishers raise theirs, and wake this keeper
    for (std::uint32_t index = 0; index < slots; ++index) check_deadline(index, to_announce);
  }
  if (!news) return;
  // The consumer is to look at its slots, also if it sleeps.
  inbox_->slot_epoch.value.fetch_add(1, std::memory_order_seq_cst);  // W1: before the ring
  domain::ring_futex(inbox_->bell);
  wake_self();
  if (has_handler_.load(std::memory_order_acquire) && dispatcher_) dispatcher_->wake();
} catch (const std::exception& error) {
  log::error("[{}] topic '{}': cannot look for publishers: {}", announcement_.node, announcement_.topic, error.what());
}

/// Reports each change of the slots once. True if the consumer must be told of one that it cannot see in the slots.
bool ShmSubscriber::report_slots(std::vector<Event>& to_announce) {
  bool news = false;
  member_->report_newcomers(to_announce);
  const std::uint32_t slots = slots_.load(std::memory_order_relaxed);  // under the mutex, or a hint
  for (std::uint32_t index = 0; index < slots; ++index) report_slot(index, to_announce, news);
  return news;
}

void ShmSubscriber::report_slot(std::uint32_t index, std::vector<Event>& to_announce, bool& news) {
  Reported& reported = reported_[index];
  SlotWord word = SlotWord::unpack(inbox_->slot_words[index].load(std::memory_order_acquire));  // S3
  const bool closed = word.state == SlotWord::State::closed;
  const bool is_free = word.state == SlotWord::State::free;
  word.state = SlotWord::State::claimed;
  const std::uint64_t claim = is_free ? 0 : word.pack();

  const auto end = [&](std::string_view reason) {
    if (reported.ended) return;
    reported.ended = true;
    events_->report(EventKind::unmatched, announcement_.topic, reported.node, reason, to_announce);
  };
  const auto unwatch = [&] {
    if (reported.owner) member_->unwatch(*reported.owner);
    reported.owner.reset();
  };
  if (claim != reported.claim) {  // the former connection ended, and its slot was freed
    end({});
    unwatch();
    if (is_free) {
      reported = {};
      return;
    }
    SlotHead* const head = slot(index);
    if (head == nullptr) return;
    const auto owner = member_->find_node(word.node_slot, word.node_generation);
    if (head->ready.load(std::memory_order_acquire) == 0) {  // S2; the claim is not complete, or never will be
      if (!owner && std::exchange(reported.half_claim, claim) != claim) news = true;
      return;
    }
    reported = {};
    reported.claim = claim;
    reported.node.assign(head->node.data(), ::strnlen(head->node.data(), head->node.size()));
    reported.ended = false;
    events_->report(EventKind::matched, announcement_.topic, reported.node, {}, to_announce);
    if (owner) member_->watch(*owner);
    reported.owner = owner;
    reported.deadline_wanted = owner && announcement_.qos.deadline.count() != 0;
    watch_deadline(index);
  }
  if (is_free) return;
  const bool gone = !member_->find_node(word.node_slot, word.node_generation);
  if (gone && !std::exchange(reported.gone, true)) news = true;
  if (closed || gone) {
    unwatch();
    reported.deadline_wanted = false;
    reported.deadline.reset();
    // One that it cannot read the consumer has broken off itself: it is about to say so, and why.
    const Inlet* const inlet = by_slot_[index].load(std::memory_order_relaxed);  // under the mutex
    if (reported.ended || (!gone && inlet != nullptr && inlet->broken())) return;
    tell_trouble(index, to_announce);
    end(closed ? "" : "its process died");
    return;
  }
  const bool hung = reported.owner && member_->health(*reported.owner) == domain::Health::hung;
  if (hung && !reported.hung) news = true;  // it may have been stopped between a message and its bell
  reported.hung = hung;
}

/// Tells what the publisher, or the consumer, has noted in the slot since the last time. True if there was something.
bool ShmSubscriber::tell_trouble(std::uint32_t index, std::vector<Event>& to_announce) noexcept {
  const auto& mapping = slot_mappings_[index];
  if (mapping == nullptr) return false;
  const SlotHead& head = *std::launder(reinterpret_cast<const SlotHead*>(mapping->bytes().data()));
  // relaxed: figures.
  const SlotHead::Drops& dropped = head.dropped;
  domain::Trouble now{dropped.oldest.load(std::memory_order_relaxed), dropped.newest.load(std::memory_order_relaxed),
                      dropped.timeout.load(std::memory_order_relaxed),
                      head.consumed.expired.load(std::memory_order_relaxed),
                      dropped.congested.load(std::memory_order_relaxed) != 0};
  // In a ring the reader itself passes over what is too old.
  const Inlet* const inlet = by_slot_[index].load(std::memory_order_relaxed);  // under the mutex
  if (head.plane == Plane::ring && inlet != nullptr) now.dropped_oldest = inlet->counters().dropped_oldest;
  Reported& reported = reported_[index];
  return reported.told.tell(now, *events_, announcement_.topic, reported.node, to_announce);
}

/// Finds the publisher's file, in which the deadline is watched, if that is still to be done.
void ShmSubscriber::watch_deadline(std::uint32_t index) {
  Reported& reported = reported_[index];
  if (!reported.deadline_wanted || !reported.owner) return;
  const SlotHead* const head = slot(index);
  if (head == nullptr) return;
  auto page =
      member_->port_file(bucket_, domain::PortRole::publisher, announcement_.topic, {*reported.owner, head->port});
  if (!page) {
    // A publisher connects to who is there before it announces itself, and the keeper is called for that as well.
    if (is_passing(page.error())) member_->look_again(bucket_);
    return;
  }
  reported.deadline_wanted = false;
  const auto stamp = static_cast<Stamp>(std::min<std::uint8_t>(head->stamp, static_cast<std::uint8_t>(Stamp::off)));
  reported.deadline.emplace(announcement_.qos.deadline, StampClock(stamp), *std::move(page));
}

void ShmSubscriber::check_deadline(std::uint32_t index, std::vector<Event>& to_announce) {
  watch_deadline(index);
  Reported& reported = reported_[index];
  if (!reported.deadline) return;
  const auto now = steady_clock::now();
  if (reported.deadline->is_missed(now)) {
    events_->report(EventKind::deadline_missed, announcement_.topic, reported.node, {}, to_announce);
  }
  member_->call_at(bucket_, *this, reported.deadline->next(now));
}

/// Whether the slot has a publisher that has neither closed nor gone.
bool ShmSubscriber::connected(std::uint32_t index) const noexcept {
  const SlotWord word = SlotWord::unpack(inbox_->slot_words[index].load(std::memory_order_acquire));  // S3
  return word.state == SlotWord::State::claimed && member_->find_node(word.node_slot, word.node_generation).has_value();
}

/// The publisher gave something that cannot be read: nothing more of it is taken. Its slot stays its own until it has
/// seen that, and closed.
void ShmSubscriber::end_broken(Inlet& inlet) noexcept {
  {
    const std::lock_guard lock(cold_mutex_);
    Reported& reported = reported_[inlet.slot_index()];
    if (!std::exchange(reported.ended, true)) {
      tell_trouble(inlet.slot_index(), unannounced_);
      events_->report(EventKind::unmatched, announcement_.topic, inlet.publisher_node(), inlet.error(), unannounced_);
    }
  }
  log::error("[{}] topic '{}': disconnected from {}: {}", announcement_.node, announcement_.topic,
             inlet.publisher_node(), inlet.error());
  some_ended_ = true;      // in the middle of a verb: announced when it has found nothing
  member_->bump(bucket_);  // the publisher looks
}

/// Gives publishers back what they want back, as far as it can be now. The consumer.
void ShmSubscriber::let_go_of_segments() noexcept {
  some_have_husks_ = false;
  for (const auto& inlet : inlets_) {
    if (inlet->let_go_of_segments()) member_->nudge(inlet->publisher().node, bucket_);
    some_have_husks_ |= inlet->has_husks();
  }
}

/// Makes slots when few are free. Under the mutex.
void ShmSubscriber::grow_slots() {
  const std::uint32_t slots = slots_.load(std::memory_order_relaxed);  // under the mutex, or a hint
  std::uint32_t free_slots = 0;
  for (std::uint32_t index = 0; index < slots; ++index) {
    const SlotWord word = SlotWord::unpack(inbox_->slot_words[index].load(std::memory_order_relaxed));  // a count
    free_slots += word.state == SlotWord::State::free ? 1 : 0;
  }
  if (free_slots >= kSlotsWanted || slots == kMaxSlots) return;
  const std::uint32_t more = std::min(kMaxSlots, 2 * slots);
  slot_mappings_.resize(more);
  reported_.resize(more);
  shares_.reserve(shares_.size() + 1);
  auto grown = member_->grow(*file_, announcement_.topic, inbox_bytes(more, queue_shift_));
  if (!grown) {
    if (std::exchange(growth_failed_, true)) return;  // said
    log::error("[{}] topic '{}': no place for more than {} publishers can be made: {}", announcement_.node,
               announcement_.topic, slots, grown.error().message());
    return;
  }
  growth_failed_ = false;
  shares_.push_back(*std::move(grown));
  slots_.store(more, std::memory_order_relaxed);               // under the mutex
  inbox_->notes.slots.store(more, std::memory_order_release);  // the file grew before
  member_->bump(bucket_);                                      // somebody may be waiting for one
}

void ShmSubscriber::announce(const std::vector<Event>& events) noexcept {
  for (const Event& event : events) events_->announce(event);
}

/// Leaves the topic, once. Samples stay valid.
void ShmSubscriber::leave(std::vector<Event>& to_announce) noexcept {
  member_->remove(*this);
  {
    const std::lock_guard lock(cold_mutex_);
    try {
      look(to_announce);               // what was given in slots that nobody has looked at counts, too
    } catch (const std::bad_alloc&) {  // it counts for nothing
    }
    for (const auto& inlet : inlets_) inlet->give_up();
    inbox_->notes.leaving.store(1, std::memory_order_seq_cst);  // L1: nothing is taken any more
    for (const auto& inlet : inlets_) inlet->wake_publisher();
    presence_.reset();  // changes the epoch, so the publishers look. Before the names that they may still make for us
    member_->unlink(bucket_, domain::inbox_name(self_));
    if (socket_) member_->unlink(bucket_, domain::bell_socket_name(self_));
    remove_names(names_prefix());
    for (std::uint32_t index = 0; index < reported_.size(); ++index) {
      Reported& reported = reported_[index];
      if (reported.owner) member_->unwatch(*reported.owner);
      reported.owner.reset();
      if (std::exchange(reported.ended, true)) continue;
      tell_trouble(index, to_announce);
      events_->report(EventKind::unmatched, announcement_.topic, reported.node, {}, to_announce);
    }
  }
}

}  // namespace baton::shm
