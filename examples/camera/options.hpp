// The options of the three programs: words and numbers, "--frames 100".
#pragma once

#include <csignal>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>

class Options {
 public:
  /// Ends the program if an option is not one of `defaults`, which also says what each has when it is not given.
  Options(int argc, char** argv, std::map<std::string, std::string> defaults) : values_(std::move(defaults)) {
    for (int i = 1; i < argc; i += 2) {
      const std::string name = argv[i];
      if (i + 1 == argc || !values_.contains(name)) {
        std::cerr << argv[0] << ": " << name << (values_.contains(name) ? " needs a value\n" : " is not an option\n");
        for (const auto& [option, value] : values_) std::cerr << "  " << option << " (" << value << ")\n";
        std::exit(2);
      }
      values_[name] = argv[i + 1];
    }
  }

  const std::string& text(const std::string& name) const { return values_.at(name); }
  std::uint64_t number(const std::string& name) const {
    try {
      return std::stoull(values_.at(name));
    } catch (const std::exception&) {
      std::cerr << name << " is '" << values_.at(name) << "', and a number is expected\n";
      std::exit(2);
    }
  }

 private:
  std::map<std::string, std::string> values_;
};

/// True once the user has pressed Ctrl-C.
inline volatile std::sig_atomic_t interrupted = 0;
inline void end_on_interrupt() {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
}
