// The lists of free blocks. Their links lie where programs write by mistake after they have freed
// a block: none is followed that the block at its other end does not confirm.
#include "core/area_pools/pool_heap.h"

namespace heaptag::area_pools {

namespace {

// Blocks of one bin that are looked at for one that fits, before a larger one is cut.
constexpr uint64_t kLooks = 8;

}  // namespace

bool PoolHeap::is_in_list(Unit at, Unit previous, uint32_t bin, Block* block) const {
  return read(at, block) && block->is_free() && bin_of(block->tag.units) == bin &&
         links_at(at)->previous == previous;
}

void PoolHeap::put_in_list(Unit at, uint32_t units) {
  PoolHeader* pool = header();
  const uint32_t bin = bin_of(units);
  const Unit first = pool->bins[bin];
  *links_at(at) = {first, 0};
  Block block;
  // A first one that is damaged is found when it is asked for: this list is not followed to it.
  if (first != 0 && is_in_list(first, 0, bin, &block)) {
    links_at(first)->previous = at;
  }
  pool->bins[bin] = at;
  pool->bin_bits[bin / 64] |= uint64_t{1} << bin % 64;
}

bool PoolHeap::take_from_list(const Block& block) {
  PoolHeader* pool = header();
  const uint32_t bin = bin_of(block.tag.units);
  const FreeLinks links = *links_at(block.at);
  Block other;
  if (links.next != 0 && !is_in_list(links.next, block.at, bin, &other)) {
    return false;
  }
  if (links.previous == 0) {
    if (pool->bins[bin] != block.at) {
      return false;
    }
    pool->bins[bin] = links.next;
    if (links.next == 0) {
      pool->bin_bits[bin / 64] &= ~(uint64_t{1} << bin % 64);
    }
  } else {
    if (!read(links.previous, &other) || !other.is_free() ||
        links_at(links.previous)->next != block.at) {
      return false;
    }
    links_at(links.previous)->next = links.next;
  }
  if (links.next != 0) {
    links_at(links.next)->previous = links.previous;
  }
  return true;
}

bool PoolHeap::take_both(const Block& one, const Block& other) {
  return (!one.is_free() || take_from_list(one)) && (!other.is_free() || take_from_list(other));
}

bool PoolHeap::take_from_lists(const Block& one, const Block& other) {
  return take_both(one, other) || (repair_lists() && take_both(one, other));
}

uint32_t PoolHeap::next_bin(uint32_t from) const {
  for (uint32_t word = from / 64; word < kBinWords; ++word) {
    uint64_t bits = header()->bin_bits[word];
    if (word == from / 64) {
      bits &= ~uint64_t{0} << from % 64;
    }
    if (bits != 0) {
      const uint32_t bin = word * 64 + static_cast<uint32_t>(__builtin_ctzl(bits));
      return bin < kBins ? bin : kBins;
    }
  }
  return kBins;
}

// False: the list is damaged. None found: found->at is 0.
bool PoolHeap::search_list(uint32_t bin, uint32_t units, uint64_t most, Block* found) const {
  *found = {};
  Unit previous = 0;
  for (Unit at = header()->bins[bin]; at != 0 && most != 0; --most) {
    Block block;
    if (!is_in_list(at, previous, bin, &block)) {
      return false;
    }
    if (block.tag.units >= units) {
      *found = block;
      return true;
    }
    previous = at;
    at = links_at(at)->next;
  }
  return true;
}

bool PoolHeap::find_free(uint32_t units, Block* found) const {
  const uint32_t bin = bin_of(units);
  if (!search_list(bin, units, kLooks, found)) {
    return false;
  }
  if (found->at != 0) {
    return true;
  }
  // Whatever is in a larger bin fits.
  const uint32_t larger = next_bin(bin + 1);
  if (larger != kBins) {
    return search_list(larger, units, 1, found) && found->at != 0;
  }
  // The pool is nearly full: what is there has to be found.
  return search_list(bin, units, UINT64_MAX, found);
}

bool PoolHeap::are_lists_whole(uint64_t free_blocks) const {
  uint64_t seen = 0;
  for (uint32_t bin = 0; bin < kBins; ++bin) {
    const Unit first = header()->bins[bin];
    if ((first != 0) != ((header()->bin_bits[bin / 64] >> bin % 64 & 1) != 0)) {
      return false;
    }
    Unit previous = 0;
    for (Unit at = first; at != 0; ++seen) {
      Block block;
      if (seen == free_blocks || !is_in_list(at, previous, bin, &block)) {
        return false;
      }
      previous = at;
      at = links_at(at)->next;
    }
  }
  return seen == free_blocks;
}

}  // namespace heaptag::area_pools
