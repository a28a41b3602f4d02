// What waiting costs while nothing happens: so many subscribers in one wait set, each with a publisher in another
// process, and the processor time of both for a while.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <string>

#include "baton/baton.hpp"
#include "test/bench.hpp"

namespace {

struct Usage {
  double cpu_s = 0;
  long switches = 0;
};

Usage usage() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_nvcsw};
}

baton::Node open(const char* name, const std::string& domain) {
  baton::Options options;
  options.domain = domain;
  options.config = baton::Config::parse("", "bench.toml").value();
  return baton::Node::open(name, std::move(options)).value();
}

std::string topic(int number) { return "idle/number_" + std::to_string(number); }

void print(const char* who, const Usage& before, double seconds) {
  const Usage after = usage();
  std::printf("%-11s %6.3f %% of a core, %ld sleeps ended\n", who, 100 * (after.cpu_s - before.cpu_s) / seconds,
              after.switches - before.switches);
}

}  // namespace

int main(int argc, char** argv) {
  const int subscribers = argc > 1 ? std::atoi(argv[1]) : 200;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 30;
  if (argc > 3 || subscribers < 1 || seconds < 2) {
    std::fprintf(stderr, "usage: idle_bench [SUBSCRIBERS [SECONDS]]\n");
    return 2;
  }
  const std::string domain = "bench-" + std::to_string(getpid());
  const pid_t child = fork();
  if (child == 0) {
    {
      auto node = open("publishers", domain);
      std::list<baton::Publisher<bench::Bytes64>> publishers;
      for (int i = 0; i < subscribers; ++i) publishers.push_back(node.publisher<bench::Bytes64>(topic(i)).value());
      for (auto& publisher : publishers) publisher.wait_for_subscribers(1, std::chrono::seconds(60));
      const Usage before = usage();
      sleep(static_cast<unsigned>(seconds));
      print("publishers", before, seconds);
      std::fflush(stdout);
      for (auto& publisher : publishers) publisher.publish({});
      publishers.front().flush(std::chrono::seconds(10));
    }  // it may be the last one to leave
    _exit(0);
  }
  int messages = 0;
  {
    auto node = open("subscribers", domain);
    std::list<baton::Subscriber<bench::Bytes64>> all;
    baton::WaitSet set = node.wait_set();
    for (int i = 0; i < subscribers; ++i) {
      all.push_back(node.subscriber<bench::Bytes64>(topic(i)).value());
      set.add(all.back(), [&](const baton::Sample<bench::Bytes64>&) { ++messages; }).value();
    }
    for (auto& subscriber : all) subscriber.wait_for_publishers(1, std::chrono::seconds(60));
    const Usage before = usage();
    if (set.wait(std::chrono::seconds(seconds - 1)).status() != baton::WaitStatus::timeout) {
      std::fprintf(stderr, "it was not idle\n");
      return 1;
    }
    print("subscribers", before, seconds - 1);
    while (messages < subscribers && set.wait(std::chrono::seconds(20))) {
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::printf("%d of %d messages afterwards\n", messages, subscribers);
  return status == 0 && messages == subscribers ? 0 : 1;
}
