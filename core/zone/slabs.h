// Where a zone's elements come from and go to: slabs of pages, from the pool or from the page heap.
// Layer: core/zone.  Locks: that of checked spans.
#pragma once

#include "core/base/units.h"
#include "core/zone/zone.h"

namespace heaptag::zone {

/// So much of a bucket may lie free, and as much again as is in use.
inline constexpr uint64_t kLeastFreeBytes = 256 * kKiB;

/// Freed blocks beyond this go back at once: they are too large to be summed up and to wait.
inline constexpr size_t kLargestHeldBytes = 16 * kMiB;

/// Fills the pool up when less than half of it is left: by slabs that are free in buckets, and by
/// new ones, as far as there is memory. Waits.
void fill_pool_if_due(Zone* zone);

/// Makes elements of a slab out of the pool and puts them on their list. False when the pool is
/// empty. Waits for nobody.
bool carve_from_pool(Zone* zone, unsigned bucket);

/// The same with a slab from the page heap. Waits.
bool carve_new(Zone* zone, unsigned bucket);

/// Lets slabs go that are free as a whole, if so many elements of the bucket are free that it is
/// worth a look. Waits.
void trim_if_due(Zone* zone, unsigned bucket);

/// A block with pages of its own: `bytes` in all, `front` before the user's first. Null without
/// memory. Waits.
Span* take_large(Zone* zone, size_t bytes, size_t requested, size_t front, bool is_wired);

/// Its pages go back: now, or, where a signal handler has interrupted us, with give_going.
void give_large(Zone* zone, Span* span);
void give_going(Zone* zone);

}  // namespace heaptag::zone
