#pragma once

namespace sysmon {

/// A limit with hysteresis: it is raised at its upper value and cleared only below its lower one, so that a value that
/// trembles around the limit is told once.
class Threshold {
 public:
  enum class Change { none, raised, cleared };

  Threshold(double raise_at, double clear_below) noexcept : raise_at_(raise_at), clear_below_(clear_below) {}

  /// What the new value changes. Not-a-number changes nothing.
  Change update(double value) noexcept {
    if (!raised_ && value >= raise_at_) {
      raised_ = true;
      return Change::raised;
    }
    if (raised_ && value < clear_below_) {
      raised_ = false;
      return Change::cleared;
    }
    return Change::none;
  }

  bool raised() const noexcept { return raised_; }
  double raise_at() const noexcept { return raise_at_; }
  double clear_below() const noexcept { return clear_below_; }

 private:
  double raise_at_;
  double clear_below_;
  bool raised_ = false;
};

}  // namespace sysmon
