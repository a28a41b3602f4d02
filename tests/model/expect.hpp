#pragma once

/// What the tests of the models expect, and how large the models are.

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "../sanitized.hpp"
#include "checker.hpp"

namespace baton::model {

enum class Size { small, usual, large };

/// Small under a sanitizer, which looks at the checker there, not at the protocol; large on demand, for minutes.
inline Size size() {
  if (std::getenv("BATON_MODEL_LARGE") != nullptr) return Size::large;
  return kSanitized ? Size::small : Size::usual;
}

/// Every reachable state keeps every promise.
template <class Model>
void expect_holds(const Model& model) {
  const Verdict verdict = explore(model);
  EXPECT_TRUE(verdict.holds()) << verdict;
  std::cout << verdict.states << " states, " << verdict.steps << " steps\n";
}

/// The seeded bug breaks this promise, and the trace ends with this step.
template <class Model>
void expect_finds(const Model& model, const std::string& violation, const std::string& last_step = "") {
  const Verdict verdict = explore(model);
  std::cout << verdict;
  EXPECT_EQ(verdict.violation, violation);
  ASSERT_FALSE(verdict.trace.empty());
  EXPECT_NE(verdict.trace.back().find(last_step), std::string::npos) << verdict.trace.back();
}

}  // namespace baton::model
