// Pictures from standard input: a sequence of PPM or PGM files (P6, P5), or a Y4M video (4:2:0, 4:4:4 is refused).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "camera.hpp"

class Stream {
 public:
  struct Picture {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    camera::PixelFormat format = camera::PixelFormat::rgb8;
    std::size_t bytes() const;
  };

  explicit Stream(int descriptor) : descriptor_(descriptor) {}

  /// What comes next; nothing at the end of the stream. Throws std::runtime_error for what it cannot read.
  std::optional<Picture> next();

  /// Its pixels, straight into the memory that the readers will see.
  void read(std::span<std::uint8_t> pixels);

 private:
  bool fill(void* to, std::size_t bytes);
  char character();
  std::string word();
  std::optional<Picture> next_netpbm(char kind);
  void read_video_header();

  const int descriptor_;
  std::optional<Picture> video_;  // of a Y4M stream, whose header comes once
};
