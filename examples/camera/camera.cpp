// Publishes the pictures that come on standard input, or a test pattern of its own. Each is written where its readers
// will read it.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>
#include <thread>

#include <baton/baton.hpp>

#include "camera.hpp"
#include "options.hpp"
#include "stream.hpp"

namespace {

using namespace std::chrono_literals;

/// Stripes that move: each row is written with two memsets.
void draw(std::span<std::uint8_t> pixels, std::size_t row_bytes, std::uint64_t number) {
  for (std::size_t begin = 0, row = 0; begin < pixels.size(); begin += row_bytes, ++row) {
    const std::size_t bytes = std::min(row_bytes, pixels.size() - begin);
    const std::size_t edge = (row + 4 * number) * 3 % bytes;
    std::memset(&pixels[begin], static_cast<int>(row & 0x7FU), edge);
    std::memset(&pixels[begin + edge], 0xC0, bytes - edge);
  }
}

class Camera {
 public:
  Camera(baton::Publisher<camera::Frame>& publisher, const Options& options)
      : publisher_(publisher), most_(options.number("--frames")), rate_(options.number("--rate")) {}

  /// False when there have been enough.
  template <class Fill>
  bool publish(const Stream::Picture& picture, Fill fill) {
    auto frame = publisher_.loan(picture.bytes()).value();  // in the ring that the readers map
    frame->number = ++number_;
    frame->width = picture.width;
    frame->height = picture.height;
    frame->format = picture.format;
    fill(frame.data(), number_);
    if (rate_ != 0) std::this_thread::sleep_until(begin_ + number_ * 1'000'000us / rate_);
    frame.publish();
    return number_ != most_ && interrupted == 0;
  }

  ~Camera() {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin_;
    std::cout << number_ << " frames, " << static_cast<double>(number_) / took.count() << " per second\n";
  }
  Camera(const Camera&) = delete;
  Camera& operator=(const Camera&) = delete;

 private:
  baton::Publisher<camera::Frame>& publisher_;
  const std::uint64_t most_;
  const std::uint64_t rate_;
  std::uint64_t number_ = 0;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

int run(const Options& options) {
  auto node = baton::Node::open("camera").value();
  auto publisher = node.publisher<camera::Frame>(
                           "camera/front", {.overflow = options.text("--wait") == "yes" ? baton::Overflow::block
                                                                                        : baton::Overflow::drop_oldest,
                                            .block_timeout = 2s})
                       .value();
  if (!publisher.wait_for_subscribers(options.number("--viewers"), 30s)) {
    std::cerr << "nobody looks\n";
    return 1;
  }
  {
    Camera camera(publisher, options);
    if (options.text("--pattern") != "none") {
      Stream::Picture picture;
      const std::string& size = options.text("--pattern");
      picture.width = static_cast<std::uint32_t>(std::stoul(size));
      picture.height = static_cast<std::uint32_t>(std::stoul(size.substr(size.find('x') + 1)));
      while (camera.publish(picture, [&](auto pixels, auto number) { draw(pixels, 3 * picture.width, number); })) {
      }
    } else {
      Stream stream(0);
      for (auto picture = stream.next(); picture; picture = stream.next()) {
        if (!camera.publish(*picture, [&](auto pixels, auto) { stream.read(pixels); })) break;
      }
    }
  }
  publisher.flush(10s);
  return std::cout.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  end_on_interrupt();
  return run(Options(
      argc, argv, {{"--pattern", "none"}, {"--frames", "0"}, {"--rate", "0"}, {"--viewers", "1"}, {"--wait", "no"}}));
} catch (const std::exception& error) {
  std::cerr << "camera: " << error.what() << '\n';
  return 1;
}
