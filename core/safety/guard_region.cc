#include "core/safety/guard_region.h"

#include <cstring>

#include "core/base/counter.h"
#include "core/base/units.h"
#include "core/meta/meta_allocator.h"
#include "core/os/vm.h"
#include "core/safety/guard_padding.h"

namespace heaptag::safety {

constinit GuardRange guard_range{0, 0};

namespace {

using os::kPageBytes;

constexpr unsigned kZones = 9;  // of slots for 1 << n pages
constexpr size_t kMostZoneBytes = 512 * kMiB;
constexpr size_t kLeastZoneBytes = kMiB;
constexpr size_t kOpenStepBytes = kMiB;
static_assert(kPageBytes << (kZones - 1) == kMaxGuardedBytes);

// A live block splits the reservation twice. In a forked child, the pieces do not join again.
constexpr size_t kMappingsPerBlock = 3;
constexpr size_t kMappingsPerForked = 2;

struct Zone {
  uintptr_t begin;       // of the page before the first slot
  uintptr_t opened;      // up to here memory may be used
  size_t stride_bytes;   // of slots, with the page behind
  uint32_t slots;        // there may be
  uint32_t used;         // have been used; grows
  GuardedBlock* oldest;  // freed
  GuardedBlock* newest;
  meta::GrowingTable<GuardedBlock> blocks;

  uintptr_t slot_begin(size_t index) const { return begin + kPageBytes + index * stride_bytes; }

