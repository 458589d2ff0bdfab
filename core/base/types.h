// Distinct types for the things that are numbered, and the fixed-width integers that all folders
// use. Layer: core/base.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heaptag {

using std::size_t;
using std::uint16_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;
using std::uintptr_t;

/// Index into the table of owners: one (tag, call site) pair. 0 is never a real owner.
enum class OwnerId : uint32_t { kNone = 0 };

/// Index into the table of modules (loaded ELF objects). 0 stands for "in no module that we know".
enum class ModuleId : uint32_t { kNone = 0 };

/// Index into the table of named tags. 0: the call site is its own tag.
enum class TagId : uint32_t { kNone = 0 };

constexpr uint32_t index_of(TagId id) {
  return static_cast<uint32_t>(id);
}

constexpr uint32_t index_of(OwnerId id) {
  return static_cast<uint32_t>(id);
}

constexpr uint32_t index_of(ModuleId id) {
  return static_cast<uint32_t>(id);
}

}  // namespace heaptag
