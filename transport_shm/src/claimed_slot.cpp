#include "claimed_slot.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <fmt/format.h>

namespace baton::shm {

Result<ClaimedSlot> ClaimedSlot::open(domain::Member& member, std::uint32_t bucket, const domain::PortRef& port,
                                      const Qos& reader) {
  const std::string name = domain::inbox_name(port);
  auto file = member.open(bucket, name, posix::Access::read_write, sizeof(InboxHead));
  if (!file) return fail(std::move(file).error());
  auto mapping = domain::map_shared(*file, 0, sizeof(InboxHead), posix::Access::read_write, member.map_options());
  if (!mapping) return fail(std::move(mapping).error());
  ClaimedSlot claimed;
  claimed.map_options = member.map_options();
  claimed.inbox = std::launder(reinterpret_cast<InboxHead*>((*mapping)->writable_bytes().data()));
  claimed.header_mapping = *std::move(mapping);
  FileHead head;  // a copy, which nobody changes between check and use
  std::memcpy(&head, &claimed.inbox->head, sizeof(head));
  // The file may have grown since it was made.
  const std::uint64_t made_with = std::min(head.file_bytes, file->bytes());
  auto checked = domain::check_head(head, domain::FileKind::inbox, port, 0, made_with, name, layout_fingerprint());
  if (!checked) return fail(std::move(checked).error());
  claimed.queue_shift = claimed.inbox->queue_shift;
  const std::uint64_t share = share_of(reader.depth, reader.max_held);
  if (claimed.queue_shift > kMaxQueueShift || std::uint64_t{1} << claimed.queue_shift < share ||
      claimed.inbox->slot_bytes != slot_bytes(claimed.queue_shift)) {
    return fail(Errc::corrupt, name,
                fmt::format("it claims queues of 2^{} entries in slots of {} bytes, for depth {} and max_held {}",
                            claimed.queue_shift, claimed.inbox->slot_bytes, reader.depth, reader.max_held),
                "end the subscriber's program");
  }
  claimed.memory = std::make_shared<const posix::SharedMemory>(*std::move(file));
  return claimed;
}

Result<bool> ClaimedSlot::claim(const domain::PortRef& publisher) {
  const std::uint64_t bytes = slot_bytes(queue_shift);
  const std::uint64_t room = (memory->bytes() - sizeof(InboxHead)) / bytes;
  const std::uint64_t there = std::min<std::uint64_t>({slots(), room, kMaxSlots});  // the file grew before the number
  for (std::uint32_t i = 0; i < there; ++i) {
    auto& word = inbox->slot_words[i];
    std::uint64_t seen = word.load(std::memory_order_relaxed);  // a guess; the claim decides
    if (SlotWord::unpack(seen).state != SlotWord::State::free) continue;
    // Mapped before it is claimed: then nothing of the slot can fail any more.
    auto mapping =
        domain::map_shared(*memory, sizeof(InboxHead) + i * bytes, bytes, posix::Access::read_write, map_options);
    if (!mapping) return fail(std::move(mapping).error());
    const std::uint64_t mine = claim_of(seen, publisher);
    // S1 (acquire): the slot was zeroed before it became free.
    if (!word.compare_exchange_strong(seen, mine, std::memory_order_acq_rel, std::memory_order_relaxed)) continue;
    slot = std::launder(reinterpret_cast<SlotHead*>((*mapping)->writable_bytes().data()));
    slot_mapping = *std::move(mapping);
    index = i;
    memory.reset();
    return true;
  }
  return false;
}

std::uint64_t claim_of(std::uint64_t free_word, const domain::PortRef& publisher) noexcept {
  return SlotWord{SlotWord::State::claimed, SlotWord::unpack(free_word).slot_generation + 1, publisher.node.slot,
                  static_cast<std::uint32_t>(publisher.node.generation) & SlotWord::kNodeGenerationMask, publisher.port}
      .pack();
}

void complete_slot(SlotHead& slot, const SlotOwner& publisher) noexcept {
  slot.stamp = static_cast<std::uint8_t>(publisher.stamp);
  slot.plane = publisher.plane;
  slot.overflow = static_cast<std::uint8_t>(publisher.overflow);
  slot.lifespan_ns = static_cast<std::uint64_t>(publisher.lifespan.count());
  slot.port_id = publisher.port_id;
  slot.port = publisher.port.port;
  slot.node_generation = publisher.port.node.generation;
  slot.node.fill('\0');
  publisher.node.copy(slot.node.data(), slot.node.size() - 1);
  slot.ready.store(1, std::memory_order_release);  // S2
}

void ClaimedSlot::close() const noexcept {
  auto& word = inbox->slot_words[index];
  SlotWord closed = SlotWord::unpack(word.load(std::memory_order_relaxed));  // ours since we claimed it
  closed.state = SlotWord::State::closed;
  word.store(closed.pack(), std::memory_order_release);             // S3: the last entry came before
  inbox->slot_epoch.value.fetch_add(1, std::memory_order_seq_cst);  // the subscriber is to look
}

}  // namespace baton::shm
