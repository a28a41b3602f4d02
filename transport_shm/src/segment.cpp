#include "segment.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <fmt/format.h>

namespace baton::shm {

bool is_passing(const Error& error) noexcept {
  return error.os_errno() != 0 && error.os_errno() != ENOENT &&
         (error.code() == Errc::system || error.code() == Errc::no_space);
}

Result<void> write_first(const posix::SharedMemory& memory, const void* bytes, std::size_t count) {
  if (::pwrite(memory.fd().get(), bytes, count, 0) == static_cast<ssize_t>(count)) return {};
  return fail(Errc::system, memory.label(), "cannot be written", "", errno);
}

Result<Segment> Segment::create(domain::Member& member, const Request& request) {
  auto directory = member.directory(request.bucket);
  if (!directory) return fail(std::move(directory).error());
  const std::uint64_t bytes = kPageBytes + request.chunks * chunk_bytes_for(request.payload_bytes);
  auto file = member.create(request.bucket, request.topic, bytes, posix::Pages::huge);
  if (!file) return fail(std::move(file).error());
  const posix::SharedMemory& memory = file->memory;
  SegmentHead head{};
  head.head = domain::make_head(domain::FileKind::segment, request.port, request.number, bytes, layout_fingerprint());
  head.payload_bytes = request.payload_bytes;
  head.payload_stride = payload_stride_for(request.payload_bytes);
  head.chunks = request.chunks;
  head.generation = request.generation & Reference::kGenerationMask;
  if (auto written = write_first(memory, &head, sizeof(head)); !written) return fail(std::move(written).error());
  auto mapping =
      domain::map_shared(memory, 0, bytes, posix::Access::read_write, member.map_options(posix::Pages::huge));
  if (!mapping) return fail(std::move(mapping).error());
  auto linked = memory.link(**directory, request.name);
  if (!linked) return fail(std::move(linked).error());
  return Segment(request, *std::move(mapping), std::move(file->share));
}

Result<void> Segment::link_for(domain::Member& member, const domain::PortRef& reader) const {
  // A name that is there already is left from an attempt that was given up half-way.
  return member.link(request_.bucket, request_.name,
                     domain::segment_name_for_reader(reader, request_.port, request_.number));
}

bool Segment::unlink_for(domain::Member& member, const domain::PortRef& reader) const noexcept try {
  return member.unlink(request_.bucket, domain::segment_name_for_reader(reader, request_.port, request_.number));
} catch (const std::bad_alloc&) {  // the reader removes it when it closes
  return false;
}

void Segment::remove_name(domain::Member& member) const noexcept { member.unlink(request_.bucket, request_.name); }

Result<SegmentView> SegmentView::open(domain::Member& member, std::uint32_t bucket, const domain::PortRef& reader,
                                      const domain::PortRef& publisher, std::uint32_t number,
                                      std::uint64_t payload_bytes) {
  const std::string name = domain::segment_name_for_reader(reader, publisher, number);
  auto view = map(member, bucket, name, publisher, number, payload_bytes);
  if (view) member.unlink(bucket, name);
  return view;
}

Result<SegmentView> SegmentView::map(domain::Member& member, std::uint32_t bucket, const std::string& name,
                                     const domain::PortRef& publisher, std::uint32_t number,
                                     std::uint64_t payload_bytes) {
  auto memory = member.open(bucket, name, posix::Access::read_only, kPageBytes);
  if (!memory) return fail(std::move(memory).error());
  auto mapping =
      domain::map_shared(*memory, 0, memory->bytes(), posix::Access::read_only, member.map_options(posix::Pages::huge));
  if (!mapping) return fail(std::move(mapping).error());

  SegmentHead head;  // a copy: the publisher could change the original between check and use
  std::memcpy(&head, (*mapping)->bytes().data(), sizeof(head));
  auto checked = domain::check_head(head.head, domain::FileKind::segment, publisher, number, memory->bytes(),
                                    memory->label(), layout_fingerprint());
  if (!checked) return fail(std::move(checked).error());
  if (payload_bytes == 0) payload_bytes = std::min(head.payload_bytes, memory->bytes());  // more cannot be true
  const std::uint64_t room = (memory->bytes() - kPageBytes) / chunk_bytes_for(payload_bytes);
  if (head.payload_bytes != payload_bytes || head.payload_stride != payload_stride_for(payload_bytes) ||
      head.chunks > room || head.chunks > Reference::kMaxChunks) {
    return fail(Errc::corrupt, name,
                fmt::format("it claims {} chunks for {} bytes every {} bytes, in {} bytes", head.chunks,
                            head.payload_bytes, head.payload_stride, memory->bytes()),
                "end the publisher's program");
  }
  SegmentView view;
  view.mapping_ = *std::move(mapping);
  const std::byte* const begin = view.mapping_->bytes().data();
  view.heads_ = reinterpret_cast<const ChunkHead*>(begin + kPageBytes);
  view.payloads_ = begin + payloads_offset(head.chunks);
  view.payload_stride_ = head.payload_stride;
  view.chunks_ = head.chunks;
  view.generation_ = head.generation;
  return view;
}

}  // namespace baton::shm
