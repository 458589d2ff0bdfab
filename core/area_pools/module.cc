#include "core/area_pools/module.h"

namespace heaptag::area_pools {

namespace {

// Outside of the table's lock.
constinit os::Lock lock;
constinit uint64_t users = 0;

}  // namespace

Status use_module(StandardOperations operations) {
  const os::LockGuard guard(lock);
  const Status started = users == 0 ? operations(kModuleInit) : areas::kOk;
  users += started == areas::kOk;
  return started;
}

Status leave_module(StandardOperations operations) {
  const os::LockGuard guard(lock);
  if (users == 0) {
    return areas::kBadValue;
  }
  --users;
  if (users == 0) {
    operations(kModuleUninit);
  }
  return areas::kOk;
}

os::Lock& module_lock() {
  return lock;
}

}  // namespace heaptag::area_pools
