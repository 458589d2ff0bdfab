// What the interfaces of old kernels need from the options, and from the log. Layer: core/report.
#pragma once

#include "core/config/options.h"

namespace heaptag::report {

/// Before main. `aside`: the allocator is not ours; these interfaces have memory of their own all
/// the same.
void start_kernel_interfaces(const config::Options& options, bool aside);

/// Who says what zones and panics have to tell, where there are no options at all.
void listen_to_zones();

}  // namespace heaptag::report
