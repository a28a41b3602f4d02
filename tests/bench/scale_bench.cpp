// What many cost, and what one costs: joining, memory, and the time to the first message.

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <list>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "baton/baton.hpp"
#include "test/bench.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Message = bench::Bytes256;

double cpu_seconds(int who) {
  rusage used{};
  getrusage(who, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Of a process that is still there, to a hundredth of a second.
double cpu_seconds_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::istringstream fields(text.substr(text.rfind(')') + 1));  // the name before it may have spaces
  std::string field;
  for (int i = 0; i < 11; ++i) fields >> field;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

baton::Node open(const std::string& name, const std::string& domain) {
  baton::Options options;
  options.domain = domain;
  options.config = baton::Config::parse("", "bench.toml").value();
  return baton::Node::open(name, std::move(options)).value();
}

std::string domain_directory(const std::string& domain) {
  return "/dev/shm/baton-" + std::to_string(getuid()) + "/" + domain;
}

/// What the domain takes of the memory file system, hard links once.
std::uint64_t shared_bytes(const std::string& domain) {
  std::uint64_t blocks = 0;
  std::vector<ino_t> seen;
  std::error_code gone;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(domain_directory(domain), gone)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (std::find(seen.begin(), seen.end(), status.st_ino) != seen.end()) continue;
    seen.push_back(status.st_ino);
    blocks += static_cast<std::uint64_t>(status.st_blocks);
  }
  return blocks * 512;
}

std::uint64_t proportional_bytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with("Pss:")) return std::strtoull(line.c_str() + 4, nullptr, 10) * 1'024;
  }
  return 0;
}

struct Possessions {
  std::size_t descriptors = 0;
  std::size_t mappings = 0;

  static Possessions now() {
    Possessions has;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++has.descriptors;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) ++has.mappings;
    return has;
  }
};

