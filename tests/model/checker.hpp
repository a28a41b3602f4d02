#pragma once

/// A small exhaustive model checker. A model is a struct that describes a protocol as states and steps; `explore`
/// visits every state that any interleaving of the steps can reach, breadth first, so that the trace to a violation is
/// a shortest one.
///
///     struct Model {
///       using State = ...;                                     // bytes only, see below
///       State first() const;
///       void next(const State&, Steps<State>&) const;          // adds every step that can be taken from the state
///       const char* wrong(const State&) const;                 // the promise that the state breaks, or nullptr
///       bool done(const State&) const;                         // optional: what the model is to come to, see below
///     };
///
/// A step is one access to shared memory, with the private work before and after it. Kills and stops are *fates*:
/// steps that may happen at any time, but that nothing may rely on.
///
/// `wrong` is about safety. `done` is about progress: a state from which no sequence of steps without a fate leads to a
/// `done` state is a violation too. This finds deadlocks, lost wake-ups and waits that only a kill would end; it takes
/// for granted that a process that can always go on does so some time.
///
/// Steps are taken one at a time, each seeing the effect of all before it: sequential consistency. A model in which
/// weaker orders matter keeps its store buffers in the state (store_buffer.hpp).

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace baton::model {

/// What can happen next in a state. A model's `next` fills it.
template <class State>
class Steps {
 public:
  struct Step {
    State state;
    const char* who;
    const char* what;
    const char* wrong;
    bool fate;
  };

  /// `who` does `what`. If `wrong` is given, doing it breaks that promise.
  void to(const State& state, const char* who, const char* what, const char* wrong = nullptr) {
    list_.push_back({state, who, what, wrong, false});
  }

  /// A kill or a stop.
  void fate(const State& state, const char* who, const char* what) {
    list_.push_back({state, who, what, nullptr, true});
  }

  void clear() { list_.clear(); }
  const std::vector<Step>& list() const { return list_; }

 private:
  std::vector<Step> list_;
};

/// What an exploration came to.
struct Verdict {
  std::size_t states = 0;
  std::size_t steps = 0;
  std::string violation;           ///< empty if there is none
  std::vector<std::string> trace;  ///< the steps that lead to it

  bool holds() const { return violation.empty(); }
};

inline std::ostream& operator<<(std::ostream& out, const Verdict& verdict) {
  out << verdict.states << " states, " << verdict.steps << " steps\n";
  if (verdict.holds()) return out;
  std::size_t number = 0;
  for (const std::string& step : verdict.trace) out << "  " << ++number << ". " << step << '\n';
  return out << "  VIOLATION: " << verdict.violation << '\n';
}

/// The states that have been seen, each with a number. States are compared byte by byte.
template <class State>
class Seen {
  static_assert(std::is_trivially_copyable_v<State> && std::has_unique_object_representations_v<State>,
                "A state consists of bytes, without padding between them.");

 public:
  Seen() : table_(std::size_t{1} << 12, kNone) {}

  /// The state's number, and whether it is new.
  std::pair<std::uint32_t, bool> add(const State& state) {
    if (2 * states_.size() >= table_.size()) grow();
    std::uint32_t& place = table_[find(state)];
    const bool is_new = place == kNone;
    if (is_new) {
      place = static_cast<std::uint32_t>(states_.size());
      states_.push_back(state);
    }
    return {place, is_new};
  }

  const State& operator[](std::uint32_t number) const { return states_[number]; }
  std::size_t size() const { return states_.size(); }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// Where in the table the state is, or belongs.
  std::size_t find(const State& state) const {
    const std::string_view bytes(reinterpret_cast<const char*>(&state), sizeof(State));
    std::size_t place = std::hash<std::string_view>{}(bytes) & (table_.size() - 1);
    while (table_[place] != kNone && std::memcmp(&states_[table_[place]], &state, sizeof(State)) != 0) {
      place = (place + 1) & (table_.size() - 1);
    }
    return place;
  }

  void grow() {
    table_.assign(2 * table_.size(), kNone);
    for (std::uint32_t number = 0; number < states_.size(); ++number) table_[find(states_[number])] = number;
  }

  std::vector<State> states_;
  std::vector<std::uint32_t> table_;
};

template <class Model>
concept HasGoal = requires(const Model& model, const typename Model::State& state) {
  { model.done(state) } -> std::same_as<bool>;
};

template <class Model>
class Exploration {
 public:
  using State = typename Model::State;

  explicit Exploration(const Model& model) : model_(model) {}

  Verdict run() {
    seen_.add(model_.first());
    origins_.push_back({0, nullptr, nullptr});
    Steps<State> steps;
    for (std::uint32_t from = 0; from < seen_.size() && verdict_.holds(); ++from) {
      if (seen_.size() > kMostStates) {
        verdict_.violation = "more states than it is meant for: the exploration is not complete";
        break;
      }
      const State state = seen_[from];  // a copy, for the list of states moves when it grows
      if (const char* wrong = model_.wrong(state)) {
        blame(from, wrong);
        break;
      }
      steps.clear();
      model_.next(state, steps);
      for (const auto& step : steps.list()) follow(from, step);
    }
    if constexpr (HasGoal<Model>) {
      if (verdict_.holds()) find_dead_end();
    }
    verdict_.states = seen_.size();
    return verdict_;
  }

 private:
  static constexpr std::size_t kMostStates = 40'000'000;

  struct Origin {
    std::uint32_t from;
    const char* who;
    const char* what;
  };

  void follow(std::uint32_t from, const typename Steps<State>::Step& step) {
    ++verdict_.steps;
    if (step.wrong != nullptr && verdict_.holds()) {
      blame(from, step.wrong);
      verdict_.trace.push_back(std::string(step.who) + ": " + step.what);
    }
    const auto [to, is_new] = seen_.add(step.state);
    if (is_new) origins_.push_back({from, step.who, step.what});
    if (HasGoal<Model> && !step.fate && to != from) edges_.emplace_back(to, from);
  }

  void blame(std::uint32_t state, const char* wrong) {
    verdict_.violation = wrong;
    for (; state != 0; state = origins_[state].from) {
      verdict_.trace.push_back(std::string(origins_[state].who) + ": " + origins_[state].what);
    }
    verdict_.trace = {verdict_.trace.rbegin(), verdict_.trace.rend()};
  }

  /// Goes from the states that are done along all steps but fates backwards. What is not reached is a dead end.
  void find_dead_end() {
    const auto count = static_cast<std::uint32_t>(seen_.size());
    std::vector<std::size_t> begin(seen_.size() + 1, 0);
    for (const auto& edge : edges_) ++begin[edge.first + 1];
    for (std::uint32_t state = 0; state < count; ++state) begin[state + 1] += begin[state];
    std::vector<std::uint32_t> before(edges_.size());
    std::vector<std::size_t> fill(begin.begin(), begin.end() - 1);
    for (const auto& edge : edges_) before[fill[edge.first]++] = edge.second;

    std::vector<bool> hopeful(seen_.size(), false);
    std::vector<std::uint32_t> todo;
    const auto mark = [&](std::uint32_t state) {
      if (!hopeful[state]) todo.push_back(state);
      hopeful[state] = true;
    };
    for (std::uint32_t state = 0; state < count; ++state) {
      if (model_.done(seen_[state])) mark(state);
    }
    while (!todo.empty()) {
      const std::uint32_t state = todo.back();
      todo.pop_back();
      for (std::size_t i = begin[state]; i < begin[state + 1]; ++i) mark(before[i]);
    }
    for (std::uint32_t state = 0; state < count; ++state) {  // states are numbered by their distance
      if (!hopeful[state]) return blame(state, "from here on it can't come to its end any more");
    }
  }

  const Model& model_;
  Seen<State> seen_;
  std::vector<Origin> origins_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges_;  ///< to, from
  Verdict verdict_;
};

template <class Model>
Verdict explore(const Model& model) {
  return Exploration<Model>(model).run();
}

}  // namespace baton::model
