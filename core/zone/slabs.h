// Where a zone's elements come from and go to: slabs of pages, from the pool or from the page heap.
// Layer: core/zone.  Locks: that of checked spans.
#pragma once

#include "core/zone/zone.h"

namespace heaptag::zone {

/// Makes the slabs of the pool that are missing, as far as there is memory.
void fill_pool(Zone* zone);

/// Makes elements of a slab out of the pool and puts them on their list. False when the pool is
/// empty. Waits for nobody.
bool carve_from_pool(Zone* zone, unsigned bucket);

/// The same with a slab from the page heap. Waits.
bool carve_new(Zone* zone, Account* account, unsigned bucket);

/// Lets slabs go that are free as a whole, if so many elements of the bucket are free that it is
/// worth a look. Waits.
void trim_if_due(Zone* zone, unsigned bucket);

/// A block with pages of its own: `bytes` in all, `front` before the user's first. Null without
/// memory. Waits.
Span* take_large(
    Zone* zone, Account* account, size_t bytes, size_t requested, size_t front, bool is_wired);
void give_large(Span* span);

}  // namespace heaptag::zone
