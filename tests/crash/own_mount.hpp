#pragma once

// A small file system of a role's own, for the domains of a test. In a process of its own, because it takes a mount of
// its own.

#include <string>

namespace crash {

/// Mounts a tmpfs with these options ("size=1M"), has `run` use its directory, and looks that nothing is left there.
/// Returns a role's exit status: 77 if there can be no such file system.
int on_own_mount(const std::string& options, void (*run)(const std::string& directory));

/// Prints what does not hold; the role fails.
void expect(bool holds, const std::string& what);

/// What a node is to be told to have its domains in the directory.
std::string config_for(const std::string& directory);

}  // namespace crash
