#pragma once

// What is printed: a table for people, JSON for programs.

#include <string>
#include <vector>

#include "stats.hpp"

namespace bench {

/// A block for each cell, a line for each flavor, and the ratios to the ring's.
std::string table(const std::vector<Row>& rows);

/// The same, with every run.
std::string json(const std::vector<Row>& rows);

/// The machine and the compiler, in one line.
std::string machine();

}  // namespace bench
