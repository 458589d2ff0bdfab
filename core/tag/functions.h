// Which functions of a module matter: those that rules name, and the allocation wrappers. Where
// rules name functions, all symbols of a module are read when it is loaded; else the first few
// addresses are looked up one by one, and all symbols are read when more come. What is kept are
// address ranges. Layer: core/tag.  Locks: the owner table's, held by the caller.
#pragma once

#include "core/base/types.h"

namespace heaptag::tag {

/// What a range of addresses is: the number of a rule, or one of these.
inline constexpr uint32_t kMarkWrapper = 0xffff;
inline constexpr uint32_t kMarkNamed = 0xfffe;  // in modules whose nameless functions are wrappers
inline constexpr uint32_t kMarkDispatcher = 0xfffd;  // the same; calls whatever it is given

/// False when the kernel refuses memory.
bool init_functions(size_t modules);

/// A module is loaded, and files may be opened: reads its symbols and keeps what matters, the first
/// time, if rules name functions of it; else keeps the file mapped if it has more symbols than the
/// loader maps. Needs about 50 KiB of stack, for which it uses one of its own.
void read_functions_locked(ModuleId module);

/// Makes the answers below good for `address`, which lies in the module. In the middle of malloc,
/// under a sandbox perhaps: opens no file, unless rules name functions and there is no sandbox.
void know_function_locked(ModuleId module, uintptr_t address);

/// Gives back reserved address space, and the files that are kept mapped / takes the first back.
void trim_functions_locked();
void restore_functions_locked();

/// Does the function at `address` carry the mark?
bool function_has_mark(ModuleId module, uintptr_t address, uint32_t mark);

/// Does the function at `address` allocate on behalf of its caller?
enum class WrapperKind : uint8_t {
  kNone,
  kNamed,     // by its symbol, or by the user
  kNameless,  // it has no symbol, and the module is opaque
};
WrapperKind wrapper_kind(ModuleId module, uintptr_t address);

/// Does the function at `address` call others for no reason of its own: is it the loader, the C
/// library, the dispatcher of an interpreter?
bool is_dispatcher(ModuleId module, uintptr_t address);

/// Rules have come: what was read before them is read again.
void forget_functions_locked();

}  // namespace heaptag::tag
