// A publisher's memory: segments for who is connected, made when readers match or loans ask for them, and given back
// when readers have left. The README says how a segment comes back from readers that have it mapped ("Giving memory
// back").

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "baton/log.hpp"
#include "shm_publisher.hpp"

namespace baton::shm {
namespace {

/// A pool that has at least so much more than it needs is made anew, where no segment can go by itself.
constexpr std::uint64_t kWorthMakingAnew = 64U << 10U;

}  // namespace

/// A segment for what the pool lacks to serve one reader more, if it lacks anything; or why there cannot be one. Where
/// messages have sizes of their own, chunks are made when a loan asks for them.
Result<std::optional<Segment>> ShmPublisher::make_room_in_pool(Side side, std::uint64_t share) {
  const std::uint64_t needed = reserved_ + share;
  if (plane_ == Plane::ring || pool_.is_variable() || needed <= pool_.size() ||
      restore(side, pool_.max_payload(), needed))
    return std::optional<Segment>();
  const std::uint64_t payload_bytes = pool_.max_payload();
  const std::uint64_t chunk_bytes = pool_.chunk_bytes_for(payload_bytes);
  const std::uint64_t lacking = needed - pool_.size();
  const std::uint64_t allowed = allowed_bytes() / chunk_bytes;
  const std::string where = fmt::format("topic '{}'", announcement_.topic);
  if (lacking > allowed || pool_.segments().size() == Reference::kMaxSegments) {
    return fail(Errc::no_space, where,
                fmt::format("{} chunks of {} bytes would be needed, and {}, is for {}; {}", needed, chunk_bytes,
                            memory_limit(), announcement_.qos.max_memory / chunk_bytes, holders()),
                "raise the publisher's max_memory, or lower depth or max_held of its subscribers");
  }
  // Each segment is at least half as large as all before it, so that their number stays small.
  const std::uint64_t chunks = std::max(lacking, (pool_.size() + 1) / 2);
  auto segment = make_segment(std::min<std::uint64_t>({chunks, allowed, Reference::kMaxChunks}), payload_bytes);
  if (!segment) return fail(std::move(segment).error());
  return std::optional<Segment>(*std::move(segment));
}

/// What max_memory leaves for more chunks.
std::uint64_t ShmPublisher::allowed_bytes() const noexcept {
  return announcement_.qos.max_memory - std::min(announcement_.qos.max_memory, pool_.bytes());
}

Result<Segment> ShmPublisher::make_segment(std::uint64_t chunks, std::uint64_t payload_bytes) {
  std::uint32_t number = 0;
  const auto is_taken = [&](const Segment& segment) { return segment.number() == number; };
  while (std::any_of(pool_.segments().begin(), pool_.segments().end(), is_taken)) ++number;
  for (const OutletPtr& outlet : live_) outlet->use_again(number);  // before there are names of it
  return Segment::create(
      *member_,
      {bucket_, self_, number, next_segment_generation_++, static_cast<std::uint32_t>(chunks), payload_bytes,
       last_ ? domain::latched_segment_name(announcement_.topic, self_, number) : domain::segment_name(self_, number),
       announcement_.topic});
}

/// A segment more for those who are connected; outside of the guard.
Result<void> ShmPublisher::add_segment(Side side, std::uint64_t chunks, std::uint64_t payload_bytes) {
  auto segment = make_segment(chunks, payload_bytes);
  if (!segment) return fail(std::move(segment).error());
  const auto give_up = [&](Error error) -> Result<void> {
    for (const OutletPtr& outlet : live_) segment->unlink_for(*member_, outlet->request().reader);
    segment->remove_name(*member_);
    return fail(std::move(error));
  };
  // A reader that goes meanwhile is still among the live ones, and its names are removed when it is let go of.
  for (const OutletPtr& outlet : live_) {
    if (auto linked = segment->link_for(*member_, outlet->request().reader); !linked) return give_up(linked.error());
  }
  const std::string where = fmt::format("topic '{}'", announcement_.topic);
  const Guard::Visit inside(guard_, side, kPatience);
  if (!inside) return give_up({Errc::in_use, where, "the publisher is being used", ""});
  try {
    pool_.add(*segment);
  } catch (const std::bad_alloc&) {
    return give_up({Errc::no_space, where, "no memory for the bookkeeping of more chunks", ""});
  }
  return {};
}

/// Makes chunks for messages of a size, which the calling loan has found missing; outside of the guard. As many as
/// there are already, so that the number of segments stays small, and no more than everybody together may hold.
bool ShmPublisher::grow(std::size_t bytes) noexcept try {
  constexpr std::uint64_t kFirstBytes = 1U << 20U;
  const std::lock_guard lock(cold_mutex_);
  why_not_grown_.clear();
  const std::uint64_t have = pool_.size_for(bytes);
  if (have >= reserved_) return false;
  if (restore(Side::user, pool_.payload_bytes_for(bytes), have + 1)) return true;
  const std::uint64_t chunk_bytes = pool_.chunk_bytes_for(bytes);
  const std::uint64_t first = std::max<std::uint64_t>(2, kFirstBytes / chunk_bytes);
  const std::uint64_t wanted = std::min<std::uint64_t>(have == 0 ? first : have, reserved_ - have);
  const auto lacks_room = [&] {
    return allowed_bytes() < chunk_bytes || pool_.segments().size() == Reference::kMaxSegments;
  };
  if (lacks_room()) retire_other_sizes(bytes, wanted * chunk_bytes);
  if (lacks_room()) return false;
  std::uint64_t chunks =
      std::min<std::uint64_t>({wanted, allowed_bytes() / chunk_bytes, std::uint64_t{Reference::kMaxChunks}});
  auto added = add_segment(Side::user, chunks, pool_.payload_bytes_for(bytes));
  if (!added && added.error().code() == Errc::no_space) {
    retire_other_sizes(bytes, wanted * chunk_bytes);
    added = add_segment(Side::user, chunks, pool_.payload_bytes_for(bytes));
  }
  // Where there is not so much, a few help this loan and the next ones.
  while (!added && added.error().code() == Errc::no_space && chunks > 1) {
    chunks /= 2;
    added = add_segment(Side::user, chunks, pool_.payload_bytes_for(bytes));
  }
  if (added) return true;
  why_not_grown_ = added.error().message();
  log::warn("[{}] topic '{}': no chunks of {} bytes can be made: {}", announcement_.node, announcement_.topic,
            chunk_bytes, added.error());
  return false;
} catch (const std::exception& error) {
  log::error("[{}] topic '{}': cannot make more chunks: {}", announcement_.node, announcement_.topic, error.what());
  return false;
}

// --- Giving memory back ----------------------------------------------------------------------------------------------

/// The keeper's, when something may have changed. What is too much is given back when it has been so for a heartbeat:
/// readers that come and go are not to cost everybody else a mapping each time.
void ShmPublisher::shrink() noexcept try {
  const std::lock_guard lock(cold_mutex_);
  if (presence_ == nullptr || member_->memory_settings().preallocate) return;  // closed meanwhile; or all is to stay
  if (has_surplus()) {
    const auto now = std::chrono::steady_clock::now();
    if (!surplus_since_) surplus_since_ = now;
    const auto due = *surplus_since_ + member_->heartbeat();
    if (now < due) {
      member_->call_at(bucket_, *this, due);
    } else {
      surplus_since_.reset();
      retire_surplus();
    }
  } else {
    surplus_since_.reset();
  }
  give_back_retired(Side::keeper);
} catch (const std::exception& error) {
  member_->look_again(bucket_);
  log::error("[{}] topic '{}': memory cannot be given back now: {}", announcement_.node, announcement_.topic,
             error.what());
}

bool ShmPublisher::is_surplus(const Segment& segment) const noexcept {
  return !pool_.is_retired(segment) && pool_.size_without(segment) >= reserved_;
}

/// Whether all segments are more than half too large, and not worth nothing.
bool ShmPublisher::is_worth_making_anew() const noexcept {
  if (pool_.is_variable() || pool_.size() < 2 * reserved_) return false;
  return (pool_.size() - reserved_) * pool_.chunk_bytes_for(pool_.max_payload()) >= kWorthMakingAnew;
}

bool ShmPublisher::has_surplus() const noexcept {
  const auto& segments = pool_.segments();
  return is_worth_making_anew() ||
         std::any_of(segments.begin(), segments.end(), [this](const Segment& segment) { return is_surplus(segment); });
}

void ShmPublisher::retire_surplus() {
  std::optional<std::uint32_t> anew;  // the segment that stays
  const auto can_go = [this](const Segment& segment) { return is_surplus(segment); };
  const bool none_can_go = std::none_of(pool_.segments().begin(), pool_.segments().end(), can_go);
  if (none_can_go && reserved_ <= Reference::kMaxChunks && pool_.segments().size() < Reference::kMaxSegments &&
      reserved_ * pool_.chunk_bytes_for(pool_.max_payload()) <= allowed_bytes() &&
      add_segment(Side::keeper, reserved_, pool_.max_payload())) {
    anew = pool_.segments().back().number();
  }
  std::vector<const Segment*> largest_first;
  for (const Segment& segment : pool_.segments()) largest_first.push_back(&segment);
  std::stable_sort(largest_first.begin(), largest_first.end(), [this](const Segment* a, const Segment* b) {
    return a->chunks() * pool_.chunk_bytes_for(a->payload_bytes()) >
           b->chunks() * pool_.chunk_bytes_for(b->payload_bytes());
  });
  const Guard::Visit inside(guard_, Side::keeper, kPatience);
  if (!inside) return member_->look_again(bucket_);
  collect_all();
  // First those that nobody has anything of, for a sample may be held for good.
  for (const bool in_use : {false, true}) {
    for (const Segment* const segment : largest_first) {
      if (segment->number() == anew || !is_surplus(*segment) || pool_.is_in_use(*segment) != in_use) continue;
      pool_.retire(*segment);
    }
  }
}

/// For a message of a size for which there is no room: of other sizes, the segments that nobody has anything of.
void ShmPublisher::retire_other_sizes(std::size_t bytes, std::uint64_t wanted) {
  {
    const Guard::Visit inside(guard_);
    if (!inside) return;
    collect_all();
    std::uint64_t retired = 0;
    for (const Segment& segment : pool_.segments()) {
      if (pool_.is_retired(segment) || segment.payload_bytes() == pool_.payload_bytes_for(bytes)) continue;
      if (pool_.is_in_use(segment)) continue;
      pool_.retire(segment);
      retired += segment.chunks() * pool_.chunk_bytes_for(segment.payload_bytes());
      if (retired >= wanted) break;
    }
  }
  give_back_retired(Side::user);
}

/// Lends retired segments of a size again, also those that readers have been asked for: who has let go of one maps it
/// again, by its name. True if there are enough chunks then.
bool ShmPublisher::restore(Side side, std::uint64_t payload_bytes, std::uint64_t needed) {
  std::uint64_t will_be = pool_.size_for(payload_bytes);
  std::vector<const Segment*> wanted;
  for (const Segment& segment : pool_.segments()) {
    if (will_be >= needed || !pool_.is_retired(segment) || segment.payload_bytes() != payload_bytes) continue;
    wanted.push_back(&segment);
    will_be += segment.chunks();
  }
  if (wanted.empty()) return false;
  for (const Segment* const segment : wanted) {
    const std::uint64_t bit = std::uint64_t{1} << segment->number();
    if ((asked_back_ & bit) == 0) continue;
    for (const OutletPtr& outlet : live_) {
      outlet->use_again(segment->number());
      outlet->has_not_mapped(segment->number());
      if (!segment->link_for(*member_, outlet->request().reader)) return false;
    }
    asked_back_ &= ~bit;
  }
  const Guard::Visit inside(guard_, side, kPatience);
  if (!inside) return false;
  for (const Segment* const segment : wanted) pool_.restore(*segment);
  return pool_.size_for(payload_bytes) >= needed;
}

/// Goes on with retired segments, as far as it can be now: those that are idle are asked back, and those that nobody
/// may have mapped any more go.
void ShmPublisher::give_back_retired(Side side) {
  const auto is_retired = [this](const Segment& segment) { return pool_.is_retired(segment); };
  const auto any = [&] { return std::any_of(pool_.segments().begin(), pool_.segments().end(), is_retired); };
  if (!any()) return;
  ask_for_retired(side);
  remove_retired(side);
  if (any()) member_->look_again(bucket_);  // readers that hold samples, or do not look, take their time
}

void ShmPublisher::ask_for_retired(Side side) {
  std::vector<const Segment*> idle;
  {
    const Guard::Visit inside(guard_, side, kPatience);
    if (!inside) return;
    collect_all();
    for (const Segment& segment : pool_.segments()) {
      const bool asked = (asked_back_ >> segment.number() & 1U) != 0;
      if (!asked && pool_.is_retired(segment) && !pool_.is_in_use(segment)) idle.push_back(&segment);
    }
    for (const Segment* const segment : idle) {
      asked_back_ |= std::uint64_t{1} << segment->number();
      for (const OutletPtr& outlet : live_) outlet->ask_back(segment->number());
    }
  }
  for (const Segment* const segment : idle) {
    for (const OutletPtr& outlet : live_) {
      if (segment->unlink_for(*member_, outlet->request().reader)) outlet->has_not_mapped(segment->number());
    }
  }
}

void ShmPublisher::remove_retired(Side side) {
  std::vector<Segment> removed;  // unmapped outside of the guard
  removed.reserve(static_cast<std::size_t>(std::popcount(asked_back_)));
  for (std::uint64_t left = asked_back_; left != 0; left &= left - 1) {
    const auto number = static_cast<std::uint32_t>(std::countr_zero(left));
    const auto may_map = [number](const OutletPtr& outlet) { return outlet->may_have_mapped(number); };
    if (std::any_of(live_.begin(), live_.end(), may_map)) continue;  // who leaves is given no reference any more
    const Guard::Visit inside(guard_, side, kPatience);
    if (!inside) break;
    removed.push_back(pool_.remove(number));
    asked_back_ &= ~(std::uint64_t{1} << number);
  }
  for (const Segment& segment : removed) segment.remove_name(*member_);
}

// ---------------------------------------------------------------------------------------------------------------------

/// Of the chunks, for messages about it: with what has lowered it, where that is so.
std::string ShmPublisher::memory_limit() const {
  const MemorySettings& memory = member_->memory_settings();
  const std::uint64_t limit = announcement_.qos.max_memory;
  return fmt::format("max_memory, {} bytes{}", limit,
                     limit == memory.max_node ? fmt::format(", by {}", memory.max_node_origin) : "");
}

/// What the topic takes with this publisher and its readers, one at least, whose settings are taken to be its own.
Footprint ShmPublisher::predicted(const PortRequest& request, std::size_t readers) const {
  return footprint_of({.publisher = announcement_,
                       .subscriber = announcement_,
                       .publishers = 1,
                       .subscribers = static_cast<std::uint32_t>(std::max<std::size_t>(readers, 1)),
                       .payload_bytes = request.payload_bytes,
                       .variable = request.variable,
                       .max_bytes = request.max_bytes,
                       .message_bytes = 0,  // whose chunks are made when loans ask for them
                       .preallocate = member_->memory_settings().preallocate},
                      plane_);
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
  if (announcement_.qos.latched && presence_ != nullptr)
    presence_->unlatch();  // first: nobody is to find the half of it
  for (const Segment& segment : files()) segment.remove_name(*member_);
  if (last_) last_->remove_name(*member_);
}

}  // namespace baton::shm
