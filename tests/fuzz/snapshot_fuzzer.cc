// libFuzzer's way into the reader of snapshots: see tests/README.md.
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/report_properties.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  heaptag::fuzz::expect_whole(
      heaptag::fuzz::broken_property_of_saved_report(heaptag::fuzz::with_right_sum(bytes)));
  return heaptag::fuzz::expect_whole(heaptag::fuzz::broken_property_of_saved_report(bytes));
}

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  static const heaptag::fuzz::Grammar grammar = heaptag::fuzz::snapshot_grammar();
  return heaptag::fuzz::mutate(grammar, data, size, max_size, seed);
}
