// libFuzzer's way into the allocator: bytes are calls. See tests/README.md.
#include "tests/fuzz/operation_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // For good: threads end by themselves with the process.
  static auto* operations = new heaptag::fuzz::Operations;
  operations->run({data, size});
  if (testing::Test::HasFailure()) {
    std::abort();
  }
  return 0;
}
