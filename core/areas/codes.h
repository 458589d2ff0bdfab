// Constants of heaptag/area.h as core/areas uses them; preload/areas_entry.cc compares the two.
// Layer: core/areas.
#pragma once

#include "core/base/types.h"

namespace heaptag::areas {

/// An id, or one of these.
using Status = int32_t;

inline constexpr Status kOk = 0;
inline constexpr Status kError = -1;
inline constexpr Status kNoMemory = INT32_MIN;
inline constexpr Status kBadValue = INT32_MIN + 5;
inline constexpr Status kNameNotFound = INT32_MIN + 7;
inline constexpr Status kNotAllowed = INT32_MIN + 15;
inline constexpr Status kBadTeam = INT32_MIN + 0x1103;
inline constexpr Status kBadAddress = INT32_MIN + 0x1301;
inline constexpr Status kEntryNotFound = INT32_MIN + 0x6003;

// Where.
inline constexpr uint32_t kAnyAddress = 0;
inline constexpr uint32_t kExactAddress = 1;
inline constexpr uint32_t kBaseAddress = 2;
inline constexpr uint32_t kCloneAddress = 3;
inline constexpr uint32_t kAnyKernelAddress = 4;
inline constexpr uint32_t kRandomizedAnyAddress = 6;   // Haiku
inline constexpr uint32_t kRandomizedBaseAddress = 7;  // Haiku

// How its pages stay in memory.
inline constexpr uint32_t kNoLock = 0;
inline constexpr uint32_t kLazyLock = 1;
inline constexpr uint32_t kFullLock = 2;
inline constexpr uint32_t kContiguous = 3;
inline constexpr uint32_t kLomem = 4;
inline constexpr uint32_t k32BitFullLock = 5;    // Haiku
inline constexpr uint32_t k32BitContiguous = 6;  // Haiku

// What may be done with them. The first three are the kernel's bits, too.
inline constexpr uint32_t kReadArea = 1;
inline constexpr uint32_t kWriteArea = 2;
inline constexpr uint32_t kExecuteArea = 4;        // Haiku
inline constexpr uint32_t kStackArea = 8;          // Haiku
inline constexpr uint32_t kCloneableArea = 0x100;  // Haiku
inline constexpr uint32_t kRights = kReadArea | kWriteArea | kExecuteArea;

}  // namespace heaptag::areas
