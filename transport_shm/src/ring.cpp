#include "ring.hpp"

#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "baton/crc32c.hpp"

namespace baton::shm {
namespace {

/// Pages are reserved in such steps, the first one when the file is made.
constexpr std::uint64_t kFirstStep = 256U << 10U;
constexpr std::uint64_t kStep = 1U << 20U;

/// As long as less than the capacity will do, no more of the buffer is used than this, or this many messages: it stays
/// in the caches (docs/adr/0009-touching-chunks-ahead.md has the measurements of a pool).
constexpr std::uint64_t kWorthWhile = 128U << 10U;
constexpr std::uint64_t kMessagesWorthWhile = 4;

constexpr std::uint64_t rounded(std::uint64_t bytes, std::uint64_t unit) noexcept {
  return (bytes + unit - 1) / unit * unit;
}

constexpr std::uint64_t index_bytes(std::uint32_t shift) noexcept {
  return (sizeof(std::uint64_t) + sizeof(RecordNote)) << shift;
}

std::uint64_t record_bytes_for(std::uint64_t payload) noexcept {
  return rounded(std::max<std::uint64_t>(payload, 1), RingSpace::kAlignment);
}

/// For readers that are so far behind, but no more than twice as many as there can be records.
std::uint32_t index_shift_for(std::uint64_t depth, std::uint64_t capacity) noexcept {
  const auto wanted = static_cast<std::uint32_t>(std::bit_width(2 * depth - 1));
  const auto useful = static_cast<std::uint32_t>(std::bit_width(2 * capacity / RingSpace::kAlignment - 1));
  return std::min({std::max(Ring::kUsualIndexShift, wanted), useful, Ring::kMaxIndexShift});
}

RecordsHead* head_of(const posix::Mapping& mapping) noexcept {
  return std::launder(reinterpret_cast<RecordsHead*>(mapping.writable_bytes().data()));
}

}  // namespace

std::uint64_t Ring::file_bytes(std::uint64_t capacity, std::uint64_t depth) noexcept {
  capacity = rounded(capacity, kPageBytes);
  return rounded(sizeof(RecordsHead) + index_bytes(index_shift_for(depth, capacity)) + capacity, kPageBytes);
}

Result<std::unique_ptr<Ring>> Ring::create(domain::Member& member, const Request& request) {
  auto directory = member.directory(request.bucket);
  if (!directory) return fail(std::move(directory).error());
  const std::uint64_t capacity = rounded(request.capacity, kPageBytes);
  const std::uint32_t shift = index_shift_for(request.depth, capacity);
  const std::uint64_t bytes = sizeof(RecordsHead) + index_bytes(shift) + capacity;
  const MemorySettings& settings = member.memory_settings();
  const bool all = settings.prefault || settings.preallocate || settings.huge_pages;
  const std::uint64_t backed = all ? capacity : std::min(capacity, kFirstStep);
  auto file = all ? member.create(request.bucket, request.topic, bytes, posix::Pages::huge)
                  : member.create_sparse(request.bucket, request.topic, bytes, bytes - capacity + backed);
  if (!file) return fail(std::move(file).error());
  auto image = std::make_unique<RecordsHead>();
  image->head = domain::make_head(domain::FileKind::records, request.port, 0, bytes, layout_fingerprint());
  image->capacity = capacity;
  image->index_shift = shift;
  image->checksum = static_cast<std::uint8_t>(request.checksum);
  if (auto written = write_first(file->memory, image.get(), offsetof(RecordsHead, floor)); !written) {
    return fail(std::move(written).error());
  }
  auto mapping =
      domain::map_shared(file->memory, 0, bytes, posix::Access::read_write, member.map_options(posix::Pages::huge));
  if (!mapping) return fail(std::move(mapping).error());
  if (auto linked = file->memory.link(**directory, request.name); !linked) return fail(std::move(linked).error());
  return std::unique_ptr<Ring>(new Ring(member, request, shift, *std::move(file), *std::move(mapping), backed));
}

Ring::Ring(domain::Member& member, const Request& request, std::uint32_t index_shift, domain::Member::NewFile file,
           std::shared_ptr<const posix::Mapping> mapping, std::uint64_t backed)
    : shape_(index_shift),
      from_end_(request.from_end),
      checksum_(request.checksum),
      member_(member),
      topic_(request.topic),
      memory_(std::move(file.memory)),
      mapping_(std::move(mapping)),
      head_(head_of(*mapping_)),
      index_(reinterpret_cast<std::atomic<std::uint64_t>*>(head_ + 1)),
      notes_(reinterpret_cast<RecordNote*>(index_ + shape_.entries())),
      buffer_(mapping_->writable_bytes().data() + sizeof(RecordsHead) + index_bytes(index_shift)),
      buffer_offset_(sizeof(RecordsHead) + index_bytes(index_shift)),
      space_(memory_.bytes() - buffer_offset_, static_cast<std::uint32_t>(2 * shape_.entries()), request.max_loans),
      turn_(std::min(space_.capacity(), kWorthWhile)),
      backed_(backed) {
  shares_.push_back(std::move(file.share));
  segments_.push_back(Segment::adopt({request.bucket, request.port, 0, 0, 0, 0, request.name}, mapping_));
}

/// Has the pages of the buffer up to there reserved.
bool Ring::back(std::uint64_t end) noexcept try {
  if (end <= backed_) [[likely]]
    return true;
  const std::uint64_t step = std::min(std::max(kStep, rounded(end - backed_, kPageBytes)), space_.capacity() - backed_);
  auto reserved = member_.reserve_more(memory_, topic_, buffer_offset_ + backed_, step);
  if (!reserved) {
    trouble_ = reserved.error().message();
    return false;
  }
  shares_.push_back(*std::move(reserved));
  backed_ += step;
  trouble_.clear();
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

bool Ring::widen() noexcept {
  if (turn_ == space_.capacity()) return false;
  turn_ = std::min(2 * turn_, space_.capacity());
  return true;
}

/// Up to where records of so many bytes are to lie, as long as that will do.
std::uint64_t Ring::turn_for(std::uint64_t bytes) const noexcept {
  return std::min(std::max(turn_, kMessagesWorthWhile * bytes), space_.capacity());
}

std::uint32_t Ring::reserve(std::uint64_t bytes) noexcept {
  const std::uint64_t needed = record_bytes_for(bytes);
  const std::uint32_t loan = space_.reserve(needed, turn_for(needed));
  if (loan == kNoLoan) return loan;
  if (back(space_.loan(loan).begin + needed)) [[likely]]
    return loan;
  space_.discard(loan);
  return space_.reserve_below(needed, backed_);  // in what there is
}

bool Ring::extend(std::uint32_t loan, std::uint64_t bytes) noexcept {
  const std::uint64_t before = space_.loan(loan).bytes;
  if (!space_.extend(loan, record_bytes_for(bytes))) return false;
  if (back(space_.loan(loan).begin + space_.loan(loan).bytes)) return true;
  space_.extend(loan, before);
  return false;
}

void Ring::touch_next(std::uint64_t stride) noexcept {
  constexpr std::uint64_t kAtOnce = 8;
  const std::uint64_t next = space_.next();
  const std::uint64_t end = std::min({next + kAtOnce * stride, space_.free_until(turn_), backed_});
  for (std::uint64_t at = next; at < end; at += stride) *reinterpret_cast<volatile std::uint64_t*>(buffer_ + at) = 0;
  // And their notes: those of messages that are below the floor.
  for (std::uint64_t i = 0; i < kAtOnce && tail_ + i - floor_ < shape_.entries(); i += 2) {
    notes_[shape_.index(tail_ + i)].stamp.store(0, std::memory_order_release);  // F1
  }
  touched_from_ = next;
  touched_end_ = std::max(end, next + 1);
}

void Ring::commit(std::uint32_t loan, std::uint64_t bytes, std::uint64_t stamp) noexcept {
  const RingSpace::Loan& place = space_.loan(loan);
  const std::uint64_t used = record_bytes_for(bytes);
  const std::uint64_t begin = from_end_ ? place.begin + place.bytes - used : place.begin;
  RecordNote& note = notes_[shape_.index(tail_)];
  // F1 (release): who reads what is new here finds the floor above what was here before. E1 orders, too.
  note.stamp.store(stamp, std::memory_order_release);
  note.bytes.store(bytes, std::memory_order_release);
  if (checksum_ == Checksum::crc32c) [[unlikely]] {
    note.checksum.store(crc32c({buffer_ + (from_end_ ? begin + used - bytes : begin), bytes}),
                        std::memory_order_release);
  }
  space_.publish(loan, tail_, begin, begin + used);
  const std::uint64_t next = space_.next();  // if it is as large, and has been lent next
  note.next.store(next + used <= space_.free_until(turn_for(used)) ? next : 0, std::memory_order_relaxed);  // a hint
  // E1 (release): the note and the record.
  index_[shape_.index(tail_)].store(shape_.entry(tail_, {begin / RingSpace::kAlignment}), std::memory_order_release);
  ++tail_;
  last_bytes_ = used;
  // Who goes by it finds the entries before it. A1: before the any-armed word.
  head_->tail.position.store(tail_, std::memory_order_seq_cst);
}

Result<RingView> RingView::open(domain::Member& member, std::uint32_t bucket, const domain::PortRef& reader,
                                const domain::PortRef& publisher, bool keep_name) {
  const std::string name = domain::segment_name_for_reader(reader, publisher, 0);
  auto view = map(member, bucket, name, publisher);
  if (view && !keep_name) member.unlink(bucket, name);
  return view;
}

Result<RingView> RingView::map(domain::Member& member, std::uint32_t bucket, const std::string& name,
                               const domain::PortRef& publisher) {
  auto memory = member.open(bucket, name, posix::Access::read_write, sizeof(RecordsHead));
  if (!memory) return fail(std::move(memory).error());
  posix::MapOptions options = member.map_options(posix::Pages::huge);
  options.populate &= memory->is_reserved();  // else pages that its publisher has not asked for would be made
  auto mapping = domain::map_shared(*memory, 0, memory->bytes(), posix::Access::read_only, options);
  if (!mapping) return fail(std::move(mapping).error());
  auto armed = domain::map_shared(*memory, kPageBytes, kPageBytes, posix::Access::read_write);
  if (!armed) return fail(std::move(armed).error());

  struct Facts {  // a copy: the publisher could change the original between check and use
    FileHead head;
    std::uint64_t capacity;
    std::uint32_t index_shift;
    std::uint8_t checksum;
  } facts{};
  static_assert(offsetof(Facts, checksum) == offsetof(RecordsHead, checksum));
  std::memcpy(&facts, (*mapping)->bytes().data(), sizeof(facts));
  auto checked = domain::check_head(facts.head, domain::FileKind::records, publisher, 0, memory->bytes(),
                                    memory->label(), layout_fingerprint());
  if (!checked) return fail(std::move(checked).error());
  const std::uint64_t room = memory->bytes() - sizeof(RecordsHead);
  if (facts.index_shift < Ring::kMinIndexShift || facts.index_shift > Ring::kMaxIndexShift ||
      index_bytes(facts.index_shift) > room || facts.capacity != room - index_bytes(facts.index_shift) ||
      facts.capacity == 0 || facts.checksum > static_cast<std::uint8_t>(Checksum::crc32c)) {
    return fail(Errc::corrupt, name,
                fmt::format("it claims a buffer of {} bytes and an index of 2^{} entries, in {} bytes", facts.capacity,
                            facts.index_shift, memory->bytes()),
                "end the publisher's program");
  }
  RingView view;
  view.mapping_ = *std::move(mapping);
  view.armed_mapping_ = *std::move(armed);
  const std::byte* const begin = view.mapping_->bytes().data();
  view.head_ = reinterpret_cast<const RecordsHead*>(begin);
  view.armed_ = std::launder(reinterpret_cast<RecordsHead::Armed*>(view.armed_mapping_->writable_bytes().data()));
  view.index_ = reinterpret_cast<const std::atomic<std::uint64_t>*>(begin + sizeof(RecordsHead));
  view.notes_ = reinterpret_cast<const RecordNote*>(view.index_ + (std::uint64_t{1} << facts.index_shift));
  view.buffer_ = begin + sizeof(RecordsHead) + index_bytes(facts.index_shift);
  view.capacity_ = facts.capacity;
  view.shape_ = QueueShape(facts.index_shift);
  view.checksum_ = static_cast<Checksum>(facts.checksum);
  return view;
}

}  // namespace baton::shm