/// Tells, and waits to be told.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) std::abort();
  }
  void tell(char what = 'x') const {
    if (::write(ends_[1], &what, 1) != 1) std::abort();
  }
  void hear() const {
    char what = 0;
    if (::read(ends_[0], &what, 1) != 1) std::abort();
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

bool wait_for(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

/// How long the verbs of a publisher take that has nothing to do with the others: the median and the 99th percentile.
class Bystander {
 public:
  explicit Bystander(const std::string& domain)
      : node_(open("bystander", domain)),
        publisher_(node_.publisher<Message>("bystander").value()),
        subscriber_(node_.subscriber<Message>("bystander").value()) {
    publisher_.wait_for_subscribers(1, 10s);
  }

  void measure(const char* when) {
    std::vector<double> times(100'000);
    for (double& time : times) {
      const auto begin = Clock::now();
      publisher_.publish({});
      static_cast<void>(subscriber_.take());
      time = since(begin);
    }
    std::sort(times.begin(), times.end());
    std::printf("bystander's publish and take, %-6s %.0f ns P50, %.0f ns P99\n", when, 1e9 * times[times.size() / 2],
                1e9 * times[times.size() * 99 / 100]);
  }

 private:
  baton::Node node_;
  baton::Publisher<Message> publisher_;
  baton::Subscriber<Message> subscriber_;
};

struct Scale {
  int processes = 4;
  int nodes = 256;
  int topics = 1'000;
  int publishers = 1;   // of each topic
  int subscribers = 1;  // of each topic
};

/// The ports of one process: opened, connected, and, when it is told, gone again.
void be_one_of_many(const std::string& domain, const Scale& scale, int process, const Pipe& ready, const Pipe& end) {
  std::list<baton::Node> nodes;
  for (int node = process; node < scale.nodes; node += scale.processes) {
    nodes.push_back(open("node_" + std::to_string(node), domain));
  }
  std::list<baton::Publisher<Message>> publishers;
  std::list<baton::Subscriber<Message>> subscribers;
  auto next = nodes.begin();
  const auto node = [&]() -> baton::Node& {
    if (next == nodes.end()) next = nodes.begin();
    return *next++;
  };
  int port = 0;
  const auto is_mine = [&] { return port++ % scale.processes == process; };
  for (int topic = 0; topic < scale.topics; ++topic) {
    const std::string name = "scale/number_" + std::to_string(topic);
    for (int i = 0; i < scale.publishers; ++i) {
      if (is_mine()) publishers.push_back(node().publisher<Message>(name).value());
    }
    for (int i = 0; i < scale.subscribers; ++i) {
      if (is_mine()) subscribers.push_back(node().subscriber<Message>(name).value());
    }
  }
  bool all = true;
  for (auto& publisher : publishers) {
    all &= publisher.wait_for_subscribers(static_cast<std::size_t>(scale.subscribers), 60s);
  }
  for (auto& subscriber : subscribers) {
    all &= subscriber.wait_for_publishers(static_cast<std::size_t>(scale.publishers), 60s);
  }
  const Possessions has = Possessions::now();
  if (process == 0) {
    std::printf("the first process: %zu nodes, %zu ports, %zu descriptors, %zu mappings, %.1f MiB (PSS)\n",
                nodes.size(), publishers.size() + subscribers.size(), has.descriptors, has.mappings,
                static_cast<double>(proportional_bytes()) / (1 << 20));
    std::fflush(stdout);
  }
  ready.tell(all ? 'y' : 'n');
  end.hear();
}

int measure_many(const Scale& scale) {
  const std::string domain = "bench-" + std::to_string(::getpid());
  Bystander bystander(domain);
  bystander.measure("alone");
  const Pipe ready;
  const Pipe end;
  std::vector<pid_t> children;
  const auto begin = Clock::now();
  std::fflush(stdout);
  for (int process = 0; process < scale.processes; ++process) {
    children.push_back(::fork());
    if (children.back() == 0) {
      be_one_of_many(domain, scale, process, ready, end);
      std::_Exit(0);
    }
  }
  for (int process = 0; process < scale.processes; ++process) ready.hear();
  const double joined = since(begin);
  double used = 0;
  for (const pid_t child : children) used += cpu_seconds_of(child);
  std::printf("%d ports of %d topics joined in %.2f s, and %.2f s of processor time; %.1f MiB of shared memory\n",
              scale.topics * (scale.publishers + scale.subscribers), scale.topics, joined, used,
              static_cast<double>(shared_bytes(domain)) / (1 << 20));
  bystander.measure("among");
  for (int process = 0; process < scale.processes; ++process) end.tell();
  bool well = true;
  for (const pid_t child : children) well &= wait_for(child);
  std::printf("processor time of all from beginning to end: %.2f s\n", cpu_seconds(RUSAGE_CHILDREN));
  return well ? 0 : 1;
}

/// A publisher and a subscriber at their defaults, in two processes.
int measure_pair() {
  const std::string domain = "bench-" + std::to_string(::getpid());
  const Pipe ready;
  const Pipe end;
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    {
      auto node = open("subscriber", domain);
      auto subscriber = node.subscriber<Message>("pair").value();
      for (int taken = 0; taken < 1'000;) {
        subscriber.wait(1s);
        while (subscriber.take()) ++taken;
      }
      std::printf("subscriber: %.2f MiB (PSS)\n", static_cast<double>(proportional_bytes()) / (1 << 20));
      std::fflush(stdout);
      ready.tell();
      end.hear();
    }
    std::_Exit(0);
  }
  {
    auto node = open("publisher", domain);
    auto publisher =
        node.publisher<Message>("pair", {.overflow = baton::Overflow::block, .block_timeout = 10s}).value();
    publisher.wait_for_subscribers(1, 10s);
    for (int i = 0; i < 1'000; ++i) publisher.publish({});
    ready.hear();
    std::printf("publisher:  %.2f MiB (PSS)\nshared memory: %.0f KiB\n",
                static_cast<double>(proportional_bytes()) / (1 << 20),
                static_cast<double>(shared_bytes(domain)) / 1'024);
    end.tell();
  }
  return wait_for(child) ? 0 : 1;
}

/// A program that starts, and takes one message of a publisher that is there.
int take_first(const std::string& domain) {
  auto node = open("late", domain);
  auto subscriber = node.subscriber<Message>("first", {.history = 1}).value();
  while (!subscriber.take()) subscriber.wait(1s);
  return 0;
}

/// From the start of that program to its end.
int measure_start(const char* program, int times, const std::string& transport) {
  const std::string domain = "bench-" + std::to_string(::getpid());
  auto node = open("early", domain);
  const auto opened = Clock::now();
  auto publisher = node.publisher<Message>("first", {.transport = transport, .history = 1}).value();
  publisher.publish({});
  std::printf("publisher over %s, and its first publish: %.2f ms\n", transport.c_str(), 1e3 * since(opened));
  const auto run = [&](const char* what) {
    std::vector<double> seconds;
    for (int i = 0; i < times; ++i) {
      const auto begin = Clock::now();
      std::array<std::string, 3> words{program, what, domain};
      std::array<char*, 4> arguments{words[0].data(), words[1].data(), words[2].data(), nullptr};
      pid_t child = 0;
      if (::posix_spawn(&child, program, nullptr, nullptr, arguments.data(), environ) != 0) return false;
      if (!wait_for(child)) return false;
      seconds.push_back(since(begin));
    }
    std::sort(seconds.begin(), seconds.end());
    std::printf("%-28s %.2f ms P50, %.2f ms P99\n", what, 1e3 * seconds[seconds.size() / 2],
                1e3 * seconds[seconds.size() * 99 / 100]);
    return true;
  };
  return run("nothing") && run("take-first") ? 0 : 1;
}

/// Readers and publishers that come and go.
int measure_churn(int times) {
  const std::string domain = "bench-" + std::to_string(::getpid());
  auto stays = open("stays", domain);
  auto publisher = stays.publisher<Message>("churn").value();
  auto subscriber = stays.subscriber<Message>("churn").value();
  const auto come_and_go = [&](int count) {
    for (int i = 0; i < count; ++i) {
      auto node = open("comes", domain);
      auto reader = node.subscriber<Message>("churn").value();
      auto writer = node.publisher<Message>("churn").value();
      writer.publish({});
      while (subscriber.take()) {
      }
    }
  };
  come_and_go(100);
  const Possessions before = Possessions::now();
  const std::uint64_t bytes = shared_bytes(domain);
  const auto begin = Clock::now();
  come_and_go(times);
  std::printf("%d nodes with two ports came and went, %.2f ms each\n", times, 1e3 * since(begin) / times);
  std::this_thread::sleep_for(2'500ms);  // what is too much goes after a heartbeat
  while (subscriber.take()) {
  }
  std::this_thread::sleep_for(1'500ms);
  const Possessions after = Possessions::now();
  std::printf("%zu descriptors, %zu mappings, %llu bytes; before: %zu, %zu, %llu\n", after.descriptors, after.mappings,
              static_cast<unsigned long long>(shared_bytes(domain)), before.descriptors, before.mappings,
              static_cast<unsigned long long>(bytes));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What many ports cost, and what one pair costs");
  app.require_subcommand(1);
  Scale scale;
  auto* const many = app.add_subcommand("many", "nodes and ports in one domain");
  many->add_option("--processes", scale.processes)->check(CLI::Range(1, 64));
  many->add_option("--nodes", scale.nodes)->check(CLI::Range(1, 1'000));
  many->add_option("--topics", scale.topics)->check(CLI::Range(1, 100'000));
  many->add_option("--publishers", scale.publishers, "of each topic")->check(CLI::Range(1, 1'000));
  many->add_option("--subscribers", scale.subscribers, "of each topic")->check(CLI::Range(1, 1'000));
  app.add_subcommand("pair", "a publisher and a subscriber at their defaults");
  int times = 100;
  auto* const start = app.add_subcommand("start", "from a program's start to its first message, and to its end");
  start->add_option("--times", times)->check(CLI::Range(1, 100'000));
  std::string transport = "shm";
  start->add_option("--transport", transport, "of the publisher")->check(CLI::IsMember({"shm", "ring"}));
  auto* const churn = app.add_subcommand("churn", "nodes that come and go");
  churn->add_option("--times", times)->check(CLI::Range(1, 100'000));
  std::string domain;
  app.add_subcommand("take-first", "for start")->add_option("domain", domain)->required();
  app.add_subcommand("nothing", "for start: a program that ends at once")->add_option("domain", domain);
  CLI11_PARSE(app, argc, argv);
  if (*many) return measure_many(scale);
  if (*start) return measure_start(argv[0], times, transport);
  if (*churn) return measure_churn(times);
  if (app.got_subcommand("pair")) return measure_pair();
  return app.got_subcommand("take-first") ? take_first(domain) : 0;
}
