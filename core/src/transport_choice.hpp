// Which of a program's transports a port uses.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "baton/error.hpp"
#include "baton/port.hpp"
#include "baton/qos.hpp"
#include "baton/type_info.hpp"

namespace baton {
inline namespace v1 {

struct TransportChoice {
  Transport* transport = nullptr;
  std::string reason;           ///< empty where the settings name it
  std::string also_reached_by;  ///< the name of another one, or empty
};

/// What transports are to know of a type's messages.
MessageShape shape_of(const TypeInfo& type) noexcept;

/// By the name in the settings; for "auto" the one that suits a publisher best, and for a subscriber the first, of
/// those that reach other processes, if there are such.
Result<TransportChoice> choose_transport(const std::vector<std::shared_ptr<Transport>>& transports, PortRole role,
                                         const MessageShape& shape, const Qos& qos, const std::string& where);

}  // namespace v1
}  // namespace baton
