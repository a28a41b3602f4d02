#pragma once

// What this program does when it is started with `--role <name> <arguments>`: the processes that the tests kill, stop
// and outlive. Each role returns an exit status; what it prints is heard by the test.

#include <string>
#include <vector>

namespace crash {

using Arguments = std::vector<std::string>;

int victim_role(const Arguments& arguments);       // roles.cpp
int corpse_role(const Arguments& arguments);       // roles.cpp
int brief_role(const Arguments& arguments);        // roles.cpp
int latcher_role(const Arguments& arguments);      // roles.cpp
int late_role(const Arguments& arguments);         // roles.cpp
int churner_role(const Arguments& arguments);      // roles.cpp
int hoarder_role(const Arguments& arguments);      // roles.cpp
int writer_role(const Arguments& arguments);       // load_roles.cpp
int reader_role(const Arguments& arguments);       // load_roles.cpp
int full_memory_role(const Arguments& arguments);  // full_memory.cpp
int huge_memory_role(const Arguments& arguments);  // huge_memory.cpp
int cgroup_role(const Arguments& arguments);       // cgroup_test.cpp

int random_publisher_role(const Arguments& arguments);   // random_roles.cpp
int random_subscriber_role(const Arguments& arguments);  // random_roles.cpp

/// 64 if there is no such role.
int run_role(const std::string& name, const Arguments& arguments);

}  // namespace crash
