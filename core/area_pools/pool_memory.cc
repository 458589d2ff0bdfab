#include "core/area_pools/pool_memory.h"

#include "core/areas/areas.h"
#include "core/areas/liveness.h"
#include "core/areas/memory.h"
#include "core/areas/records.h"
#include "core/areas/registry.h"
#include "core/os/shared_memory.h"
#include "core/os/syscall.h"
#include "core/os/vm.h"

namespace heaptag::area_pools {

namespace {

constexpr uint32_t kBoth = os::kMayRead | os::kMayWrite;

// Within a session of the registry. -1 when the area is none of this process.
int descriptor_of(int32_t area, wire::AreaRecord** record) {
  *record = areas::find_live(area);
  if (*record == nullptr || !areas::is_own(**record)) {
    return -1;
  }
  return areas::own_descriptor(*record);
}

}  // namespace

bool look_inside(Pool* pool) {
  const areas::Session session;
  if (!session.is_open()) {
    return false;
  }
  wire::AreaRecord* record = nullptr;
  const int fd = descriptor_of(pool->area, &record);
  if (fd < 0) {
    return false;
  }
  const wire::ObjectRecord& object = areas::object_of(*record);
  const long mapped = os::map_shared(fd, record->reserved_bytes, kBoth, nullptr);
  if (os::is_error(mapped)) {
    return false;
  }
  pool->inside = reinterpret_cast<uint8_t*>(mapped);
  pool->mapped_bytes = record->reserved_bytes;
  pool->begin = reinterpret_cast<uint8_t*>(record->address);
  pool->shown_bytes = object.size_bytes;
  pool->inode = object.inode;
  for (size_t i = 0; i < sizeof(pool->name) - 1; ++i) {
    pool->name[i] = record->name[i];
  }
  os::leave_out_of_core(pool->inside, pool->mapped_bytes);  // the program's own mapping is there
  return true;
}

void stop_looking(Pool* pool) {
  os::unmap(pool->inside, pool->mapped_bytes);
}

void measure(Pool* pool) {
  areas::AreaInfo info;
  if (areas::get_info(pool->area, &info) == areas::kOk) {
    const size_t most = pool->mapped_bytes;
    pool->shown_bytes = info.size_bytes < most ? info.size_bytes : most;
    pool->heap.set_size(pool->shown_bytes);
  }
}

bool look_inside_again(Pool* pool) {
  const int32_t area = areas::area_at(pool->begin);
  pool->area = area > 0 ? area : 0;
  const areas::Session session;
  wire::AreaRecord* record = nullptr;
  const int fd = session.is_open() ? descriptor_of(pool->area, &record) : -1;
  if (fd < 0) {
    pool->area = 0;
    return false;
  }
  const uint64_t inode = areas::object_of(*record).inode;
  if (inode == pool->inode) {
    return false;
  }
  if (os::is_error(os::map_shared_over(fd, pool->mapped_bytes, kBoth, pool->inside))) {
    pool->area = 0;
    return false;
  }
  os::leave_out_of_core(pool->inside, pool->mapped_bytes);
  pool->inode = inode;
  return true;
}

}  // namespace heaptag::area_pools
