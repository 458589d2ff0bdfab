// What MALLOC of a running process has counted, by bucket and by type.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/wire/tables.h"

namespace heaptag::tools {

struct TypeFigures {
  std::string name;
  wire::AccountRecord figures;
};

struct ZoneFigures {
  std::vector<wire::BucketRecord> buckets;  // by size; empty: the zone was never used
  uint64_t large_bytes = 0;                 // in use beyond the largest bucket
  std::vector<TypeFigures> types;           // in the order in which they were made
};

/// Errors: throws LiveError.
ZoneFigures read_mtype_zone(pid_t pid);

}  // namespace heaptag::tools
