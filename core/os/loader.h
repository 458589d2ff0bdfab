// What the dynamic loader has mapped where. Lock-free: safe inside malloc, in the loader's own
// calls, in signal handlers. Layer: core/os.  Allocates: no.  Locks: none.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

struct LoadedObject {
  uintptr_t base;          // load bias
  uintptr_t begin;         // first mapped address
  uintptr_t end;           // behind the last
  uintptr_t eh_frame_hdr;  // .eh_frame_hdr, the search table of its unwind rows; 0 without one
  const char* path;        // empty for the main program; lent until the object is unloaded
};

/// The object that maps `address`. False when none does, or when the C library cannot tell without
/// a lock.
bool find_object(uintptr_t address, LoadedObject* object);

/// Is an object that was found there before still mapped? Its path then, as LoadedObject has it;
/// null when it is not. No byte of it is read: another thread may be unloading it.
const char* path_if_mapped(uintptr_t begin, uintptr_t end, uintptr_t base);

/// What the loader itself binds by.
struct DynamicSymbols {
  const void* table;  // of Elf64_Sym
  size_t count;
  const char* strings;
  size_t strings_bytes;
};

/// Those of the object at `address`: mapped as long as it is. False when it has none.
bool find_dynamic_symbols(uintptr_t address, DynamicSymbols* symbols);

/// May a library be found or not found because the object at `address` asks for it (RPATH,
/// RUNPATH, of its own or of those that loaded it)? A no is certain.
bool may_have_search_path(uintptr_t address);

/// Addresses inside of loaded objects, a few at a time: those of the whole list when it is asked
/// for until there are no more. What is loaded or unloaded meanwhile may be missed.
struct LoadedObjects {
  static constexpr size_t kMax = 32;
  uintptr_t addresses[kMax];
  size_t count = 0;
  size_t passed = 0;  // objects that were given before
};

/// Takes the loader's lock for a moment: not while a lock of ours is held.
bool next_loaded_objects(LoadedObjects* objects);

/// The readable part of the object's file that is mapped around `address`. False when its program
/// headers name none, or do not lie in its first page.
bool find_segment(const LoadedObject& object, uintptr_t address, uintptr_t* begin, uintptr_t* end);

/// Copies the GNU build-id of a loaded object out of its mapped notes. Returns its length, 0
/// without one.
size_t read_build_id(const LoadedObject& object, uint8_t* build_id, size_t capacity);

}  // namespace heaptag::os
