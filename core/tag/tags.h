// Named tags: what rules and programs call the owners of memory. A tag that is no name but a call
// site has no record: TagId::kNone. Layer: core/tag.  Locks: the owner table's, held by the caller
// of functions that end in _locked.
#pragma once

#include <string_view>

#include "core/base/types.h"
#include "core/wire/tables.h"

namespace heaptag::tag {

/// More tags than this, or than there is room for, share the last one: exact in sum, "(more tags)"
/// by name.
inline constexpr uint32_t kMaxTags = 16384;

/// False when the kernel refuses memory. `owners`: the largest number of owners; fewer owners need
/// fewer tags.
bool init_tags(size_t owners);

/// Gives reserved address space back / takes it back.
void trim_tags_locked();
void restore_tags_locked();

/// The tag of that name; a new one the first time (the origin is that of whoever came first). kNone
/// without memory.
TagId intern_tag_locked(std::string_view name, wire::TagOrigin origin);

/// A tag of its own, even if others have its name. The last one beyond the limit; kNone without
/// memory.
TagId make_tag_locked(std::string_view name, wire::TagOrigin origin);

/// Do names beyond the limit share it?
bool is_shared_tag(TagId tag);

uint32_t tag_count();  // entry 0 is unused
const uint32_t* tag_count_address();
wire::TagRecord* tags();

}  // namespace heaptag::tag
