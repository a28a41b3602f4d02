#include "domain/port_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

bool write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

Result<void> write_port_file(const posix::FileDescriptor& directory, const std::string& name, PortRole role,
                             const PortRef& port, const PortAnnouncement& announcement, std::uint64_t port_id) {
  const std::string text = to_json(announcement);
  if (text.size() > kMaxAnnouncementBytes) {
    return fail(Errc::too_large, fmt::format("topic '{}'", announcement.topic),
                fmt::format("the description of type {} has {} bytes", announcement.type, text.size()),
                fmt::format("at most {} can be announced", kMaxAnnouncementBytes));
  }
  const std::uint64_t file_bytes = sizeof(PortFile) + text.size();
  auto memory = posix::SharedMemory::create(directory, file_bytes);
  if (!memory) return fail(std::move(memory).error());
  PortFile file{};
  file.head = make_head(kind_of(role), port, 0, file_bytes);
  file.port_id = port_id;
  file.announcement_bytes = text.size();
  std::string content(reinterpret_cast<const char*>(&file), sizeof(file));
  content += text;
  if (!write_all(memory->fd().get(), content)) {
    const int error = errno;
    return posix::system_failure(posix::path_in(directory, name), "cannot be written", error);
  }
  return memory->link(directory, name);
}

Result<PortFileContent> read_port_file(const posix::FileDescriptor& directory, const std::string& name,
                                       const PortFileName& parsed) {
  auto memory = posix::SharedMemory::open(directory, name, posix::Access::read_only, ::geteuid(), sizeof(PortFile));
  if (!memory) return fail(std::move(memory).error());
  const std::string& path = memory->label();
  const std::uint64_t text_bytes = memory->bytes() - sizeof(PortFile);
  if (text_bytes > kMaxAnnouncementBytes) return damaged(path, fmt::format("has {} bytes", memory->bytes()));
  auto file = read_beginning<PortFile>(memory->fd(), path);
  if (!file) return fail(std::move(file).error());
  auto checked = check_head(file->head, kind_of(parsed.role), parsed.owner, 0, memory->bytes(), path);
  if (!checked) return fail(std::move(checked).error());
  if (file->announcement_bytes != text_bytes) {
    return damaged(path, fmt::format("announces {} bytes, and has {}", file->announcement_bytes, text_bytes));
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
  content.peer = {parsed.owner, file->port_id, *std::move(announcement)};
  content.made_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  return content;
}

Presence::Presence(std::shared_ptr<Member> member, std::uint32_t bucket, std::string file) noexcept
    : member_(std::move(member)), bucket_(bucket), file_(std::move(file)) {}

Result<std::shared_ptr<Presence>> Presence::announce(std::shared_ptr<Member> member, PortRole role, const PortRef& port,
                                                     const PortAnnouncement& announcement, std::uint64_t port_id) {
  const std::uint32_t bucket = bucket_of(announcement.topic);
  auto directory = member->directory(bucket);
  if (!directory) return fail(std::move(directory).error());
  std::string name = port_file_name(role, announcement.topic, port);
  auto written = write_port_file(**directory, name, role, port, announcement, port_id);
  if (!written) {
    return fail(written.error().code(), fmt::format("topic '{}'", announcement.topic),
                fmt::format("cannot be announced in domain '{}': {}", member->domain(), written.error().message()), "",
                written.error().os_errno());
  }
  member->bump(bucket);
  return std::shared_ptr<Presence>(new Presence(std::move(member), bucket, std::move(name)));
}

Presence::~Presence() {
  if (member_->forked()) return;
  member_->unlink(bucket_, file_);
  member_->bump(bucket_);
}

}  // namespace domain
}  // namespace v1
}  // namespace baton
