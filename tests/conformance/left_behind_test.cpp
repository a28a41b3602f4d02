#include "fixture.hpp"

namespace conformance {
namespace {

/// After all tests: no domain of this process is left in shared memory.
class LeftBehind : public testing::Environment {
 public:
  void TearDown() override {
    const std::filesystem::path domains = "/dev/shm/baton-" + std::to_string(::getuid());
    const std::string ours = "test-" + std::to_string(::getpid()) + "-";
    std::error_code ignored;  // no such directory: nothing is left
    for (const auto& entry : std::filesystem::directory_iterator(domains, ignored)) {
      EXPECT_FALSE(entry.path().filename().string().starts_with(ours)) << entry.path() << " is left behind";
    }
  }
};

const auto* const left_behind = testing::AddGlobalTestEnvironment(new LeftBehind);

}  // namespace
}  // namespace conformance
