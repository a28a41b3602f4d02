// A filter: takes the camera's pictures, and publishes their edges. Reads from one ring, writes into another.
#include <chrono>
#include <cstdlib>
#include <iostream>

#include <baton/baton.hpp>

#include "camera.hpp"
#include "options.hpp"

namespace {

using namespace std::chrono_literals;

/// How many bytes a pixel takes where its brightness is looked for, and how far that is into them.
struct Brightness {
  std::size_t step;
  std::size_t offset;
};

Brightness brightness_of(camera::PixelFormat format) {
  return format == camera::PixelFormat::rgb8 ? Brightness{3, 1} : Brightness{1, 0};  // green will do
}

std::uint8_t difference(std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(a > b ? a - b : b - a); }

/// Where brightness changes from one pixel to the next, to the right or downwards.
void find_edges(std::span<const std::uint8_t> pixels, std::size_t width, std::size_t height, Brightness brightness,
                std::span<std::uint8_t> edges) {
  for (std::size_t y = 0; y + 1 < height; ++y) {
    const std::uint8_t* const row = &pixels[y * width * brightness.step + brightness.offset];
    const std::uint8_t* const below = row + width * brightness.step;
    std::uint8_t* const out = &edges[y * width];
    for (std::size_t x = 0; x + 1 < width; ++x) {
      const std::size_t here = x * brightness.step;
      out[x] = static_cast<std::uint8_t>(difference(row[here], row[here + brightness.step]) / 2 +
                                         difference(row[here], below[here]) / 2);
    }
    out[width - 1] = 0;
  }
  for (std::size_t x = 0; x < width; ++x) edges[(height - 1) * width + x] = 0;
}

int run(const Options& options) {
  const std::uint64_t most = options.number("--frames");
  auto node = baton::Node::open("edges").value();
  auto publisher = node.publisher<camera::Frame>("camera/edges").value();
  auto subscriber = node.subscriber<camera::Frame>("camera/front", {.depth = 2, .max_held = 1}).value();
  std::uint64_t count = 0;
  while (interrupted == 0 && (most == 0 || count < most)) {
    if (!subscriber.wait(count == 0 ? 30s : 2s)) break;  // the camera has ended
    const auto frame = subscriber.take();
    if (!frame) continue;
    const std::size_t pixels = std::size_t{frame->width} * frame->height;
    const Brightness brightness = brightness_of(frame->format);
    if (pixels == 0 || frame.data().size() < pixels * brightness.step) continue;  // what others write need not be true
    auto edges = publisher.loan(pixels).value();
    edges->number = frame->number;
    edges->width = frame->width;
    edges->height = frame->height;
    edges->format = camera::PixelFormat::gray8;
    find_edges(frame.data(), frame->width, frame->height, brightness, edges.data());
    edges.publish();
    ++count;
  }
  publisher.flush(10s);
  std::cout << count << " frames\n";
  return std::cout.flush() && count != 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  end_on_interrupt();
  return run(Options(argc, argv, {{"--frames", "0"}}));
} catch (const std::exception& error) {
  std::cerr << "edges: " << error.what() << '\n';
  return 1;
}
