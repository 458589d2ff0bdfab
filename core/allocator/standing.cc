#include "core/allocator/standing.h"

// Asked once. The edge knows how symbols were bound; a program that links this folder without it,
// as the unit tests do, is served.
extern "C" __attribute__((weak, visibility("hidden"))) bool heaptag_program_has_own_allocator();

namespace heaptag::allocator {

constinit Standing standing = Standing::kUndecided;

bool decide_to_stand_aside() {
  Standing decided = __atomic_load_n(&standing, __ATOMIC_RELAXED);
  if (decided == Standing::kUndecided) {
    // Threads that decide at once find the same.
    const bool aside =
        heaptag_program_has_own_allocator != nullptr && heaptag_program_has_own_allocator();
    decided = aside ? Standing::kAside : Standing::kServing;
    __atomic_store_n(&standing, decided, __ATOMIC_RELAXED);
  }
  return decided == Standing::kAside;
}

}  // namespace heaptag::allocator
