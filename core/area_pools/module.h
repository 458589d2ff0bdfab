// Who uses the module: the first user starts it, the last one stops it. Layer: core/area_pools.
#pragma once

#include "core/areas/codes.h"
#include "core/os/lock.h"

namespace heaptag::area_pools {

using areas::Status;

/// What a module does when it is started or stopped.
using StandardOperations = Status (*)(int32_t operation, ...);

inline constexpr int32_t kModuleInit = 1;
inline constexpr int32_t kModuleUninit = 2;

/// kOk, or what the operation says: then it is not used.
Status use_module(StandardOperations operations);

/// kBadValue when nobody uses it.
Status leave_module(StandardOperations operations);

/// For fork handlers.
os::Lock& module_lock();

}  // namespace heaptag::area_pools
