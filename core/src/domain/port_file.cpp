#include "domain/port_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <span>

#include <fmt/format.h>

#include "domain/announcement_json.hpp"
#include "domain/file_content.hpp"
#include "posix/system_error.hpp"

namespace baton {
inline namespace v1 {
namespace domain {
namespace {

// A type's description is the only long thing in an announcement; this is beyond every sensible one.
constexpr std::uint64_t kMaxAnnouncementBytes = 16U << 20U;

FileKind kind_of(PortRole role) noexcept {
  return role == PortRole::publisher ? FileKind::publisher : FileKind::subscriber;
}

bool write_at(int fd, std::string_view bytes, std::uint64_t offset) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return true;
}

}  // namespace

std::uint64_t port_file_bytes(const PortAnnouncement& announcement) {
  return sizeof(PortFile) + to_json(announcement).size();
}

Result<WrittenPortFile> write_port_file(Member& member, const std::string& name, PortRole role, const PortRef& port,
                                        const PortAnnouncement& announcement, std::uint64_t port_id,
                                        std::uint64_t payload_bytes) {
  const std::uint32_t bucket = bucket_of(announcement.topic);
  auto place = member.directory(bucket);
  if (!place) return fail(std::move(place).error());
  const posix::FileDescriptor& directory = **place;
  const std::string text = to_json(announcement);
  if (text.size() > kMaxAnnouncementBytes) {
    return fail(Errc::too_large, fmt::format("topic '{}'", announcement.topic),
                fmt::format("the description of type {} has {} bytes", announcement.type, text.size()),
                fmt::format("at most {} can be announced", kMaxAnnouncementBytes));
  }
  const std::uint64_t file_bytes = sizeof(PortFile) + text.size();
  auto file = member.create(bucket, announcement.topic, file_bytes);
  if (!file) return fail(std::move(file).error());
  const posix::SharedMemory& memory = file->memory;
  PortHead about{};
  about.head = make_head(kind_of(role), port, 0, file_bytes);
  about.port_id = port_id;
  about.announcement_bytes = text.size();
  about.payload_bytes = payload_bytes;
  const std::string_view beginning(reinterpret_cast<const char*>(&about), sizeof(about));
  if (!write_at(memory.fd().get(), beginning, 0) || !write_at(memory.fd().get(), text, sizeof(PortFile))) {
    const int error = errno;
    return posix::system_failure(posix::path_in(directory, name), "cannot be written", error);
  }
  auto mapping = map_shared(memory, 0, sizeof(PortFile), posix::Access::read_write, member.map_options());
  if (!mapping) return fail(std::move(mapping).error());
  if (auto linked = memory.link(directory, name); !linked) return fail(std::move(linked).error());
  auto* const page = std::launder(reinterpret_cast<PortFile*>((*mapping)->writable_bytes().data()));
  return WrittenPortFile{std::shared_ptr<PortFile>(*std::move(mapping), page), std::move(file->share)};
}

Result<PortFileContent> read_port_file(const posix::FileDescriptor& directory, const std::string& name,
                                       const PortFileName& parsed) {
  auto memory = posix::SharedMemory::open(directory, name, posix::Access::read_only, ::geteuid(), sizeof(PortFile));
  if (!memory) return fail(std::move(memory).error());
  const std::string& path = memory->label();
  const std::uint64_t text_bytes = memory->bytes() - sizeof(PortFile);
  if (text_bytes > kMaxAnnouncementBytes) return damaged(path, fmt::format("has {} bytes", memory->bytes()));
  auto about = read_beginning<PortHead>(memory->fd(), path);
  if (!about) return fail(std::move(about).error());
  auto checked = check_head(about->head, kind_of(parsed.role), parsed.owner, 0, memory->bytes(), path);
  if (!checked) return fail(std::move(checked).error());
  if (about->announcement_bytes != text_bytes) {
    return damaged(path, fmt::format("announces {} bytes, and has {}", about->announcement_bytes, text_bytes));
  }
  std::string text(text_bytes, '\0');
  auto read = read_bytes(memory->fd(), std::as_writable_bytes(std::span(text)), sizeof(PortFile), path);
  if (!read) return fail(std::move(read).error());
  auto announcement = announcement_from_json(text, path);
  if (!announcement) return fail(std::move(announcement).error());
  if (topic_hash(announcement->topic) != parsed.topic_hash) {
    return damaged(path, fmt::format("announces topic '{}', which is not that of its name", announcement->topic));
  }
  struct stat status {};
  if (::fstat(memory->fd().get(), &status) != 0) return posix::system_failure(path, "cannot be examined", errno);
  PortFileContent content;
  content.peer = {parsed.owner, about->port_id, *std::move(announcement)};
  content.made_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  return content;
}

Result<std::shared_ptr<const PortFile>> Member::port_file(std::uint32_t bucket, PortRole role, std::string_view topic,
                                                          const PortRef& port) {
  auto memory = open(bucket, port_file_name(role, topic, port), posix::Access::read_only, sizeof(PortFile));
  if (!memory) return fail(std::move(memory).error());
  auto about = read_beginning<PortHead>(memory->fd(), memory->label());
  if (!about) return fail(std::move(about).error());
  auto checked = check_head(about->head, kind_of(role), port, 0, memory->bytes(), memory->label());
  if (!checked) return fail(std::move(checked).error());
  auto mapping = map_shared(*memory, 0, sizeof(PortFile), posix::Access::read_only);
  if (!mapping) return fail(std::move(mapping).error());
  const auto* const page = std::launder(reinterpret_cast<const PortFile*>((*mapping)->bytes().data()));
  return std::shared_ptr<const PortFile>(*std::move(mapping), page);
}

Presence::Presence(std::shared_ptr<Member> member, std::uint32_t bucket, std::string name, std::string latched_name,
                   std::shared_ptr<PortFile> file, std::shared_ptr<const MemoryShare> share) noexcept
    : member_(std::move(member)),
      bucket_(bucket),
      name_(std::move(name)),
      latched_name_(std::move(latched_name)),
      file_(std::move(file)),
      share_(std::move(share)) {}

Result<std::shared_ptr<Presence>> Presence::announce(std::shared_ptr<Member> member, PortRole role, const PortRef& port,
                                                     const PortAnnouncement& announcement, std::uint64_t port_id,
                                                     std::uint64_t payload_bytes) {
  const std::uint32_t bucket = bucket_of(announcement.topic);
  std::string name = port_file_name(role, announcement.topic, port);
  auto written = write_port_file(*member, name, role, port, announcement, port_id, payload_bytes);
  if (!written) {
    return fail(written.error().code(), fmt::format("topic '{}'", announcement.topic),
                fmt::format("cannot be announced in domain '{}': {}", member->domain(), written.error().message()), "",
                written.error().os_errno());
  }
  member->bump(bucket);
  return std::shared_ptr<Presence>(new Presence(std::move(member), bucket, std::move(name),
                                                domain::latched_name(announcement.topic, port),
                                                std::move(written->page), std::move(written->share)));
}

Result<void> Presence::latch() { return member_->link(bucket_, name_, latched_name_); }
void Presence::unlatch() noexcept { member_->unlink(bucket_, latched_name_); }

Presence::~Presence() {
  if (member_->forked()) return;
  member_->unlink(bucket_, name_);
  member_->bump(bucket_);
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
