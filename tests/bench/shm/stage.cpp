#include "stage.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "baton/clock.hpp"

namespace bench {
namespace {

constexpr std::size_t kMaxSamples = std::size_t{1} << 24;
constexpr unsigned kLongestCellSeconds = 120;  // then it hangs

const bool kUseTsc = baton::has_invariant_tsc();

double calibrate() {
  if (!kUseTsc) return 1;
  const std::uint64_t ticks_before = ticks();
  const std::uint64_t ns_before = baton::monotonic_ns();
  ::usleep(20'000);
  const std::uint64_t ns = baton::monotonic_ns() - ns_before;
  return static_cast<double>(ns) / static_cast<double>(ticks() - ticks_before);
}

void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  ::sched_setaffinity(0, sizeof set, &set);  // where it may not be, figures are worse and still true
}

struct Usage {
  std::uint64_t switches;
  std::uint64_t preemptions;
  double cpu_seconds;
  double wall_seconds;
};

Usage usage(bool thread) noexcept {
  rusage now = {};
  ::getrusage(thread ? RUSAGE_THREAD : RUSAGE_SELF, &now);
  const auto seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {static_cast<std::uint64_t>(now.ru_nvcsw), static_cast<std::uint64_t>(now.ru_nivcsw),
          seconds(now.ru_utime) + seconds(now.ru_stime), static_cast<double>(baton::monotonic_ns()) * 1e-9};
}

}  // namespace

std::uint64_t ticks() noexcept { return kUseTsc ? baton::tsc_ticks() : baton::monotonic_ns(); }

double ns_per_tick() noexcept {
  static const double value = calibrate();
  return value;
}

void Worker::meet() const noexcept { ::pthread_barrier_wait(&shared_->barrier); }

double Worker::distance_ns() const noexcept {
  // One line goes to and fro: the first worker writes odd numbers, the second answers each with the even one after it.
  // The median over batches, so that one that was interrupted does not count.
  constexpr std::uint64_t kBatch = 100;
  auto& line = shared_->probe;
  std::vector<double> batches;
  meet();
  std::uint64_t turn = 0;
  if (index_ == 0) {
    const std::uint64_t end = ticks() + ticks_of(probe_->seconds);
    for (std::uint64_t start = ticks(); start < end || batches.empty(); start = ticks()) {
      for (const std::uint64_t last = turn + 2 * kBatch; turn != last; turn += 2) {
        line.store(turn + 1, std::memory_order_release);
        while (line.load(std::memory_order_acquire) != turn + 2) {
        }
      }
      batches.push_back(static_cast<double>(ticks() - start));
    }
    line.store(kNotYet, std::memory_order_release);  // enough
  } else if (index_ == 1) {
    for (std::uint64_t seen = 0; seen != kNotYet;) {
      seen = line.load(std::memory_order_acquire);
      if (seen != turn + 1) continue;
      line.store(turn += 2, std::memory_order_release);
    }
  }
  meet();
  if (index_ != 0) return 0;
  line.store(0, std::memory_order_relaxed);  // for the next probe, which begins with a meeting
  std::nth_element(batches.begin(), batches.begin() + static_cast<std::ptrdiff_t>(batches.size() / 2), batches.end());
  return batches[batches.size() / 2] * ns_per_tick() / (2 * kBatch);
}

void Worker::measure(const std::function<void()>& body) const {
  const double before_ns = distance_ns();
  if (index_ == 0) {
    shared_->probe_before_ns = shared_->probe_after_ns = before_ns;
    shared_->skipped = !probe_->fits(before_ns);
  }
  meet();
  if (shared_->skipped) return;
  const Usage before = usage(thread_);
  body();
  const Usage after = usage(thread_);
  report().switches = after.switches - before.switches;
  report().preemptions = after.preemptions - before.preemptions;
  report().cpu_seconds = after.cpu_seconds - before.cpu_seconds;
  report().wall_seconds = after.wall_seconds - before.wall_seconds;
  const double after_ns = distance_ns();
  if (index_ == 0) shared_->probe_after_ns = after_ns;
}

Stage::Stage(std::array<int, 2> cores, const Probe& probe)
    : cores_(cores),
      probe_(probe),
      shared_area_(sizeof(Shared)),
      sample_area_(kMaxSamples * sizeof(std::uint32_t)),
      shared_(::new (shared_area_.data()) Shared{}) {
  ns_per_tick();  // calibrated once, here, and inherited
}

std::span<std::uint32_t> Stage::samples() const noexcept {
  return {reinterpret_cast<std::uint32_t*>(sample_area_.data()), kMaxSamples};
}

std::string Stage::next_name() { return fmt::format("bench/run_{}", ++runs_); }

void Stage::reset(unsigned workers) {
  shared_ = ::new (shared_area_.data()) Shared{};
  shared_->last.store(kNotYet, std::memory_order_relaxed);  // before anybody else runs
  pthread_barrierattr_t attributes;
  ::pthread_barrierattr_init(&attributes);
  ::pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_barrier_init(&shared_->barrier, &attributes, workers);
  ::pthread_barrierattr_destroy(&attributes);
}

void Stage::work(const Work& work, unsigned index, bool thread) const noexcept {
  const Worker worker(*shared_, samples(), index, thread, probe_);
  pin(cores_[std::min<std::size_t>(index, 1)]);
  try {
    work(worker);
  } catch (const std::exception& error) {
    auto& failure = shared_->reports[index].failure;
    fmt::format_to_n(failure.data(), failure.size() - 1, "{}", error.what());
    ::_exit(1);
  }
}

const Shared& Stage::run(const std::vector<Work>& works, bool threads) {
  const auto workers = static_cast<unsigned>(works.size());
  reset(workers);
  std::fflush(nullptr);
  std::vector<pid_t> children;
  for (unsigned i = 0; i < (threads ? 1 : workers); ++i) {
    const pid_t child = ::fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "cannot fork");
    if (child > 0) {
      children.push_back(child);
      continue;
    }
    ::alarm(kLongestCellSeconds);
    if (threads) {
      std::vector<std::thread> running;
      for (unsigned j = 0; j < workers; ++j) running.emplace_back([&, j] { work(works[j], j, true); });
      for (auto& thread : running) thread.join();
    } else {
      work(works[i], i, false);
    }
    ::_exit(0);
  }
  std::string failure;
  while (!children.empty()) {
    int status = 0;
    const pid_t child = ::waitpid(-1, &status, 0);
    const auto found = std::find(children.begin(), children.end(), child);
    if (found == children.end()) continue;
    children.erase(found);
    if (status == 0 || !failure.empty()) continue;
    for (const pid_t other : children) ::kill(other, SIGKILL);  // they would wait for it for ever
    for (const Report& report : shared_->reports) failure += report.failure.data();
    if (WIFSIGNALED(status)) failure += fmt::format("a worker was ended by signal {}", WTERMSIG(status));
    if (failure.empty()) failure = "a worker failed";
  }
  if (!failure.empty()) throw std::runtime_error(failure);
  return *shared_;
}

}  // namespace bench
