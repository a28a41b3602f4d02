#include "connection.hpp"

#include <new>
#include <utility>

namespace baton::inproc {

Connection::Connection(std::shared_ptr<const PublisherIdentity> publisher, std::shared_ptr<ChunkPool> chunk_pool,
                       std::string subscriber_name, Overflow overflow_policy, std::uint32_t queue_depth,
                       std::uint32_t held_limit, std::chrono::nanoseconds longest_life, std::uint64_t chunks)
    : from(std::move(publisher)),
      pool(std::move(chunk_pool)),
      reserved(chunks),
      to(std::move(subscriber_name)),
      overflow(overflow_policy),
      depth(queue_depth),
      capacity(std::uint64_t{queue_depth} + held_limit),
      mark(domain::congested_from(queue_depth)),
      lifespan_ns(static_cast<std::uint64_t>(longest_life.count())),
      queue(capacity, lifespan_ns != 0) {
  if (!pool->reserve(reserved)) throw std::bad_alloc();
}

Connection::~Connection() {
  // A publisher that had not yet seen the subscriber leave may have pushed after the subscriber's last look.
  while (ChunkHeader* const chunk = queue.pop()) pool->release(chunk);
  pool->unreserve(reserved);
}

domain::Trouble Connection::trouble() const noexcept {  // relaxed: figures
  return {dropped_oldest.load(std::memory_order_relaxed), dropped_newest.load(std::memory_order_relaxed),
          dropped_timeout.load(std::memory_order_relaxed), expired.load(std::memory_order_relaxed),
          congested.load(std::memory_order_relaxed)};
}

ConnectionCounters Connection::counters(const std::string& peer) const {
  ConnectionCounters figures;
  figures.peer = peer;
  // The consumer's first: what was taken was offered before.
  const std::uint64_t direct = called.load(std::memory_order_relaxed);
  const std::uint64_t from_queue = taken.load(std::memory_order_relaxed);
  const std::uint64_t back = released.load(std::memory_order_relaxed);
  figures.dropped_expired = expired.load(std::memory_order_relaxed);
  figures.high_water = high_water.load(std::memory_order_relaxed);
  figures.taken = from_queue + direct - std::min(figures.dropped_expired, from_queue + direct);
  figures.held = from_queue > back ? from_queue - back : 0;
  figures.dropped_oldest = dropped_oldest.load(std::memory_order_relaxed);
  figures.dropped_newest = dropped_newest.load(std::memory_order_relaxed);
  figures.dropped_timeout = dropped_timeout.load(std::memory_order_relaxed);
  figures.undelivered = undelivered.load(std::memory_order_relaxed);
  figures.queued = queue.size();
  figures.offered = offered.load(std::memory_order_relaxed) + direct;
  return figures;
}

}  // namespace baton::inproc
