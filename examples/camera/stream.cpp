#include "stream.hpp"

#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace {

constexpr std::uint32_t kMostPixels = 1U << 15U;  // in each direction

std::uint32_t number(const std::string& text) {
  if (text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != std::string::npos) {
    throw std::runtime_error("a number is expected in the stream, not '" + text + "'");
  }
  return static_cast<std::uint32_t>(std::stoul(text));
}

void check(const Stream::Picture& picture) {
  if (picture.width == 0 || picture.height == 0 || picture.width > kMostPixels || picture.height > kMostPixels) {
    throw std::runtime_error("a picture of no size, or too large");
  }
}

}  // namespace

std::size_t Stream::Picture::bytes() const {
  const std::size_t pixels = std::size_t{width} * height;
  switch (format) {
    case camera::PixelFormat::gray8: return pixels;
    case camera::PixelFormat::yuv420p: return pixels + 2 * ((width + 1) / 2) * std::size_t{(height + 1) / 2};
    default: return 3 * pixels;
  }
}

/// False at the end of the stream.
bool Stream::fill(void* to, std::size_t bytes) {
  auto* at = static_cast<std::uint8_t*>(to);
  std::size_t left = bytes;
  while (left != 0) {
    const ssize_t got = ::read(descriptor_, at, left);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error(errno, std::generic_category(), "the stream cannot be read");
    if (got == 0 && left == bytes) return false;
    if (got == 0) throw std::runtime_error("the stream ends in the middle of a picture");
    at += got;
    left -= static_cast<std::size_t>(got);
  }
  return true;
}

char Stream::character() {
  char c = 0;
  if (!fill(&c, 1)) throw std::runtime_error("the stream ends in the middle of a header");
  return c;
}

/// Up to the next white space, which is read too; '#' begins a comment.
std::string Stream::word() {
  std::string text;
  while (true) {
    const char c = character();
    if (c == '#' && text.empty()) {
      while (character() != '\n') {
      }
    } else if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      text += c;
      if (text.size() > 200) throw std::runtime_error("it is neither PPM, PGM nor Y4M");
    } else if (!text.empty()) {
      return text;
    }
  }
}

std::optional<Stream::Picture> Stream::next_netpbm(char kind) {
  Picture picture;
  picture.format = kind == '6' ? camera::PixelFormat::rgb8 : camera::PixelFormat::gray8;
  character();
  picture.width = number(word());
  picture.height = number(word());
  if (number(word()) != 255) throw std::runtime_error("a picture of other than 8 bits");
  check(picture);
  return picture;
}

/// "YUV4MPEG2 W1920 H1080 F25:1 Ip A1:1 C420jpeg\n"
void Stream::read_video_header() {
  Picture picture;
  picture.format = camera::PixelFormat::yuv420p;
  std::string line;
  for (char c = character(); c != '\n'; c = character()) {
    line += c;
    if (line.size() > 1'000) throw std::runtime_error("a Y4M header that does not end");
  }
  line += ' ';
  for (std::size_t begin = 0; begin < line.size();) {
    const std::size_t end = line.find(' ', begin);
    const std::string field = line.substr(begin, end - begin);
    begin = end + 1;
    if (field.starts_with("W")) picture.width = number(field.substr(1));
    if (field.starts_with("H")) picture.height = number(field.substr(1));
    if (field == "Cmono") picture.format = camera::PixelFormat::gray8;
    if (field.starts_with("C") && field != "Cmono" && (!field.starts_with("C420") || field.starts_with("C420p1"))) {
      throw std::runtime_error("Y4M with " + field + ", where 4:2:0 of 8 bits, or mono, is expected");
    }
  }
  check(picture);
  video_ = picture;
}

std::optional<Stream::Picture> Stream::next() {
  char magic[2] = {};
  if (!fill(magic, 1)) return std::nullopt;
  magic[1] = character();
  if (video_) {  // "FRAME", perhaps with parameters
    if (magic[0] != 'F' || magic[1] != 'R') throw std::runtime_error("a Y4M picture does not begin with FRAME");
    while (character() != '\n') {
    }
    return video_;
  }
  if (magic[0] == 'P' && (magic[1] == '6' || magic[1] == '5')) return next_netpbm(magic[1]);
  if (magic[0] == 'Y' && magic[1] == 'U') {
    read_video_header();
    return next();
  }
  throw std::runtime_error("it is neither PPM, PGM nor Y4M");
}

void Stream::read(std::span<std::uint8_t> pixels) {
  if (!fill(pixels.data(), pixels.size())) throw std::runtime_error("the stream ends before the pixels");
}
