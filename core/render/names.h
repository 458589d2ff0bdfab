// The one name that an owner has in every view, in JSON and on the command line.
// Layer: core/render.  Allocates: no.
//
//   function                      if no other owner of the report has it
//   module!function+0x1f          else; the module by its base name
//   module+0x2b7c1                without a symbol
//   0x7f3a40012368                in no module that we know
//
// What is still alike then (two static functions of one name, two modules of one base name) gets
// the ELF address behind it (module!function+0x1f@0x2b7c1), then the whole path of the module, and
// last its place in the report ("#17").
#pragma once

#include <cstdint>
#include <span>

#include "core/base/types.h"

namespace heaptag::render {

/// Where an owner allocates: the first frame of its site. Null or empty strings mean "not known".
struct NameRequest {
  const char* given = nullptr;  // somebody's name for a tag: kept as it is; the others give way
  const char* function = nullptr;
  uint64_t function_offset = 0;  // of the return address in the function
  const char* module = nullptr;  // path
  uint64_t offset = 0;           // ELF address in the module; without a module, the address
};

/// The memory that name_owners needs, in 32-bit words and in characters. Both are upper bounds:
/// mapped pages are only used as far as the names go.
size_t name_scratch_words(size_t owner_count);
size_t name_chars(std::span<const NameRequest> owners);

/// Gives every owner a name that no other owner of the list has (two equal `given` names stay
/// equal). names[i] belongs to owners[i], is NUL-terminated, and lies in `chars`.
/// Pre: names is as long as owners; scratch and chars have the sizes that the functions above say.
/// Returns: false, and null for every name, when they have not.
/// Owns: the caller, all of it; scratch is free again afterwards. Cost: O(n) expected.
bool name_owners(std::span<const NameRequest> owners,
                 std::span<const char*> names,
                 std::span<uint32_t> scratch,
                 std::span<char> chars);

}  // namespace heaptag::render
