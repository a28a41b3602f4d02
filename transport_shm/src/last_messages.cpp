#include "last_messages.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "segment.hpp"

namespace baton::shm {
namespace {

tl::unexpected<Error> damaged(const std::string& file, std::string cause) {
  return fail(Errc::corrupt, file, std::move(cause), "remove it; it ends with the topic's next publisher");
}

/// The ring of a publisher that is gone, which nobody writes any more; every word of it may be wrong.
Result<std::vector<std::uint64_t>> read_ring(domain::Member& member, std::uint32_t bucket,
                                             const domain::Peers::Peer& publisher) {
  const std::string name = domain::latched_ring_name(publisher.announcement.topic, publisher.port);
  auto memory = member.open(bucket, name, posix::Access::read_only, sizeof(RingHead));
  if (!memory) return fail(std::move(memory).error());
  auto mapping = domain::map_shared(*memory, 0, memory->bytes(), posix::Access::read_only);
  if (!mapping) return fail(std::move(mapping).error());
  RingHead head;
  std::memcpy(static_cast<void*>(&head), (*mapping)->bytes().data(), sizeof(head));
  const std::uint32_t count = publisher.announcement.qos.history;
  auto checked = domain::check_head(head.head, domain::FileKind::ring, publisher.port, 0, memory->bytes(),
                                    memory->label(), layout_fingerprint());
  if (!checked) return fail(std::move(checked).error());
  if (head.entries != count || memory->bytes() != ring_bytes(count)) {
    return damaged(name, fmt::format("it has {} entries in {} bytes, where the history is {}", head.entries,
                                     memory->bytes(), count));
  }
  const auto* const entries =
      reinterpret_cast<const std::atomic<std::uint64_t>*>((*mapping)->bytes().data() + sizeof(RingHead));
  std::vector<std::uint64_t> words;
  for (std::uint32_t i = 0; i < count; ++i) {
    words.push_back(entries[i].load(std::memory_order_acquire));  // L2
  }
  return words;
}

}  // namespace

Result<LastMessages> LastMessages::create(domain::Member& member, std::uint32_t bucket, std::string_view topic,
                                          const domain::PortRef& publisher, std::uint32_t entries) {
  auto directory = member.directory(bucket);
  if (!directory) return fail(std::move(directory).error());
  auto file = member.create(bucket, topic, ring_bytes(entries));
  if (!file) return fail(std::move(file).error());
  const posix::SharedMemory& memory = file->memory;
  RingHead head{};
  head.head = domain::make_head(domain::FileKind::ring, publisher, 0, ring_bytes(entries), layout_fingerprint());
  head.entries = entries;
  if (auto written = write_first(memory, &head, sizeof(head)); !written) return fail(std::move(written).error());
  auto mapping = domain::map_shared(memory, 0, ring_bytes(entries), posix::Access::read_write, member.map_options());
  if (!mapping) return fail(std::move(mapping).error());
  LastMessages made;
  made.bucket_ = bucket;
  made.name_ = domain::latched_ring_name(topic, publisher);
  made.count_ = entries;
  made.share_ = std::move(file->share);
  made.mapping_ = *std::move(mapping);
  made.entries_ =
      reinterpret_cast<std::atomic<std::uint64_t>*>(made.mapping_->writable_bytes().data() + sizeof(RingHead));
  if (auto linked = memory.link(**directory, made.name_); !linked) return fail(std::move(linked).error());
  return made;
}

Result<std::vector<Reference>> read_last_messages(domain::Member& member, std::uint32_t bucket,
                                                  const domain::Peers::Peer& publisher, std::uint64_t payload_bytes) {
  const std::string& topic = publisher.announcement.topic;
  const std::string ring = domain::latched_ring_name(topic, publisher.port);
  auto words = read_ring(member, bucket, publisher);
  if (!words) return fail(std::move(words).error());
  std::array<std::optional<SegmentView>, Reference::kMaxSegments> segments;
  std::vector<std::pair<std::uint64_t, Reference>> found;  // with the messages' numbers
  for (std::size_t i = 0; i < words->size(); ++i) {
    if ((*words)[i] == 0) continue;
    const Reference reference = QueueShape::reference((*words)[i]);
    if ((*words)[i] != (kRingEntry | reference.bits)) {
      return damaged(ring, fmt::format("its entry {} is {:016x}", i, (*words)[i]));
    }
    auto& segment = segments[reference.segment()];
    if (!segment) {
      auto view =
          SegmentView::map(member, bucket, domain::latched_segment_name(topic, publisher.port, reference.segment()),
                           publisher.port, reference.segment(), payload_bytes);
      if (!view) return fail(std::move(view).error());
      segment.emplace(*std::move(view));
    }
    if (segment->find(reference) == nullptr) {
      return damaged(ring, fmt::format("its entry {} names chunk {} of segment {} of generation {}, which is not there",
                                       i, reference.chunk(), reference.segment(), reference.generation()));
    }
    found.emplace_back(segment->head(reference).sequence, reference);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Reference> references;
  for (const auto& [number, reference] : found) {
    // Messages that follow each other, each at its place.
    if (number != found.front().first + references.size() ||
        (*words)[number % words->size()] != (kRingEntry | reference.bits)) {
      return damaged(ring, fmt::format("it names message {} out of its order", number));
    }
    references.push_back(reference);
  }
  return references;
}

}  // namespace baton::shm
