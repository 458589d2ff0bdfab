#include "core/areas/faults.h"

#ifdef HEAPTAG_AREAS_FAULTS

#  include <cstring>

#  include "core/os/process.h"

extern "C" char** environ;

namespace heaptag::areas {

namespace {

constexpr const char* kNames[] = {
#  define HEAPTAG_FAULT(name) #  name,
#  include "core/areas/faults.def"
#  undef HEAPTAG_FAULT
};

constexpr char kVariable[] = "AREAS_KILL_AT=";

}  // namespace

void fault_point(Fault fault) {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const size_t length = sizeof(kVariable) - 1;
    if (std::strncmp(*entry, kVariable, length) == 0 &&
        std::strcmp(*entry + length, kNames[static_cast<unsigned>(fault)]) == 0) {
      os::kill_process();
    }
  }
}

}  // namespace heaptag::areas

#endif
