// Why a process cannot be looked at: what() is one line for the user.
#pragma once

#include <stdexcept>

namespace heaptag::tools {

class LiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Of a process with another malloc before ours: it runs, and has nothing to read.
class StandsAside : public LiveError {
 public:
  using LiveError::LiveError;
};

}  // namespace heaptag::tools
