#include "fixture.hpp"

namespace conformance {
namespace {

/// After all tests: no domain of this process is left in shared memory. A dispatcher's thread may still be about to
/// leave one: that of a callback that has destroyed its own subscriber.
class LeftBehind : public testing::Environment {
 public:
  void TearDown() override {
    std::string left;
    EXPECT_TRUE(eventually([&] { return (left = find()).empty(); })) << left << " is left behind";
  }

 private:
  static std::string find() {
    const std::filesystem::path domains = domains_path();
    const std::string ours = "test-" + std::to_string(::getpid()) + "-";
    std::error_code ignored;  // no such directory: nothing is left
    for (const auto& entry : std::filesystem::directory_iterator(domains, ignored)) {
      if (entry.path().filename().string().starts_with(ours)) {
        remove_latched(entry.path());  // of a domain that was left late
        return entry.path();
      }
    }
    return {};
  }
};

const auto* const left_behind = testing::AddGlobalTestEnvironment(new LeftBehind);

}  // namespace
}  // namespace conformance
