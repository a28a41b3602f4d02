#include "baton/port.hpp"

namespace baton {
inline namespace v1 {

std::string_view to_string(LoanStatus status) noexcept {
  switch (status) {
    case LoanStatus::ok: return "ok";
    case LoanStatus::too_many_loans: return "too_many_loans";
    case LoanStatus::out_of_chunks: return "out_of_chunks";
    case LoanStatus::too_large: return "too_large";
    case LoanStatus::closed: return "closed";
  }
  return "unknown";
}

std::string_view to_string(PublishStatus status) noexcept {
  switch (status) {
    case PublishStatus::ok: return "ok";
    case PublishStatus::rejected: return "rejected";
    case PublishStatus::timed_out: return "timed_out";
    case PublishStatus::too_many_loans: return "too_many_loans";
    case PublishStatus::out_of_chunks: return "out_of_chunks";
    case PublishStatus::too_large: return "too_large";
    case PublishStatus::not_finished: return "not_finished";
    case PublishStatus::no_loan: return "no_loan";
    case PublishStatus::closed: return "closed";
  }
  return "unknown";
}

std::string_view to_string(TakeStatus status) noexcept {
  switch (status) {
    case TakeStatus::ok: return "ok";
    case TakeStatus::empty: return "empty";
    case TakeStatus::held_limit: return "held_limit";
    case TakeStatus::closed: return "closed";
  }
  return "unknown";
}

std::string_view to_string(WaitStatus status) noexcept {
  switch (status) {
    case WaitStatus::ready: return "ready";
    case WaitStatus::timeout: return "timeout";
    case WaitStatus::closed: return "closed";
  }
  return "unknown";
}

Suitability Transport::suits(const MessageShape& /*shape*/, const Qos& /*qos*/) const {
  return {1, "the first of this program"};
}

Result<std::unique_ptr<PublisherDirectory>> Transport::watch_publishers(DirectoryRequest /*request*/) {
  return std::unique_ptr<PublisherDirectory>();
}

}  // namespace v1
}  // namespace baton
