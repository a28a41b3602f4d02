// The crash tests, and the processes that they kill: with `--role` this program is one of these.

#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>

#include <gtest/gtest.h>

#include "roles.hpp"

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view(argv[1]) == "--role") {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nothing outlives the test
    try {
      return crash::run_role(argv[2], {argv + 3, argv + argc});
    } catch (const std::exception& error) {
      std::fprintf(stderr, "role %s: %s\n", argv[2], error.what());
      return 70;
    }
  }
  testing::InitGoogleTest(&argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  return RUN_ALL_TESTS();
}
