#include "core/tag/modules.h"

#include <cstring>

#include "core/meta/meta_allocator.h"
#include "core/os/clock.h"
#include "core/os/file.h"
#include "core/os/loader.h"
#include "core/os/process.h"

namespace heaptag::tag {

namespace {

constexpr size_t kMaxModules = 16384;
constexpr size_t kMoreUnderLimit = 64;
constexpr size_t kOwnersPerModule = 4;
constexpr size_t kMaxPathBytes = 4096;

constinit meta::GrowingTable<wire::ModuleRecord> table{};
constinit meta::GrowingTable<bool> returned{};  // beside `table`
constinit uint32_t count = 1;
constinit char program_path[kMaxPathBytes]{};  // under the lock; stacks may be small

const char* copy_path(const char* path) {
  if (path[0] == '\0') {  // the main program has no name in the loader's list
    path = os::read_link("/proc/self/exe", program_path, kMaxPathBytes) > 0 ? program_path
                                                                            : os::program_path();
  }
  return meta::keep_text(path);
}

bool same_path(const wire::ModuleRecord& record, const char* path) {
  return path[0] == '\0' || std::strcmp(reinterpret_cast<const char*>(record.path), path) == 0;
}

}  // namespace

bool init_modules(size_t owners) {
  const size_t modules = owners / kOwnersPerModule;
  const size_t capacity = modules < kMaxModules ? modules : kMaxModules;
  return table.init(capacity) && table.grow_to(1) && returned.init(capacity) && returned.grow_to(1);
}

bool is_unloaded_locked(ModuleId module) {
  wire::ModuleRecord& record = table[index_of(module)];
  if (record.unloaded_at != 0) {
    return false;  // said before
  }
  const char* path = os::path_if_mapped(record.begin, record.end, record.base);
  if (path != nullptr && same_path(record, path)) {
    return false;
  }
  record.unloaded_at = os::realtime_ns();
  return true;
}

ModuleId intern_module_locked(uintptr_t address) {
  os::LoadedObject object{};
  if (!os::find_object(address, &object)) {
    return ModuleId::kNone;
  }
  uint8_t build_id[sizeof(wire::ModuleRecord::build_id)] = {};
  const size_t build_id_bytes = os::read_build_id(object, build_id, sizeof(build_id));
  for (uint32_t i = count; i-- > 1;) {
    wire::ModuleRecord& record = table[i];
    if (record.begin == object.begin && record.end == object.end && record.base == object.base &&
        record.build_id_bytes == build_id_bytes &&
        std::memcmp(record.build_id, build_id, build_id_bytes) == 0 &&
        same_path(record, object.path)) {
      if (record.unloaded_at != 0) {  // it has come back to where it was
        record.unloaded_at = 0;
        returned[i] = true;
      }
      return ModuleId{i};
    }
  }
  if (!table.grow_to(size_t{count} + 1) || !returned.grow_to(size_t{count} + 1)) {
    return ModuleId::kNone;
  }
  wire::ModuleRecord& record = table[count];
  record.base = object.base;
  record.begin = object.begin;
  record.end = object.end;
  record.path = reinterpret_cast<uintptr_t>(copy_path(object.path));
  record.loaded_at = os::realtime_ns();
  record.build_id_bytes = static_cast<uint32_t>(build_id_bytes);
  std::memcpy(record.build_id, build_id, sizeof(build_id));
  __atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
  return ModuleId{count - 1};
}

bool came_back(ModuleId module) {
  return returned[index_of(module)];
}

size_t module_capacity() {
  return table.capacity();
}

void trim_modules_locked() {
  table.trim_to(count + kMoreUnderLimit);
  returned.trim_to(count + kMoreUnderLimit);
}

void restore_modules_locked() {
  table.restore();
  returned.restore();
}

uint32_t module_count() {
  return __atomic_load_n(&count, __ATOMIC_ACQUIRE);
}

const uint32_t* module_count_address() {
  return &count;
}

const wire::ModuleRecord* modules() {
  return table.data();
}

}  // namespace heaptag::tag
