// The variables of the interfaces that come from kernels: panics, OSMalloc, MALLOC.
// Layer: core/config.  Allocates: no.
#pragma once

#include <string_view>

#include "core/config/options.h"

namespace heaptag::config {

/// Reads one variable into `options`. Returns: whether it is one of them; a value that is malformed
/// is told and left out.
bool read_kernel_option(std::string_view name,
                        std::string_view value,
                        const Complaints& complaints,
                        KernelOptions* options);

}  // namespace heaptag::config