  uintptr_t slot_end(size_t index) const { return slot_begin(index) + stride_bytes - kPageBytes; }
};

struct Region {
  os::Lock lock;
  Zone zones[kZones];
  size_t zone_bytes;
  size_t mappings;         // allowed
  size_t forked_mappings;  // that will not join again
  size_t live;
  size_t freed;
  uint64_t unguarded;
};

constinit Region region{};

constexpr size_t stride_of(unsigned zone) {
  return (kPageBytes << zone) + kPageBytes;
}

constexpr size_t slots_of(unsigned zone, size_t zone_bytes) {
  return (zone_bytes - kPageBytes) / stride_of(zone);
}

constexpr size_t slots_of_all(size_t zone_bytes) {
  size_t slots = 0;
  for (unsigned zone = 0; zone < kZones; ++zone) {
    slots += slots_of(zone, zone_bytes);
  }
  return slots;
}

size_t pages_for(size_t size_bytes) {
  return align_up(size_bytes, kPageBytes) / kPageBytes;
}

Zone& zone_for(size_t size_bytes) {
  const size_t pages = pages_for(size_bytes);
  return region.zones[pages <= 1 ? 0 : log2_floor(pages - 1) + 1];
}

GuardState state_of(const GuardedBlock& block) {
  GuardState state;
  __atomic_load(&block.state, &state, __ATOMIC_ACQUIRE);
  return state;
}

void set_state(GuardedBlock* block, GuardState state) {
  __atomic_store(&block->state, &state, __ATOMIC_RELEASE);
}

// Mappings join only with those whose pages the kernel knows by one record (anon_vma). It is made
// when memory is first touched, and what is split off shares it: so it is made before anything is
// split off.
bool touch_once(void* page) {
  if (!os::commit(page, kPageBytes)) {
    return false;
  }
  *static_cast<volatile char*>(page) = 0;
  os::purge(page, kPageBytes);
  return os::hide(page, kPageBytes);
}

// What is not opened is not in core files, which would say a lot of zeros otherwise.
bool open_up_to(Zone* zone, uintptr_t end) {
  while (zone->opened < end) {
    const uintptr_t zone_end = zone->begin + region.zone_bytes;
    const size_t step =
        zone_end - zone->opened < kOpenStepBytes ? zone_end - zone->opened : kOpenStepBytes;
    void* at = reinterpret_cast<void*>(zone->opened);
    os::put_in_core(at, step);
    if (zone->opened == zone->begin && !touch_once(at)) {
      return false;
    }
    zone->opened += step;
  }
  return true;
}

GuardedBlock* use_slot_locked(Zone* zone) {
  const uint32_t index = zone->used;
  if (index == zone->slots || !zone->blocks.grow_to(index + 1) ||
      !open_up_to(zone, zone->slot_end(index) + kPageBytes)) {
    return nullptr;
  }
  __atomic_store_n(&zone->used, index + 1, __ATOMIC_RELEASE);
  return &zone->blocks[index];
}

GuardedBlock* take_oldest_locked(Zone* zone) {
  GuardedBlock* block = zone->oldest;
  if (block != nullptr) {
    zone->oldest = block->freed_next;
    drop(region.freed, 1);
  }
  return block;
}

void put_back_locked(Zone* zone, GuardedBlock* block) {
  block->freed_next = zone->oldest;
  zone->newest = zone->oldest == nullptr ? block : zone->newest;
  zone->oldest = block;
  bump(region.freed);
}

void append_locked(Zone* zone, GuardedBlock* block) {
  block->freed_next = nullptr;
  (zone->oldest == nullptr ? zone->oldest : zone->newest->freed_next) = block;
  zone->newest = block;
  bump(region.freed);
}

GuardedBlock* take_slot(Zone* zone) {
  os::LockGuard guard(region.lock);
  if ((region.live + 1) * kMappingsPerBlock + region.forked_mappings > region.mappings) {
    return nullptr;
  }
  GuardedBlock* block = use_slot_locked(zone);
  if (block == nullptr) {
    block = take_oldest_locked(zone);
  }
  if (block != nullptr) {
    bump(region.live);
  }
  return block;
}

void give_slot_back(Zone* zone, GuardedBlock* block) {
  os::LockGuard guard(region.lock);
  drop(region.live, 1);
  put_back_locked(zone, block);
}

void place(const Zone& zone, GuardedBlock* block, size_t size_bytes, size_t alignment) {
  const auto index = static_cast<size_t>(block - zone.blocks.data());
  const size_t pages = pages_for(size_bytes);
  block->page_count = static_cast<uint32_t>(pages);
  block->size_bytes = size_bytes;
  if (block->side == GuardSide::kBegin || pages == 0) {
    block->pages_begin = zone.slot_begin(index);
    block->address = block->pages_begin;
  } else {
    block->pages_begin = zone.slot_end(index) - pages * kPageBytes;
    block->address = (zone.slot_end(index) - size_bytes) & ~(alignment - 1);
  }
}

bool make_touchable(const GuardedBlock& block) {
  void* pages = reinterpret_cast<void*>(block.pages_begin);
  const size_t size_bytes = block.page_count * kPageBytes;
  if (size_bytes != 0 && !os::commit(pages, size_bytes)) {
    return false;
  }
  if (block.is_never_clean) {
    std::memset(pages, 0, size_bytes);
  }
  return true;
}

void make_untouchable(GuardedBlock* block) {
  void* pages = reinterpret_cast<void*>(block->pages_begin);
  const size_t size_bytes = block->page_count * kPageBytes;
  if (size_bytes != 0) {
    os::hide(pages, size_bytes);  // a whole mapping: the kernel needs nothing for that
    block->is_never_clean = !os::purge(pages, size_bytes) || block->is_never_clean;
  }
}

Zone* zone_of(uintptr_t address) {
  return &region.zones[(address - guard_range.begin) / region.zone_bytes];
}

void count_unguarded() {
  __atomic_fetch_add(&region.unguarded, uint64_t{1}, __ATOMIC_RELAXED);
}

// The largest that fits; 0: none does.
size_t zone_bytes_under(const GuardLimits& limits) {
  size_t bytes = kMostZoneBytes;
  while (bytes >= kLeastZoneBytes && bytes * kZones > limits.address_space_bytes) {
    bytes /= 2;
  }
  return bytes < kLeastZoneBytes ? 0 : bytes;
}

}  // namespace

GuardLimits guard_limits_of_system() {
  const size_t limit = os::address_space_limit();
  GuardLimits limits{limit == SIZE_MAX ? SIZE_MAX : limit / 16, os::mapping_limit() / 2};
  if (os::is_always_charged()) {
    // What was charged once does not join with what was not: each slot counts for ever.
    size_t zone_bytes = kMostZoneBytes;
    while (zone_bytes > kLeastZoneBytes &&
           slots_of_all(zone_bytes) * kMappingsPerBlock > limits.mappings) {
      zone_bytes /= 2;
    }
    const size_t most = zone_bytes * kZones;
    limits.address_space_bytes =
        limits.address_space_bytes < most ? limits.address_space_bytes : most;
  }
  return limits;
}

bool init_guards(const GuardLimits& limits) {
  const size_t zone_bytes = zone_bytes_under(limits);
  if (zone_bytes == 0) {
    return false;
  }
  for (unsigned i = 0; i < kZones; ++i) {
    const size_t slots = slots_of(i, zone_bytes);  // small zones have none of the largest
    if (slots != 0 && !region.zones[i].blocks.init(slots)) {
      return false;
    }
  }
  void* reserved = os::reserve_uncharged(zone_bytes * kZones);
  if (reserved == nullptr) {
    return false;
  }
  region.zone_bytes = zone_bytes;
  region.mappings = limits.mappings;
  for (unsigned i = 0; i < kZones; ++i) {
    Zone& zone = region.zones[i];
    zone.begin = reinterpret_cast<uintptr_t>(reserved) + i * zone_bytes;
    zone.opened = zone.begin;
    zone.stride_bytes = stride_of(i);
    zone.slots = static_cast<uint32_t>(slots_of(i, zone_bytes));
  }
  guard_range = {reinterpret_cast<uintptr_t>(reserved), zone_bytes * kZones};
  return true;
}

GuardSide next_guard_side() {
  // The Thue-Morse sequence: balanced in itself and along every arithmetic progression.
  static constinit uint64_t turn = 0;
  const uint64_t number = __atomic_fetch_add(&turn, uint64_t{1}, __ATOMIC_RELAXED);
  return __builtin_parityl(number) == 0 ? GuardSide::kEnd : GuardSide::kBegin;
}

GuardedBlock* guard_allocate(size_t size_bytes, size_t alignment, GuardSide side) {
  if (size_bytes > kMaxGuardedBytes || alignment > kPageBytes || guard_range.size_bytes == 0) {
    count_unguarded();
    return nullptr;
  }
  Zone& zone = zone_for(size_bytes);
  GuardedBlock* block = take_slot(&zone);
  if (block == nullptr) {
    count_unguarded();
    return nullptr;
  }
  // The slot is ours alone; who looks at its record sees that it is in no use.
  set_state(block, GuardState::kUnused);
  block->side = side;
  ++block->generation;
  place(zone, block, size_bytes, alignment);
  if (!make_touchable(*block)) {
    give_slot_back(&zone, block);
    count_unguarded();
    return nullptr;
  }
  std::memset(block->payload, 0, sizeof(block->payload));
  fill_padding(*block);
  set_state(block, GuardState::kLive);
  return block;
}

bool guard_free(GuardedBlock* block) {
  os::LockGuard guard(region.lock);
  if (!is_live(*block)) {
    return false;
  }
  set_state(block, GuardState::kFreed);
  make_untouchable(block);
  append_locked(zone_of(block->pages_begin), block);
  drop(region.live, 1);
  return true;
}

GuardedBlock* find_guarded(uintptr_t address) {
  if (!is_in_guard_region(address)) {
    return nullptr;
  }
  const Zone& zone = *zone_of(address);
  const size_t offset = address - zone.begin;
  const size_t index = offset < kPageBytes ? 0 : (offset - kPageBytes) / zone.stride_bytes;
  const size_t used = __atomic_load_n(&zone.used, __ATOMIC_ACQUIRE);
  GuardedBlock* nearest = nullptr;
  for (size_t i = index == 0 ? 0 : index - 1; i <= index + 1 && i < used; ++i) {
    GuardedBlock* block = &zone.blocks[i];
    if (state_of(*block) != GuardState::kUnused &&
        (nearest == nullptr || distance_to(*block, address) < distance_to(*nearest, address))) {
      nearest = block;
    }
  }
  return nearest;
}

GuardDamage first_damage(const GuardedBlock& block) {
  os::LockGuard guard(region.lock);  // it is not freed meanwhile
  return is_live(block) ? look_at_padding(block) : GuardDamage{0, 0};
}

uintptr_t first_write_beside(const GuardedBlock& block, uintptr_t word) {
  // From a trap, which may have come in the middle of anything.
  if (!region.lock.try_acquire()) {
    return 0;
  }
  const uintptr_t written = is_live(block) ? first_change_beside(block, word) : 0;
  region.lock.release();
  return written;
}

size_t copy_guarded(const GuardedBlock& block, uintptr_t address, size_t most, void* to) {
  os::LockGuard guard(region.lock);
  const uintptr_t end = block.pages_begin + block.page_count * kPageBytes;
  if (!is_live(block) || address < block.pages_begin || address >= end) {
    return 0;
  }
  const size_t count = end - address < most ? end - address : most;
  std::memcpy(to, reinterpret_cast<const void*>(address), count);
  return count;
}

void visit_guarded(void (*visit)(GuardedBlock* block, void* context), void* context) {
  for (Zone& zone : region.zones) {
    const uint32_t used = __atomic_load_n(&zone.used, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < used; ++i) {
      if (state_of(zone.blocks[i]) != GuardState::kUnused) {
        visit(&zone.blocks[i], context);
      }
    }
  }
}

GuardCounts guard_counts() {
  return {read_relaxed(region.live), read_relaxed(region.freed), read_relaxed(region.unguarded)};
}

void give_up_unused_guards() {
  os::LockGuard guard(region.lock);
  for (Zone& zone : region.zones) {
    const uintptr_t from = zone.opened;
    const uintptr_t to = zone.begin + region.zone_bytes;
    while (zone.slots != zone.used && zone.slot_end(zone.slots - 1) + kPageBytes > from) {
      --zone.slots;
    }
    if (from < to) {
      os::unmap(reinterpret_cast<void*>(from), to - from);
    }
  }
}

os::Lock& guard_lock_for_fork() {
  return region.lock;
}

void guards_in_forked_child(bool was_at_work) {
  region.forked_mappings += region.live * kMappingsPerForked;
  if (was_at_work) {
    for (Zone& zone : region.zones) {
      zone.oldest = nullptr;
      zone.newest = nullptr;
    }
    region.freed = 0;
  }
}

}  // namespace heaptag::safety
