// A helper program that is run for what it prints.
#pragma once

#include <string>
#include <vector>

namespace heaptag::tools {

struct Captured {
  int status = -1;  // exit status; -1: not started, killed, or given up after some seconds
  int killed_by_signal = 0;
  std::string output;  // both of its outputs, as far as it was short
};

/// Runs argv[0] (a path) with this environment ("NAME=VALUE") and an empty standard input.
Captured capture(const std::vector<std::string>& argv, const std::vector<std::string>& environment);

/// The environment of this process without LD_PRELOAD and HEAPTAG_*.
std::vector<std::string> plain_environment();

}  // namespace heaptag::tools
