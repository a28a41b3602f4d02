// docs/memory-layout.md, from the structs that the compiler lays out: the page is right, or this test says how it
// reads.

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "baton/domain/layout.hpp"
#include "layout.hpp"

namespace {

using namespace baton::domain;
using namespace baton::shm;

struct Row {
  std::size_t offset;
  std::size_t bytes;
  std::string_view field;
  std::string_view writer;
};

struct Table {
  std::string_view name;
  std::size_t bytes;
  std::vector<Row> rows;
};

#define ROW(Struct, field, writer) \
  Row { offsetof(Struct, field), sizeof(std::declval<Struct&>().field), #field, writer }

/// Everything but what is unused, in order.
const std::vector<Table>& tables() {
  static const std::vector<Table> all = {
      {"FileHead",
       sizeof(FileHead),
       {ROW(FileHead, magic, "maker, once"), ROW(FileHead, version, "maker, once"), ROW(FileHead, kind, "maker, once"),
        ROW(FileHead, layout, "maker, once"), ROW(FileHead, file_bytes, "maker, once"),
        ROW(FileHead, boot, "maker, once"), ROW(FileHead, node_generation, "maker, once"),
        ROW(FileHead, node_slot, "maker, once"), ROW(FileHead, port, "maker, once"),
        ROW(FileHead, number, "maker, once"), ROW(FileHead, owner_pid, "maker, once")}},
      {"Registry",
       sizeof(Registry),
       {ROW(Registry, head, "maker, once"), ROW(Registry, first_generation, "maker, once"),
        ROW(Registry, node_epoch, "any node, by fetch_add"), ROW(Registry, epochs, "any node, by fetch_add"),
        ROW(Registry, nodes, "who holds the slot's lock"),
        ROW(Registry, interested, "each node its own bit, by fetch_or and fetch_and; its reaper")}},
      {"NodeSlot",
       sizeof(NodeSlot),
       {ROW(NodeSlot, state, "who holds the slot's lock"), ROW(NodeSlot, pid, "the node"),
        ROW(NodeSlot, generation, "the node"), ROW(NodeSlot, pid_start_ticks, "the node"),
        ROW(NodeSlot, pid_namespace, "the node"), ROW(NodeSlot, died, "the dead node's reaper"),
        ROW(NodeSlot, shared_bytes, "the node, by fetch_add and fetch_sub")}},
      {"NodeFile",
       sizeof(NodeFile),
       {ROW(NodeFile, head, "the node, once"), ROW(NodeFile, name, "the node, once"),
        ROW(NodeFile, heartbeat_interval_ns, "the node, once"), ROW(NodeFile, heartbeat, "the node"),
        ROW(NodeFile, bells, "see Bell")}},
      {"Bell",
       sizeof(Bell),
       {ROW(Bell, armed, "who sleeps here"), ROW(Bell, sequence, "ringers, by fetch_add"),
        ROW(Bell, semaphore, "ringers and who sleeps here, as a `sem_t`")}},
      {"PortFile",
       sizeof(PortFile),
       {ROW(PortFile, about.head, "the port, once"), ROW(PortFile, about.port_id, "the port, once"),
        ROW(PortFile, about.announcement_bytes, "the port, once"), ROW(PortFile, about.payload_bytes, "the port, once"),
        ROW(PortFile, publisher.published, "publisher"), ROW(PortFile, publisher.bytes, "publisher"),
        ROW(PortFile, publisher.last_stamp, "publisher"), ROW(PortFile, publisher.rejected, "publisher"),
        ROW(PortFile, publisher.timed_out, "publisher"), ROW(PortFile, publisher.failed_loans, "publisher"),
        ROW(PortFile, publisher.wakeups, "publisher"),
        ROW(PortFile, subscriber.failed_callbacks, "who runs the callback"),
        ROW(PortFile, subscriber.damaged, "any thread of the subscriber, by fetch_add"),
        ROW(PortFile, subscriber.latency_max_ns, "the consumer"), ROW(PortFile, subscriber.latency, "the consumer")}},
      {"SegmentHead",
       sizeof(SegmentHead),
       {ROW(SegmentHead, head, "publisher, once"), ROW(SegmentHead, payload_bytes, "publisher, once"),
        ROW(SegmentHead, payload_stride, "publisher, once"), ROW(SegmentHead, chunks, "publisher, once"),
        ROW(SegmentHead, generation, "publisher, once")}},
      {"RingHead",
       sizeof(RingHead),
       {ROW(RingHead, head, "publisher, once"), ROW(RingHead, entries, "publisher, once")}},
      {"ChunkHead",
       sizeof(ChunkHead),
       {ROW(ChunkHead, sequence, "publisher, before the chunk is given"),
        ROW(ChunkHead, stamp, "publisher, before the chunk is given"),
        ROW(ChunkHead, bytes, "publisher, before the chunk is given")}},
      {"RecordNote",
       sizeof(RecordNote),
       {ROW(RecordNote, stamp, "publisher"), ROW(RecordNote, bytes, "publisher"),
        ROW(RecordNote, checksum, "publisher"), ROW(RecordNote, next, "publisher")}},
      {"RecordsHead",
       sizeof(RecordsHead),
       {ROW(RecordsHead, head, "publisher, once"), ROW(RecordsHead, capacity, "publisher, once"),
        ROW(RecordsHead, index_shift, "publisher, once"), ROW(RecordsHead, checksum, "publisher, once"),
        ROW(RecordsHead, floor.position, "publisher"), ROW(RecordsHead, tail.position, "publisher"),
        ROW(RecordsHead, armed.any, "readers set, the publisher clears")}},
      {"InboxHead",
       sizeof(InboxHead),
       {ROW(InboxHead, head, "subscriber, once"), ROW(InboxHead, queue_shift, "subscriber, once"),
        ROW(InboxHead, slot_bytes, "subscriber, once"), ROW(InboxHead, notes.slots, "subscriber"),
        ROW(InboxHead, notes.leaving, "subscriber, once"), ROW(InboxHead, notes.bell, "subscriber"),
        ROW(InboxHead, bell, "see Bell; the subscriber sleeps"),
        ROW(InboxHead, slot_epoch.value, "publishers and the subscriber, by fetch_add"),
        ROW(InboxHead, ready, "publishers set, the subscriber clears, by fetch_or and fetch_and"),
        ROW(InboxHead, slot_words, "publishers claim, by compare-and-swap; then by state")}},
      {"SlotHead",
       sizeof(SlotHead),
       {ROW(SlotHead, ready, "publisher, once"),
        ROW(SlotHead, stamp, "publisher, once"),
        ROW(SlotHead, overflow, "publisher, once"),
        ROW(SlotHead, plane, "publisher, once"),
        ROW(SlotHead, port_id, "publisher, once"),
        ROW(SlotHead, node_generation, "publisher, once"),
        ROW(SlotHead, node, "publisher, once"),
        ROW(SlotHead, port, "publisher, once"),
        ROW(SlotHead, lifespan_ns, "publisher, once"),
        ROW(SlotHead, first_position, "publisher, once"),
        ROW(SlotHead, dropped.oldest, "publisher"),
        ROW(SlotHead, dropped.newest, "publisher"),
        ROW(SlotHead, dropped.timeout, "publisher"),
        ROW(SlotHead, dropped.wakeups, "publisher"),
        ROW(SlotHead, dropped.congested, "publisher's keeper"),
        ROW(SlotHead, dropped.retiring, "publisher"),
        ROW(SlotHead, dropped.retired, "publisher"),
        ROW(SlotHead, dropped.gaps, "publisher"),
        ROW(SlotHead, dropped.passes, "publisher"),
        ROW(SlotHead, room, "see Bell; the publisher sleeps"),
        ROW(SlotHead, consumed.expired, "subscriber"),
        ROW(SlotHead, consumed.undelivered, "subscriber"),
        ROW(SlotHead, consumed.high_water, "subscriber"),
        ROW(SlotHead, consumed.retiring, "subscriber"),
        ROW(SlotHead, consumed.passed, "subscriber"),
        ROW(SlotHead, head.position, "subscriber; under drop_oldest both, by compare-and-swap"),
        ROW(SlotHead, head.refuses, "subscriber, once")}},
  };
  return all;
}

std::string text_of(const Table& table) {
  std::string text =
      fmt::format("`{}`, {} bytes:\n\n| offset | bytes | field | written by |\n| --: | --: | :-- | :-- |\n", table.name,
                  table.bytes);
  for (const Row& row : table.rows) {
    text += fmt::format("| {} | {} | `{}` | {} |\n", row.offset, row.bytes, row.field, row.writer);
  }
  return text;
}

TEST(MemoryLayout, is_documented_as_the_compiler_has_it) {
  std::ifstream file(BATON_SOURCE_DIR "/docs/memory-layout.md");
  std::stringstream page;
  page << file.rdbuf();
  for (const Table& table : tables()) {
    const std::string expected = text_of(table);
    EXPECT_NE(page.str().find(expected), std::string::npos) << "docs/memory-layout.md should have:\n" << expected;
  }
}

std::string with_commas(std::uint64_t number) {
  std::string text = fmt::format("{}", number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

TEST(MemoryLayout, is_documented_with_the_sizes_of_the_files) {
  std::ifstream file(BATON_SOURCE_DIR "/docs/memory-layout.md");
  std::stringstream page;
  page << file.rdbuf();
  const std::uint64_t inbox = sizeof(InboxHead) + kFirstSlots * slot_bytes(5);  // of 8 + 8 + 1 entries: 2^5
  for (const std::string& expected :
       {fmt::format("| registry, for the whole domain | {} |", with_commas(sizeof(Registry))),
        fmt::format("| a node | {} and a socket |", with_commas(sizeof(NodeFile))),
        fmt::format("| a port's file | {} and the announcement", with_commas(sizeof(PortFile))),
        fmt::format("| an inbox, with its first eight slots | {} |", with_commas(inbox))}) {
    EXPECT_NE(page.str().find(expected), std::string::npos) << "docs/memory-layout.md should have: " << expected;
  }
}

TEST(MemoryLayout, has_no_fields_that_overlap) {
  for (const Table& table : tables()) {
    std::size_t end = 0;
    for (const Row& row : table.rows) {
      EXPECT_GE(row.offset, end) << table.name << "::" << row.field;
      end = row.offset + row.bytes;
    }
    EXPECT_LE(end, table.bytes) << table.name;
  }
}

TEST(MemoryLayout, keeps_words_of_different_writers_on_different_lines) {
  const auto line = [](std::size_t offset) { return offset / 64; };
  EXPECT_NE(line(offsetof(Bell, armed)), line(offsetof(Bell, sequence)));
  EXPECT_NE(line(offsetof(InboxHead, notes)), line(offsetof(InboxHead, bell)));
  EXPECT_NE(line(offsetof(InboxHead, bell) + sizeof(Bell) - 1), line(offsetof(InboxHead, slot_epoch)));
  EXPECT_NE(line(offsetof(SlotHead, dropped)), line(offsetof(SlotHead, room)));
  EXPECT_NE(line(offsetof(SlotHead, room) + sizeof(Bell) - 1), line(offsetof(SlotHead, consumed)));
  EXPECT_NE(line(offsetof(SlotHead, consumed)), line(offsetof(SlotHead, head)));
  EXPECT_NE(line(offsetof(RecordsHead, floor)), line(offsetof(RecordsHead, tail)));
  EXPECT_EQ(sizeof(SlotHead) % 64, 0U) << "the queues begin on a line of their own";
}

/// For who changes the layout: the tables of the page, to be pasted into it.
TEST(MemoryLayout, DISABLED_prints_the_tables) {
  for (const Table& table : tables()) fmt::print("{}\n", text_of(table));
}

}  // namespace
