// libheaptag-areas.so: the functions of heaptag/area.h. It needs the C library and nothing else;
// libheaptag.so may be there or not.
#include "core/areas/areas.h"

#include <unistd.h>

#include <cstring>

#include "core/area_pools/pool_fork.h"
#include "core/area_pools/pool_panic.h"
#include "core/areas/fork.h"
#include "core/areas/registry.h"
#include "core/base/format.h"
#include "core/config/area_options.h"
#include "core/os/file.h"
#include "core/os/process.h"
#include "core/os/shared_lock.h"
#include "core/os/thread_hooks.h"
#include "core/os/unseen_fork.h"
#include "preload/include/heaptag/area.h"

#define ENTRY __attribute__((visibility("default"), used))

// Of libheaptag.so.
extern "C" [[gnu::weak]] const char heaptag_descriptor[];

namespace heaptag::areas {

namespace {

static_assert(kOk == B_OK && kError == B_ERROR && kNoMemory == B_NO_MEMORY &&
              kBadValue == B_BAD_VALUE && kNameNotFound == B_NAME_NOT_FOUND &&
              kNotAllowed == B_NOT_ALLOWED && kBadTeam == B_BAD_TEAM_ID &&
              kBadAddress == B_BAD_ADDRESS && kEntryNotFound == B_ENTRY_NOT_FOUND);
static_assert(kAnyAddress == B_ANY_ADDRESS && kExactAddress == B_EXACT_ADDRESS &&
              kBaseAddress == B_BASE_ADDRESS && kCloneAddress == B_CLONE_ADDRESS &&
              kAnyKernelAddress == B_ANY_KERNEL_ADDRESS &&
              kRandomizedAnyAddress == B_RANDOMIZED_ANY_ADDRESS &&
              kRandomizedBaseAddress == B_RANDOMIZED_BASE_ADDRESS);
static_assert(kNoLock == B_NO_LOCK && kLazyLock == B_LAZY_LOCK && kFullLock == B_FULL_LOCK &&
              kContiguous == B_CONTIGUOUS && kLomem == B_LOMEM &&
              k32BitFullLock == B_32_BIT_FULL_LOCK && k32BitContiguous == B_32_BIT_CONTIGUOUS);
static_assert(kReadArea == B_READ_AREA && kWriteArea == B_WRITE_AREA &&
              kExecuteArea == B_EXECUTE_AREA && kStackArea == B_STACK_AREA &&
              kCloneableArea == B_CLONEABLE_AREA);
static_assert(wire::kAreaNameBytes == B_OS_NAME_LENGTH && wire::kSystemTeam == B_SYSTEM_TEAM);

// Where libheaptag.so is loaded, it has read the same variables and says it.
void complain(void* /*context*/,
              std::string_view name,
              std::string_view value,
              std::string_view advice) {
  if (heaptag_descriptor != nullptr) {
    return;
  }
  char line[512];
  BufferSink text(line, sizeof(line));
  text.sink().put("heaptag: ");
  text.sink().put(name);
  text.sink().put_char('=');
  put_printable(text.sink(), value);
  text.sink().put_char(' ');
  text.sink().put(advice);
  text.sink().put("; it is ignored\n");
  os::write_all(STDERR_FILENO, text.view().data(), text.view().size());
}

// What is wrong with variables that are not of areas.
void say_nothing(void* /*context*/, std::string_view, std::string_view, std::string_view) {}

__attribute__((constructor)) void start(int /*argc*/, char** /*argv*/, char** environment) {
  if (!os::is_privileged()) {
    configure(config::read_area_options(environment, {complain, nullptr}));
    area_pools::end_at_mistakes(
        config::read_options(environment, {say_nothing, nullptr}).check.any());
  }
  os::watch_forks(prepare_fork, after_fork_in_parent, after_fork_in_child);
  os::watch_unseen_forks(os::SharedLock::in_forked_child);
  os::watch_forks(area_pools::prepare_fork, area_pools::after_fork_in_parent,
                  area_pools::after_fork_in_child);
}

__attribute__((destructor)) void finish() {
  leave();
}

void copy_info(const AreaInfo& from, area_info* to) {
  *to = {};
  to->area = from.id;
  std::memcpy(to->name, from.name, sizeof(to->name));
  to->size = from.size_bytes;
  to->lock = from.lock;
  to->protection = from.protection;
  to->team = from.team;
  to->ram_size = from.resident_bytes;
  to->in_count = from.in_count;
  to->out_count = from.out_count;
  to->address = reinterpret_cast<void*>(from.address);
}

}  // namespace

}  // namespace heaptag::areas

using namespace heaptag;

extern "C" {

ENTRY area_id area_for(void* addr) {
  return areas::area_at(addr);
}

ENTRY area_id clone_area(const char* clone_name,
                         void** clone_addr,
                         uint32 clone_addr_spec,
                         uint32 clone_protection,
                         area_id source_area) {
  return areas::clone(clone_name, clone_addr, clone_addr_spec, clone_protection, source_area);
}

ENTRY area_id create_area(
    const char* name, void** addr, uint32 addr_spec, size_t size, uint32 lock, uint32 protection) {
  return areas::create(name, addr, addr_spec, size, lock, protection);
}

ENTRY status_t delete_area(area_id area) {
  return areas::remove(area);
}

ENTRY area_id find_area(const char* name) {
  return areas::find(name);
}

ENTRY status_t get_area_info(area_id area, area_info* info) {
  areas::AreaInfo known{};
  const status_t status = areas::get_info(area, info == nullptr ? nullptr : &known);
  if (status == B_OK) {
    areas::copy_info(known, info);
  }
  return status;
}

ENTRY status_t get_next_area_info(team_id team, int32* cookie, area_info* info) {
  areas::AreaInfo known{};
  const status_t status = areas::get_next_info(team, cookie, info == nullptr ? nullptr : &known);
  if (status == B_OK) {
    areas::copy_info(known, info);
  }
  return status;
}

ENTRY status_t resize_area(area_id area, size_t new_size) {
  return areas::resize(area, new_size);
}

ENTRY status_t set_area_protection(area_id area, uint32 new_protection) {
  return areas::set_protection(area, new_protection);
}

ENTRY int32 heaptag_areas_sweep(void) {
  return areas::sweep_all();
}

}  // extern "C"
