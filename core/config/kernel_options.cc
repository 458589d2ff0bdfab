#include "core/config/kernel_options.h"

#include "core/base/text.h"
#include "core/config/size_text.h"

namespace heaptag::config {

namespace {

constexpr uint64_t kLargestStatus = 255;
constexpr uint64_t kLargestPoolBytes = uint64_t{1} << 30;
constexpr uint64_t kLongestWaitMs = 3'600'000;

struct Variable {
  std::string_view name;
  std::string_view value;
  const Complaints& complaints;

  void complain(std::string_view advice) const {
    complaints.tell(complaints.context, name, value, advice);
  }
};

void read_panic(const Variable& variable, KernelOptions* options) {
  constexpr std::string_view kExit = "exit:";
  uint64_t status = 0;
  if (variable.value == "abort") {
    options->panic = Panic::kAbort;
  } else if (variable.value == "warn") {
    options->panic = Panic::kWarn;
  } else if (variable.value.starts_with(kExit) &&
             read_number(drop_first(variable.value, kExit.size()), &status) == SizeProblem::kFine &&
             status <= kLargestStatus) {
    options->panic = Panic::kExit;
    options->panic_status = static_cast<int>(status);
  } else {
    variable.complain("is none of abort, exit:N (0 to 255), warn");
  }
}

void read_dialect(const Variable& variable, KernelOptions* options) {
  if (variable.value == "strict") {
    options->osm_dialect = OsmDialect::kStrict;
  } else if (variable.value == "xnu") {
    options->osm_dialect = OsmDialect::kXnu;
  } else if (variable.value == "xnu7195") {
    options->osm_dialect = OsmDialect::kXnu7195;
  } else {
    variable.complain("is none of strict, xnu, xnu7195");
  }
}

void read_flag(const Variable& variable, bool* flag) {
  if (variable.value == "0" || variable.value == "1") {
    *flag = variable.value == "1";
  } else {
    variable.complain("is neither 0 nor 1");
  }
}

void read_pool(const Variable& variable, size_t* bytes) {
  uint64_t wanted = 0;
  if (read_size(variable.value, &wanted) != SizeProblem::kFine || wanted > kLargestPoolBytes) {
    variable.complain("is no size up to 1G: use 0, 256K, 4M");
  } else {
    *bytes = wanted;
  }
}

void read_wait(const Variable& variable, uint32_t* wait_ms) {
  uint64_t wanted = 0;
  if (read_number(variable.value, &wanted) != SizeProblem::kFine || wanted > kLongestWaitMs) {
    variable.complain("is no number of milliseconds up to 3600000");
  } else {
    *wait_ms = static_cast<uint32_t>(wanted);
  }
}

}  // namespace

bool read_kernel_option(std::string_view name,
                        std::string_view value,
                        const Complaints& complaints,
                        KernelOptions* options) {
  const Variable variable{name, value, complaints};
  if (name == "HEAPTAG_PANIC") {
    read_panic(variable, options);
  } else if (name == "HEAPTAG_OSM_DIALECT") {
    read_dialect(variable, options);
  } else if (name == "HEAPTAG_OSM_WIRE") {
    read_flag(variable, &options->osm_wire);
  } else if (name == "HEAPTAG_OSM_POOL_BYTES") {
    read_pool(variable, &options->osm_pool_bytes);
  } else if (name == "HEAPTAG_OSF_POOL_BYTES") {
    read_pool(variable, &options->osf_pool_bytes);
  } else if (name == "HEAPTAG_OSF_INTR_SIGNALS") {
    read_flag(variable, &options->osf_intr_signals);
  } else if (name == "HEAPTAG_OSF_WAIT_MS") {
    read_wait(variable, &options->osf_wait_ms);
  } else {
    return false;
  }
  return true;
}

}  // namespace heaptag::config
