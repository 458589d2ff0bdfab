#include "core/area_pools/pool_heap.h"

#include <cstring>

#include "core/area_pools/pool_change.h"

namespace heaptag::area_pools {

namespace {

constexpr size_t kLargestRequest = PoolHeap::kMaxBytes - kHeaderBytes;

// Units of a block for so many bytes. 0 bytes have a block of their own, too.
constexpr uint32_t units_for(size_t requested) {
  const size_t payload = (requested + kUnitBytes - 1) / kUnitBytes;
  return static_cast<uint32_t>(payload == 0 ? kMinBlockUnits : payload + kTagUnits);
}

constexpr size_t offset_of(Unit at) {
  return (size_t{at} + kTagUnits) * kUnitBytes;
}

// Nothing that follows is written before what stands above; the processor keeps that order anyway.
void keep_order() {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

}  // namespace

void PoolHeap::make(void* base, size_t size_bytes, uint64_t key) {
  base_ = base;
  size_bytes_ = size_bytes;
  key_ = key;
  const size_t used = size_bytes < kMaxBytes ? size_bytes : kMaxBytes;
  end_ = static_cast<Unit>(used / kUnitBytes);
  PoolHeader* made = header();
  made->version = kPoolVersion;
  made->header_bytes = kHeaderBytes;
  made->key = key;
  made->state = PoolState::kGood;
  made->end = end_;
  Change change(*this);
  change.put(kFirstUnit, end_ - kFirstUnit, 0, BlockState::kFree);
  commit(change);
  put_in_list(kFirstUnit, end_ - kFirstUnit);
  __atomic_store_n(&made->magic, kPoolMagic, __ATOMIC_RELEASE);
}

bool PoolHeap::open(void* base, size_t size_bytes) {
  const auto* found = static_cast<const PoolHeader*>(base);
  if (size_bytes < kMinBytes || __atomic_load_n(&found->magic, __ATOMIC_ACQUIRE) != kPoolMagic ||
      found->header_bytes != kHeaderBytes) {
    return false;
  }
  base_ = base;
  size_bytes_ = size_bytes;
  key_ = found->key;
  return is_good();
}

bool PoolHeap::read(Unit at, Block* block) const {
  if (at < kFirstUnit || at >= end_) {
    return false;
  }
  const BlockTag tag = *tag_at(at);
  *block = {at, tag};
  return tag.check == check_of(tag, at, key_) && tag.units >= kMinBlockUnits &&
         tag.units <= end_ - at && tag.slack <= block->usable() &&
         (tag.state == BlockState::kFree || tag.state == BlockState::kUsed);
}

bool PoolHeap::read_behind(const Block& block, Block* behind) const {
  *behind = {};
  return block.end() == end_ ||
         (read(block.end(), behind) && behind->tag.before == block.tag.units);
}

bool PoolHeap::read_neighbours(const Block& block, Block* before, Block* behind) const {
  *before = {};
  if (block.tag.before != 0 &&
      (block.tag.before > block.at || !read(block.at - block.tag.before, before) ||
       before->end() != block.at)) {
    return false;
  }
  return (block.tag.before != 0 || block.at == kFirstUnit) && read_behind(block, behind);
}

Fault PoolHeap::find_block(size_t offset, Block* block) const {
  const size_t unit = offset / kUnitBytes;
  if (offset % kUnitBytes != 0 || unit <= kFirstUnit || unit >= end_) {
    return Fault::kNoBlock;
  }
  const Unit at = static_cast<Unit>(unit - kTagUnits);
  if (read(at, block)) {
    return block->is_free() ? Fault::kDoubleFree : Fault::kNone;
  }
  const BlockTag& tag = block->tag;
  return tag.state == BlockState::kAbsorbed && tag.check == check_of(tag, at, key_)
             ? Fault::kDoubleFree
             : Fault::kNoBlock;
}

Fault PoolHeap::find(size_t offset, size_t* requested, size_t* usable) const {
  Block block;
  const Fault fault = find_block(offset, &block);
  if (fault == Fault::kNone) {
    *requested = block.requested();
    *usable = block.usable();
  }
  return fault;
}

Fault PoolHeap::damaged() {
  mark_bad();
  return Fault::kDamaged;
}

void PoolHeap::commit(const Change& change) {
  change.write_to(&header()->journal);
  keep_order();
  finish_change();
}

void PoolHeap::finish_change() {
  PoolHeader* pool = header();
  const Journal& journal = pool->journal;
  for (uint32_t i = 0; i < journal.writes; ++i) {
    *tag_at(journal.write[i].at) = journal.write[i].tag;
  }
  pool->figures = journal.figures;
  pool->end = journal.end;
  end_ = journal.end;
  __atomic_store_n(&pool->journal.writes, 0, __ATOMIC_RELEASE);
  keep_order();
}

// The block is in use from here on, with `units` of what lies up to `limit`. The rest is a free
// block if it is large enough for one, which is not in a list yet.
Fault PoolHeap::place(
    Change* change, const Block& block, Unit limit, uint32_t units, size_t requested) {
  Block behind;
  if (limit != end_ && !read(limit, &behind)) {
    return damaged();
  }
  uint32_t rest = limit - block.at - units;
  if (rest < kMinBlockUnits) {
    units += rest;
    rest = 0;
  }
  const size_t usable = (size_t{units} - kTagUnits) * kUnitBytes;
  change->put(block.at, units, block.tag.before, BlockState::kUsed, usable - requested);
  if (rest != 0) {
    change->put(block.at + units, rest, units, BlockState::kFree);
  }
  change->put_behind(behind, rest != 0 ? rest : units);
  change->count_allocation(requested, usable);
  commit(*change);
  if (rest != 0) {
    put_in_list(block.at + units, rest);
  }
  return Fault::kNone;
}

Fault PoolHeap::take_free(uint32_t units, size_t requested, Unit* taken) {
  *taken = 0;
  Block block;
  if (!find_free(units, &block) && !(repair_lists() && find_free(units, &block))) {
    return damaged();
  }
  if (block.at == 0) {
    return Fault::kNone;
  }
  if (!take_from_lists(block, {})) {
    return damaged();
  }
  Change change(*this);
  const Fault fault = place(&change, block, block.end(), units, requested);
  *taken = fault == Fault::kNone ? block.at : 0;
  return fault;
}

size_t PoolHeap::allocate(size_t requested) {
  Unit taken = 0;
  if (requested <= kLargestRequest) {
    take_free(units_for(requested), requested, &taken);
  }
  if (taken == 0) {
    count_failed();
    return 0;
  }
  return offset_of(taken);
}

Fault PoolHeap::free_block(const Block& block) {
  Block before;
  Block behind;
  if (!read_neighbours(block, &before, &behind)) {
    return damaged();
  }
  Block joined = block;
  Block after = behind;
  if ((behind.is_free() && !read_behind(behind, &after)) || !take_from_lists(before, behind)) {
    return damaged();
  }
  Change change(*this);
  if (before.is_free()) {
    joined = before;
    joined.tag.units += block.tag.units;
    change.put_absorbed(block);
  }
  if (behind.is_free()) {
    joined.tag.units += behind.tag.units;
    change.put_absorbed(behind);
  }
  change.put(joined.at, joined.tag.units, joined.tag.before, BlockState::kFree);
  change.put_behind(after, joined.tag.units);
  change.count_free(block);
  commit(change);
  put_in_list(joined.at, joined.tag.units);
  return Fault::kNone;
}

Fault PoolHeap::release(size_t offset) {
  Block block;
  const Fault fault = find_block(offset, &block);
  return fault == Fault::kNone ? free_block(block) : fault;
}

Fault PoolHeap::resize_in_place(const Block& block, Unit limit, uint32_t units, size_t requested) {
  Block behind;
  if (limit != block.end() && (!read(block.end(), &behind) || !take_from_lists(behind, {}))) {
    return damaged();
  }
  Change change(*this);
  if (behind.at != 0) {
    change.put_absorbed(behind);
  }
  change.count_free(block);
  return place(&change, block, limit, units, requested);
}

PoolHeap::Resized PoolHeap::resize(size_t offset, size_t requested) {
  Block block;
  Fault fault = find_block(offset, &block);
  if (fault != Fault::kNone) {
    return {fault, 0};
  }
  Block before;
  Block behind;
  if (!read_neighbours(block, &before, &behind)) {
    return {damaged(), 0};
  }
  if (requested > kLargestRequest) {
    count_failed();
    return {Fault::kNone, 0};
  }
  const uint32_t units = units_for(requested);
  const bool joins = behind.is_free() && units != block.tag.units;
  const Unit limit = joins ? behind.end() : block.end();
  if (units <= limit - block.at) {
    fault = resize_in_place(block, limit, units, requested);
    return {fault, fault == Fault::kNone ? offset : 0};
  }
  Unit taken = 0;
  fault = take_free(units, requested, &taken);
  if (taken == 0) {
    count_failed();
    return {fault, 0};
  }
  // Programs may write to all of a block.
  std::memcpy(tag_at(taken + kTagUnits), tag_at(block.at + kTagUnits), block.usable());
  // Its neighbour may be the one that was taken: the tag says another size of it now.
  fault = release(offset);
  return {fault, offset_of(taken)};
}

bool PoolHeap::grow(size_t size_bytes) {
  const size_t used = size_bytes < kMaxBytes ? size_bytes : kMaxBytes;
  const auto end = static_cast<Unit>(used / kUnitBytes);
  if (end < end_ || end - end_ < kMinBlockUnits) {
    return false;
  }
  Block last;
  for (Unit at = kFirstUnit; at != end_; at = last.end()) {
    if (!read(at, &last)) {
      damaged();
      return false;
    }
  }
  const uint32_t more = end - end_;
  Block made{end_, {more, last.tag.units, BlockState::kFree, 0, 0, 0}};
  if (!take_from_lists(last, {})) {
    damaged();
    return false;
  }
  if (last.is_free()) {
    made = last;
    made.tag.units += more;
  }
  size_bytes_ = size_bytes;
  Change change(*this);
  change.put(made.at, made.tag.units, made.tag.before, BlockState::kFree);
  change.end = end;
  commit(change);
  put_in_list(made.at, made.tag.units);
  return true;
}

}  // namespace heaptag::area_pools
