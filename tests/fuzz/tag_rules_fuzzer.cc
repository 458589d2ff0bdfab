// libFuzzer's way into the readers of tag rules and of lists of wrappers: see tests/README.md.
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/rule_properties.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  heaptag::fuzz::expect_whole(heaptag::fuzz::broken_property_of_rules(text));
  return heaptag::fuzz::expect_whole(heaptag::fuzz::broken_property_of_wrappers(text));
}

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  static const heaptag::fuzz::Grammar grammar = heaptag::fuzz::rule_grammar();
  return heaptag::fuzz::mutate(grammar, data, size, max_size, seed);
}
