// The flavors that are not baton: the floor, the limit, and a peer.

#include "cell.hpp"
#include "index_ring.hpp"
#include "line.hpp"
#include "measure.hpp"
#include "pipe.hpp"
#include "ring.hpp"

namespace bench {

std::vector<Flavor> plain_flavors() {
  const auto only_small = [](const Cell& cell, Stage& stage) -> std::optional<Figures> {
    // A line carries one small message, to be answered.
    if (cell.kind != Kind::ping_pong || cell.touch || cell.bytes != sizeof(Bytes64)) return {};
    return ping_pong<Bytes64>(Line(), cell, stage);
  };
  return {
      {"line", only_small},
      {"ring", [](const Cell& cell, Stage& stage) { return run_cell(Ring(), cell, stage); }},
      {"index_ring", [](const Cell& cell, Stage& stage) { return run_cell(IndexRing(), cell, stage); }},
      {"pipe", [](const Cell& cell, Stage& stage) { return run_cell(Pipe(), cell, stage); }},
  };
}

}  // namespace bench
