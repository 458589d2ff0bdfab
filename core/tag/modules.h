// The modules that call sites lie in: an append-only table, so that a report can name what was
// unloaded long ago. Layer: core/tag.  Locks: the owner table's lock, held by the caller of
// intern_module_locked.
#pragma once

#include "core/base/types.h"
#include "core/wire/tables.h"

namespace heaptag::tag {

/// `owners`: the largest number of owners; fewer owners need fewer modules.
bool init_modules(size_t owners);

/// The module that maps `address` now. kNone when there is none, or no memory for its record.
ModuleId intern_module_locked(uintptr_t address);

/// Is what the record describes no longer mapped where it was? Marks it then.
bool is_unloaded_locked(ModuleId module);

/// Was it once unloaded, and is there again?
bool came_back(ModuleId module);

size_t module_capacity();

/// Gives reserved address space back / takes it back.
void trim_modules_locked();
void restore_modules_locked();

uint32_t module_count();  // entry 0 is unused
const uint32_t* module_count_address();
const wire::ModuleRecord* modules();

}  // namespace heaptag::tag
