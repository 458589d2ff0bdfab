// Why a process cannot be looked at: what() is one line for the user.
#pragma once

#include <stdexcept>

namespace heaptag::tools {

class LiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace heaptag::tools
