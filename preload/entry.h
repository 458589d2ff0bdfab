// What all entry files share.
#pragma once

#include "core/base/types.h"

// Visible to the loader, kept whole, never cloned or inlined: its return address is the call site.
#define HEAPTAG_EXPORT __attribute__((visibility("default"), used, noinline, noclone))

#define HEAPTAG_CALLER() reinterpret_cast<uintptr_t>(__builtin_return_address(0))
