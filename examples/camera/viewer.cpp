// Looks at every picture, measures, and writes some of them to files (PPM, or PGM where there is no colour).
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <vector>

#include <baton/baton.hpp>

#include "camera.hpp"
#include "options.hpp"

namespace {

using namespace std::chrono_literals;

/// Brightness only, of a picture in planes.
void write(const baton::Sample<camera::Frame>& frame, const std::string& prefix) {
  const bool colour = frame->format == camera::PixelFormat::rgb8;
  const std::size_t bytes = std::size_t{frame->width} * frame->height * (colour ? 3 : 1);
  if (frame.data().size() < bytes) return;
  const std::string name = prefix + std::to_string(frame->number) + (colour ? ".ppm" : ".pgm");
  std::ofstream file(name, std::ios::binary);
  file << (colour ? "P6" : "P5") << '\n' << frame->width << ' ' << frame->height << "\n255\n";
  file.write(reinterpret_cast<const char*>(frame.data().data()), static_cast<std::streamsize>(bytes));
  if (!file.flush()) throw std::runtime_error(name + " cannot be written");
}

/// The sum of one byte of each cache line: all of the picture comes to this core.
std::uint64_t look_at(std::span<const std::uint8_t> pixels) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < pixels.size(); i += 64) sum += pixels[i];
  return sum;
}

struct Seen {
  std::uint64_t frames = 0;
  std::uint64_t missed = 0;
  std::uint64_t bytes = 0;
  std::uint64_t brightness = 0;
  std::vector<std::uint64_t> ages_ns;
  std::chrono::steady_clock::time_point begin;
  std::chrono::steady_clock::time_point end;
};

void report(Seen& seen) {
  const std::chrono::duration<double> took = seen.end - seen.begin;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  std::sort(seen.ages_ns.begin(), seen.ages_ns.end());
  const std::uint64_t median = seen.ages_ns.empty() ? 0 : seen.ages_ns[seen.ages_ns.size() / 2];
  std::cout << seen.frames << " frames, " << seen.missed << " missed, "
            << static_cast<double>(seen.frames) / took.count() << " per second, "
            << static_cast<double>(seen.bytes) / took.count() / 1e9 << " GB/s, " << median / 1'000
            << " us old when taken, " << 100 * (seconds(used.ru_utime) + seconds(used.ru_stime)) / took.count()
            << " % of a processor, brightness " << seen.brightness / std::max<std::uint64_t>(1, seen.bytes / 64)
            << '\n';
}

int run(const Options& options) {
  const std::uint64_t every = options.number("--every");
  const std::uint64_t most = options.number("--frames");
  auto node = baton::Node::open("viewer").value();
  auto subscriber = node.subscriber<camera::Frame>(options.text("--topic"), {.depth = 4, .max_held = 1}).value();
  Seen seen;
  while (interrupted == 0 && (most == 0 || seen.frames + seen.missed < most)) {
    if (!subscriber.wait(seen.frames == 0 ? 30s : 2s)) break;  // the camera has ended
    while (const auto frame = subscriber.take()) {
      if (seen.frames == 0) seen.begin = std::chrono::steady_clock::now();
      const baton::SampleInfo info = frame.info();
      const auto now = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
      if (info.stamp_ns != 0 && now > info.stamp_ns) seen.ages_ns.push_back(now - info.stamp_ns);
      ++seen.frames;
      seen.missed += info.dropped_before;
      seen.bytes += frame.data().size();
      seen.brightness += look_at(frame.data());
      seen.end = std::chrono::steady_clock::now();
      if (every != 0 && frame->number % every == 0) write(frame, options.text("--write"));
    }
  }
  report(seen);
  return std::cout.flush() && seen.frames != 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  end_on_interrupt();
  return run(
      Options(argc, argv, {{"--topic", "camera/front"}, {"--frames", "0"}, {"--every", "0"}, {"--write", "frame-"}}));
} catch (const std::exception& error) {
  std::cerr << "viewer: " << error.what() << '\n';
  return 1;
}
