// What the entry points for libFuzzer share. Include it in one file of a program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/fuzz/mutator.h"

extern "C" {
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed);
}

namespace heaptag::fuzz {

/// Ends the program, and says why, when a property does not hold.
inline int expect_whole(const std::string& broken) {
  if (!broken.empty()) {
    std::fprintf(stderr, "broken: %s\n", broken.c_str());
    std::abort();
  }
  return 0;
}

/// A change by libFuzzer or by the grammar, one time in two each. An input that is still empty
/// becomes one of the grammar's, so that no folder of seeds is needed.
inline size_t mutate(
    const Grammar& grammar, uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  std::string input(reinterpret_cast<const char*>(data), size);
  if (size < 2 || seed % 128 == 0) {
    input = grammar.inputs[seed / 128 % grammar.inputs.size()];
  } else if (seed % 2 == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  } else {
    Mutator(grammar, seed).change(&input);
  }
  input.resize(input.size() < max_size ? input.size() : max_size);
  std::memcpy(data, input.data(), input.size());
  return input.size();
}

}  // namespace heaptag::fuzz
