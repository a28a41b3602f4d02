// baton through its public API, over each of its transports that carries lossless and dropping connections.

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "baton/baton.hpp"
#include "cell.hpp"
#include "measure.hpp"

namespace bench {
namespace {

template <class T>
T value_of(baton::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return *std::move(result);
}

/// How a reader sleeps.
enum class Way : std::uint8_t {
  wait,  ///< in `Subscriber::wait`, as the settings say
  fd,    ///< in `poll` on its descriptor
  set,   ///< in a wait set, whose handler takes the message
};

/// `kInThreads`: the workers are threads of one process.
template <bool kInThreads>
struct Baton {
  static constexpr bool kThreads = kInThreads;

  std::string transport;
  std::string domain;
  baton::Overflow overflow;  ///< `reject` loses nothing: who is refused tries again
  Way way = Way::wait;
  std::optional<baton::Notify> notify = {};
  std::optional<std::chrono::nanoseconds> spin = {};

  bool drops() const noexcept { return overflow == baton::Overflow::drop_oldest; }

  baton::QosSettings settings(const Cell& cell) const {
    return {.transport = transport, .depth = cell.depth, .overflow = overflow, .notify = notify, .spin = spin};
  }

  struct Session {
    Session(const Baton& channel, const Cell&) : node(open(channel)) {}

    static baton::Node open(const Baton& channel) {
      baton::Options options;
      options.domain = channel.domain;
      options.config = value_of(baton::Config::parse("", "bench.toml"));  // not what lies in the working directory
      return value_of(baton::Node::open("bench", std::move(options)));
    }

    baton::Node node;
  };

  template <class T>
  class Link {
   public:
    Link(const Baton& channel, const Cell& cell, std::string topic)
        : settings_(channel.settings(cell)), readers_(cell.readers), topic_(std::move(topic)), way_(channel.way) {}

    class Writer {
     public:
      Writer(const Link& link, Session& session)
          : readers_(link.readers_),
            publisher_(value_of(session.node.template publisher<T>(link.topic_, link.settings_))) {}

      void wait_for_readers() const {
        for (int tries = 0; publisher_.subscriber_count() < readers_; ++tries) {
          if (tries == 10'000) throw std::runtime_error("a publisher found no subscriber within 10 s");
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
      }

      template <class Fill>
      bool send(Fill&& fill) {
        if (!rejected_) {
          auto loan = publisher_.loan_uninit();
          // A ring is full by bytes as well.
          if (!loan && loan.error().code() == baton::Errc::out_of_chunks) return false;
          if (!loan) throw std::runtime_error(loan.error().message());
          fill(**loan);
          if (loan->publish().status != baton::PublishStatus::rejected) return true;
          rejected_.emplace(*std::move(loan));
          return false;
        }
        if (rejected_->publish().status == baton::PublishStatus::rejected) return false;
        rejected_.reset();
        return true;
      }

     private:
      const unsigned readers_;
      baton::Publisher<T> publisher_;
      std::optional<baton::Loan<T>> rejected_;  // to be tried again
    };

    class Reader {
     public:
      Reader(const Link& link, Session& session, unsigned)
          : subscriber_(value_of(session.node.template subscriber<T>(link.topic_, link.settings_))) {
        if (link.way_ == Way::fd) fd_ = value_of(subscriber_.fd());
        if (link.way_ != Way::set) return;
        set_.emplace(session.node.wait_set());
        value_of(set_->add(subscriber_, [this] { handled_ = subscriber_.take(); }));
      }

      template <class Read>
      bool take(Read&& read) {
        const auto sample = handled_ ? std::move(handled_) : subscriber_.take();
        if (!sample) return false;
        read(*sample);
        return true;
      }

      void wait() {
        if (set_) {
          set_->wait(std::chrono::milliseconds(100));
        } else if (fd_) {
          pollfd entry{*fd_, POLLIN, 0};
          ::poll(&entry, 1, 100);
        } else {
          subscriber_.wait(std::chrono::milliseconds(100));
        }
      }

     private:
      baton::Subscriber<T> subscriber_;
      std::optional<int> fd_;
      std::optional<baton::WaitSet> set_;
      baton::Sample<T> handled_;
    };

   private:
    baton::QosSettings settings_;
    unsigned readers_;
    std::string topic_;
    Way way_;
  };
};

template <bool kInThreads>
void add(std::vector<Flavor>& flavors, const std::string& flavor, const std::string& transport,
         const std::string& domain) {
  for (const auto overflow : {baton::Overflow::reject, baton::Overflow::drop_oldest}) {
    const std::string name = flavor + (overflow == baton::Overflow::reject ? "" : "_drop_oldest");
    const Baton<kInThreads> channel{transport, domain, overflow};
    flavors.push_back({name, [channel](const Cell& cell, Stage& stage) { return run_cell(channel, cell, stage); }});
  }
}

/// The ways to wait beside the default one, for the cells in which readers sleep.
void add_ways(std::vector<Flavor>& flavors, const std::string& flavor, const std::string& transport,
              const std::string& domain) {
  const auto add = [&](const std::string& name, const Baton<false>& channel) {
    flavors.push_back({flavor + "_" + name, [channel](const Cell& cell, Stage& stage) -> std::optional<Figures> {
                         return cell.blocking ? run_cell(channel, cell, stage) : std::nullopt;
                       }});
  };
  const Baton<false> base{transport, domain, baton::Overflow::reject};
  Baton<false> channel = base;
  channel.spin = std::chrono::nanoseconds::zero();
  add("no_spin", channel);
  channel.notify = baton::Notify::semaphore;
  add("semaphore", channel);
  channel.notify = baton::Notify::socket;
  add("socket", channel);
  channel.notify = baton::Notify::poll;
  add("poll", channel);
  channel = base;
  channel.spin = std::chrono::microseconds(50);
  add("spin_50us", channel);
  channel = base;
  channel.way = Way::fd;
  add("fd", channel);
  channel.way = Way::set;
  add("set", channel);
}

}  // namespace

std::vector<Flavor> baton_flavors(const std::string& domain) {
  std::vector<Flavor> flavors;
  for (const auto& transport : baton::builtin_transports()) {
    const std::string name(transport->name());
    // "ring" is the limit.
    const std::string flavor = name == "ring" ? "baton_ring" : name;
    if (name == "inproc") {
      add<true>(flavors, name, name, domain);
    } else {
      add<false>(flavors, flavor, name, domain);
      add_ways(flavors, flavor, name, domain);
    }
  }
  return flavors;
}

}  // namespace bench
