// What is done when somebody has died at work in a pool, or has written over its lists; and looking
// whether all is well. May be killed and begun again at any instruction, as all else.
#include "core/area_pools/pool_heap.h"

namespace heaptag::area_pools {

namespace {

// Figures never shrink: if they do not say what is there, the one that is too small grows.
void settle(uint64_t* up, uint64_t* down, uint64_t live) {
  if (*up - *down == live) {
    return;
  }
  if (*up >= live && *up - live >= *down) {
    *down = *up - live;
  } else {
    *up = *down + live;
  }
}

}  // namespace

bool PoolHeap::is_good() const {
  const PoolHeader* pool = header();
  return pool->magic == kPoolMagic && pool->version == kPoolVersion &&
         pool->state == PoolState::kGood && pool->key == key_ &&
         pool->end >= kFirstUnit + kMinBlockUnits && pool->end <= size_bytes_ / kUnitBytes;
}

bool PoolHeap::begin() {
  PoolHeader* pool = header();
  if (!is_good()) {
    return false;
  }
  end_ = pool->end;
  const bool was_changing = pool->is_changing != 0;
  __atomic_store_n(&pool->is_changing, 1, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  return !was_changing || repair();
}

bool PoolHeap::redo_journal() {
  const Journal& journal = header()->journal;
  if (journal.writes == 0) {
    return true;
  }
  if (journal.writes > kJournalWrites || journal.end < end_ ||
      journal.end > size_bytes_ / kUnitBytes) {
    return false;
  }
  for (uint32_t i = 0; i < journal.writes; ++i) {
    const TagWrite& write = journal.write[i];
    if (write.at < kFirstUnit || write.at >= journal.end ||
        write.tag.check != check_of(write.tag, write.at, key_)) {
      return false;
    }
  }
  finish_change();
  return true;
}

PoolHeap::Walk PoolHeap::walk() const {
  Walk seen{};
  Block last;
  for (Unit at = kFirstUnit; at != end_; at = last.end()) {
    Block block;
    if (!read(at, &block) || block.tag.before != last.tag.units ||
        (block.is_free() && last.is_free())) {
      seen.damaged_at = at;
      return seen;
    }
    if (block.is_free()) {
      const uint64_t usable = block.usable();
      ++seen.free_blocks;
      seen.free_bytes += usable;
      seen.largest_bytes = usable > seen.largest_bytes ? usable : seen.largest_bytes;
    } else {
      ++seen.used_blocks;
      seen.requested_bytes += block.requested();
      seen.usable_bytes += block.usable();
    }
    last = block;
  }
  return seen;
}

bool PoolHeap::is_consistent() const {
  const Walk seen = walk();
  const PoolFigures& figures = header()->figures;
  return seen.damaged_at == 0 && are_lists_whole(seen.free_blocks) &&
         figures.allocations - figures.frees == seen.used_blocks &&
         figures.allocated_bytes - figures.freed_bytes == seen.requested_bytes &&
         figures.allocated_usable - figures.freed_usable == seen.usable_bytes &&
         figures.peak_bytes >= seen.requested_bytes;
}

void PoolHeap::make_lists() {
  PoolHeader* pool = header();
  for (Unit& bin : pool->bins) {
    bin = 0;
  }
  for (uint64_t& bits : pool->bin_bits) {
    bits = 0;
  }
  Block block;
  for (Unit at = kFirstUnit; at != end_ && read(at, &block); at = block.end()) {
    if (block.is_free()) {
      put_in_list(at, block.tag.units);
    }
  }
}

void PoolHeap::recount(const Walk& walk) {
  PoolFigures& figures = header()->figures;
  settle(&figures.allocations, &figures.frees, walk.used_blocks);
  settle(&figures.allocated_bytes, &figures.freed_bytes, walk.requested_bytes);
  settle(&figures.allocated_usable, &figures.freed_usable, walk.usable_bytes);
  if (figures.peak_bytes < walk.requested_bytes) {
    figures.peak_bytes = walk.requested_bytes;
  }
}

bool PoolHeap::repair_lists() {
  met_stray_write_ = true;
  return repair();
}

bool PoolHeap::repair() {
  add_one(header()->repaired);
  if (!redo_journal()) {
    mark_bad();
    return false;
  }
  const Walk seen = walk();
  if (seen.damaged_at != 0) {
    mark_bad();
    return false;
  }
  make_lists();
  recount(seen);
  return true;
}

}  // namespace heaptag::area_pools
