// What the seam's dispatch costs: the same small port behind a virtual call, a table of functions, a std::variant, and
// none at all. The port does what the cheapest real one does: it gives out the next of a few chunks and counts it back
// in, so the figures are the dispatch and nothing that would hide it. See docs/adr/0002-virtual-ports.md.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>

#include <benchmark/benchmark.h>

// Not in an unnamed namespace: there the compiler would see all implementations that exist, and call the only one
// that is used directly.
namespace dispatch_bench {

struct Chunk {
  std::byte* payload;
  std::uint64_t token;
};

class Port {
 public:
  virtual Chunk loan(std::size_t bytes) noexcept = 0;
  virtual bool publish(Chunk chunk, std::size_t bytes) noexcept = 0;
  virtual ~Port() = default;
};

class RingPort final : public Port {
 public:
  Chunk loan(std::size_t bytes) noexcept override {
    if (bytes > kBytes) return {nullptr, 0};
    return {memory_[next_ % kChunks].data(), next_};
  }
  bool publish(Chunk chunk, std::size_t bytes) noexcept override {
    published_bytes_ += bytes;
    next_ += chunk.token == next_;
    return true;
  }

 private:
  static constexpr std::size_t kChunks = 8;
  static constexpr std::size_t kBytes = 64;
  std::array<std::array<std::byte, kBytes>, kChunks> memory_{};
  std::uint64_t next_ = 0;
  std::uint64_t published_bytes_ = 0;
};

/// A second implementation, so that a variant has something to choose between.
class OtherPort final : public Port {
 public:
  Chunk loan(std::size_t) noexcept override { return {memory_.data(), 0}; }
  bool publish(Chunk, std::size_t) noexcept override { return false; }

 private:
  std::array<std::byte, 64> memory_{};
};

struct FunctionTable {
  Chunk (*loan)(void*, std::size_t) noexcept;
  bool (*publish)(void*, Chunk, std::size_t) noexcept;
};
constexpr FunctionTable kRingTable = {
    [](void* port, std::size_t bytes) noexcept { return static_cast<RingPort*>(port)->loan(bytes); },
    [](void* port, Chunk chunk, std::size_t bytes) noexcept {
      return static_cast<RingPort*>(port)->publish(chunk, bytes);
    }};

/// One message: loan, write, publish.
template <class Loan, class Publish>
void run(benchmark::State& state, Loan loan, Publish publish) {
  std::uint64_t number = 0;
  for (auto _ : state) {
    const Chunk chunk = loan(std::size_t{64});
    *reinterpret_cast<std::uint64_t*>(chunk.payload) = ++number;
    benchmark::DoNotOptimize(publish(chunk, std::size_t{64}));
    benchmark::ClobberMemory();
  }
}

/// Every port is reached through a pointer that the optimiser cannot see behind, as a publisher reaches its own.
template <class Port>
Port* hide(Port* port) {
  benchmark::DoNotOptimize(port);
  return port;
}

void static_call(benchmark::State& state) {
  const auto owner = std::make_unique<RingPort>();
  RingPort* const port = hide(owner.get());
  run(
      state, [port](std::size_t bytes) { return port->loan(bytes); },
      [port](Chunk chunk, std::size_t bytes) { return port->publish(chunk, bytes); });
}

void virtual_call(benchmark::State& state) {
  const std::unique_ptr<Port> owner = std::make_unique<RingPort>();
  Port* const port = hide(owner.get());
  run(
      state, [port](std::size_t bytes) { return port->loan(bytes); },
      [port](Chunk chunk, std::size_t bytes) { return port->publish(chunk, bytes); });
}

void function_table(benchmark::State& state) {
  const auto owner = std::make_unique<RingPort>();
  RingPort* const port = hide(owner.get());
  const FunctionTable* const table = hide(&kRingTable);
  run(
      state, [=](std::size_t bytes) { return table->loan(port, bytes); },
      [=](Chunk chunk, std::size_t bytes) { return table->publish(port, chunk, bytes); });
}

void variant_visit(benchmark::State& state) {
  const auto owner = std::make_unique<std::variant<RingPort, OtherPort>>();
  auto* const port = hide(owner.get());
  run(
      state, [port](std::size_t bytes) { return std::visit([=](auto& p) { return p.loan(bytes); }, *port); },
      [port](Chunk chunk, std::size_t bytes) {
        return std::visit([=](auto& p) { return p.publish(chunk, bytes); }, *port);
      });
}

BENCHMARK(static_call);
BENCHMARK(virtual_call);
BENCHMARK(function_table);
BENCHMARK(variant_visit);

}  // namespace dispatch_bench
