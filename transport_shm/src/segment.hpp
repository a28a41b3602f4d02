#pragma once

// Data segments: a publisher's memory, and a reader's view of it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "baton/domain/member.hpp"
#include "layout.hpp"
#include "reference.hpp"

namespace baton::shm {

/// Whether it may not be so the next time: this process, or the machine, was out of something.
bool is_passing(const Error& error) noexcept;

/// Writes the first bytes of a file that nobody has mapped yet.
Result<void> write_first(const posix::SharedMemory& memory, const void* bytes, std::size_t count);

/// Bytes from one payload to the next.
constexpr std::uint64_t payload_stride_for(std::uint64_t payload_bytes) noexcept {
  return (payload_bytes + 63) / 64 * 64;
}

/// What a chunk takes of a segment, its head included.
constexpr std::uint64_t chunk_bytes_for(std::uint64_t payload_bytes) noexcept {
  return sizeof(ChunkHead) + payload_stride_for(payload_bytes);
}

/// What a segment takes of shared memory, in whole pages.
constexpr std::uint64_t segment_bytes(std::uint64_t chunks, std::uint64_t payload_bytes) noexcept {
  return kPageBytes + (chunks * chunk_bytes_for(payload_bytes) + kPageBytes - 1) / kPageBytes * kPageBytes;
}

constexpr std::uint64_t payloads_offset(std::uint32_t chunks) noexcept {
  return kPageBytes + chunks * sizeof(ChunkHead);
}

/// A segment as its publisher has it: the file is there, under its own name, until `remove_name`.
class Segment {
 public:
  struct Request {
    std::uint32_t bucket;
    domain::PortRef port;
    std::uint32_t number;
    std::uint32_t generation;  // of which references have the low bits, and so has the segment
    std::uint32_t chunks;
    std::uint64_t payload_bytes;
    std::string name;             // of the file
    std::string_view topic = {};  // that it counts for; not looked at later
  };

  static Result<Segment> create(domain::Member& member, const Request& request);

  /// A file that was made otherwise, and has a name: for giving it more of them. It has no chunks.
  static Segment adopt(const Request& request, std::shared_ptr<const posix::Mapping> mapping) {
    return {request, std::move(mapping), nullptr};
  }

  /// Gives the file a second name, of a reader's. Done before the reader is given the first reference into it.
  Result<void> link_for(domain::Member& member, const domain::PortRef& reader) const;
  /// True if it was there: the reader has not mapped the segment.
  bool unlink_for(domain::Member& member, const domain::PortRef& reader) const noexcept;

  void remove_name(domain::Member& member) const noexcept;

  std::uint32_t number() const noexcept { return request_.number; }
  std::uint32_t generation() const noexcept { return request_.generation; }
  std::uint32_t chunks() const noexcept { return request_.chunks; }
  std::uint64_t payload_bytes() const noexcept { return request_.payload_bytes; }
  ChunkHead* head(std::uint32_t chunk) const noexcept {
    return reinterpret_cast<ChunkHead*>(mapping_->writable_bytes().data() + kPageBytes) + chunk;
  }
  std::byte* payload(std::uint32_t chunk) const noexcept {
    return mapping_->writable_bytes().data() + payloads_offset(request_.chunks) +
           chunk * payload_stride_for(request_.payload_bytes);
  }

 private:
  Segment(const Request& request, std::shared_ptr<const posix::Mapping> mapping,
          std::shared_ptr<const domain::MemoryShare> share)
      : request_(request), mapping_(std::move(mapping)), share_(std::move(share)) {
    request_.generation &= Reference::kGenerationMask;
  }

  Request request_;
  std::shared_ptr<const posix::Mapping> mapping_;
  std::shared_ptr<const domain::MemoryShare> share_;
};

/// A segment as a reader maps it, read-only. What its head says was checked once, against the file's size.
class SegmentView {
 public:
  /// Maps the segment by the name that belongs to the reader, and removes that name. Its chunks are for messages of
  /// `payload_bytes`; 0: of whatever size.
  static Result<SegmentView> open(domain::Member& member, std::uint32_t bucket, const domain::PortRef& reader,
                                  const domain::PortRef& publisher, std::uint32_t number, std::uint64_t payload_bytes);

  /// The same by any name, which stays.
  static Result<SegmentView> map(domain::Member& member, std::uint32_t bucket, const std::string& name,
                                 const domain::PortRef& publisher, std::uint32_t number, std::uint64_t payload_bytes);

  /// The chunk's payload, or null if the reference is not one of this segment's.
  const std::byte* find(Reference reference) const noexcept {
    if (reference.generation() != generation_ || reference.chunk() >= chunks_) [[unlikely]]
      return nullptr;
    return payloads_ + reference.chunk() * payload_stride_;
  }

  /// Room in each chunk.
  std::uint64_t capacity() const noexcept { return payload_stride_; }

  const std::shared_ptr<const posix::Mapping>& mapping() const noexcept { return mapping_; }
  std::uint32_t generation() const noexcept { return generation_; }

  /// Of a chunk that `find` found.
  const ChunkHead& head(Reference reference) const noexcept { return heads_[reference.chunk()]; }

 private:
  SegmentView() = default;

  std::shared_ptr<const posix::Mapping> mapping_;
  const ChunkHead* heads_ = nullptr;
  const std::byte* payloads_ = nullptr;
  std::uint64_t payload_stride_ = 0;
  std::uint32_t chunks_ = 0;
  std::uint32_t generation_ = 0;
};

}  // namespace baton::shm
