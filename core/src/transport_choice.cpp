#include "transport_choice.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace baton {
inline namespace v1 {
namespace {

using Transports = std::vector<std::shared_ptr<Transport>>;

std::string names_of(const Transports& transports) {
  std::vector<std::string_view> names;
  for (const auto& transport : transports) names.push_back(transport->name());
  return fmt::format("{}", fmt::join(names, ", "));
}

TransportChoice choose(const Transports& transports, PortRole role, const MessageShape& shape, const Qos& qos) {
  std::vector<Transport*> candidates;
  for (const auto& transport : transports) {
    if (transport->reach() == Reach::machine) candidates.push_back(transport.get());
  }
  if (candidates.empty()) candidates.push_back(transports.front().get());
  if (role == PortRole::subscriber) {
    const std::string_view other = candidates.front()->also_reached_by();
    const bool is_there =
        std::any_of(candidates.begin(), candidates.end(), [&](const Transport* it) { return it->name() == other; });
    return {candidates.front(), "auto: the first of this program", is_there ? std::string(other) : std::string()};
  }
  TransportChoice chosen;
  std::uint32_t best = 0;
  for (Transport* const candidate : candidates) {
    Suitability suitability = candidate->suits(shape, qos);
    if (chosen.transport != nullptr && suitability.rank <= best) continue;
    best = suitability.rank;
    chosen = {candidate, "auto: " + suitability.reason, {}};
  }
  return chosen;
}

}  // namespace

MessageShape shape_of(const TypeInfo& type) noexcept {
  return {type.layout == Layout::fixed ? type.size : type.elements_offset, type.layout != Layout::fixed, type.max_bytes,
          type.layout == Layout::table};
}

Result<TransportChoice> choose_transport(const Transports& transports, PortRole role, const MessageShape& shape,
                                         const Qos& qos, const std::string& where) {
  if (transports.empty()) {
    return fail(Errc::unknown_transport, where, "the node has no transports: Options::transports is empty",
                "leave it out for those that come with baton");
  }
  if (qos.transport == "auto") return choose(transports, role, shape, qos);
  for (const auto& transport : transports) {
    if (transport->name() == qos.transport) return TransportChoice{transport.get(), {}, {}};
  }
  return fail(Errc::unknown_transport, where, fmt::format("transport '{}' is unknown", qos.transport),
              fmt::format("use one of: auto, {}", names_of(transports)));
}

}  // namespace v1
}  // namespace baton
