// Hidden names of entry points: what was exported may be bound to somebody else's function. Defined
// beside the entry points.
#pragma once

#include <stddef.h>

extern "C" {
__attribute__((visibility("hidden"))) void* heaptag_own_malloc(size_t size);
__attribute__((visibility("hidden"))) void heaptag_own_free(void* block);
__attribute__((visibility("hidden"))) void* heaptag_own_calloc(size_t count, size_t size);
__attribute__((visibility("hidden"))) void* heaptag_own_realloc(void* block, size_t size);
}
