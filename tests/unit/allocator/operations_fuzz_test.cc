// Random sequences of calls as the fuzzer reads them, in every build. HEAPTAG_TEST_ROUNDS=100 for a
// long run.
#include <gtest/gtest.h>

#include <random>

#include "tests/fuzz/mutator.h"
#include "tests/fuzz/operation_properties.h"

namespace heaptag::fuzz {
namespace {

constexpr unsigned kInputs = 25;

// Some inputs are of few kinds of calls: then things pile up.
std::vector<uint8_t> random_input(std::mt19937_64* random) {
  std::vector<uint8_t> input(1 + (*random)() % 3000);
  const uint64_t kinds = 1 + (*random)() % 255;
  for (uint8_t& byte : input) {
    byte = static_cast<uint8_t>((*random)() % 4 == 0 ? (*random)() % kinds : (*random)());
  }
  return input;
}

TEST(OperationFuzz, RandomBytes) {
  Operations operations;
  std::mt19937_64 random(1);
  for (unsigned i = 0; i < kInputs * test_rounds() && !HasFailure(); ++i) {
    const std::vector<uint8_t> input = random_input(&random);
    operations.run({input.data(), input.size()});
  }
  operations.drop_all();
  operations.run({nullptr, 0});
}

}  // namespace
}  // namespace heaptag::fuzz
