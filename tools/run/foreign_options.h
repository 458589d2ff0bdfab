// Names of Valgrind's, AddressSanitizer's and heaptrack's options, answered with ours.
#pragma once

#include <optional>
#include <string>

namespace heaptag::tools {

struct ForeignOption {
  std::string owner;  // "Valgrind"
  std::string ours;   // without dashes; "" when heaptag has nothing like it
};

/// `name` is an option without its dashes and without a value. "no-NAME" is found as NAME, and
/// the names of sanitizer flags with '-' for '_' too.
std::optional<ForeignOption> find_foreign_option(const std::string& name);

}  // namespace heaptag::tools
