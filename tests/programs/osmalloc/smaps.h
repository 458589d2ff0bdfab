/* What the kernel says of a mapping. */
#pragma once

#include <stdint.h>

#include "../old_systems/cases.h"

// Whether the mapping at `address` is locked: "lo" among its flags in smaps.
static int is_locked(const void* address) {
  FILE* file = fopen("/proc/self/smaps", "r");
  CHECK(file != NULL);
  char line[1024];
  int is_here = 0, locked = -1;
  while (fgets(line, sizeof line, file) != NULL) {
    unsigned long begin, end;
    char rest;
    if (sscanf(line, "%lx-%lx %c", &begin, &end, &rest) == 3) {
      is_here = (uintptr_t)address >= begin && (uintptr_t)address < end;
    } else if (is_here && strncmp(line, "VmFlags:", 8) == 0) {
      locked = strstr(line, " lo") != NULL;
    }
  }
  fclose(file);
  CHECK(locked != -1);
  return locked;
}
