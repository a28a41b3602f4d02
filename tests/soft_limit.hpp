// A limit of the system for this process, lowered for a test.
#pragma once

#include <sys/resource.h>

namespace baton {

/// As long as it lives, the soft limit of a resource is another one.
class SoftLimit {
 public:
  using Resource = decltype(RLIMIT_AS);

  SoftLimit(Resource resource, rlim_t limit) : resource_(resource) {
    ::getrlimit(resource, &before_);
    const rlimit now{limit, before_.rlim_max};
    ::setrlimit(resource, &now);
  }
  ~SoftLimit() { ::setrlimit(resource_, &before_); }
  SoftLimit(const SoftLimit&) = delete;
  SoftLimit& operator=(const SoftLimit&) = delete;

 private:
  const Resource resource_;
  rlimit before_{};
};

}  // namespace baton
