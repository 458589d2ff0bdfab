#include "core/allocator/bins.h"

#include "core/allocator/bad_free.h"
#include "core/allocator/checked.h"
#include "core/allocator/threads.h"
#include "core/base/accounting.h"
#include "core/base/check.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"

namespace heaptag::allocator {

using heap::SpanState;

namespace {

constexpr uint32_t kFirstOwnEntries = 64;
constexpr uint32_t kLinkStepBytes = 4096;

// So much may wait on a list beside what it was filled with: enough for what is freed and allocated
// by turns, and little beside the caches.
constexpr uint32_t kListBytes = 4 * kKiB;
constexpr uint32_t kLeastListed = 2;

// The keys of one owner differ above bit 32 only: what is there has to come down before it is
// multiplied.
size_t hash_own(uint64_t key) {
  return ((key ^ (key >> 29)) * 0x9E3779B97F4A7C15U) >> 32;
}

void insert_own(Bin** table, uint32_t mask, Bin* bin) {
  size_t at = hash_own(bin->key) & mask;
  while (table[at] != nullptr) {
    at = (at + 1) & mask;
  }
  table[at] = bin;
}

bool grow_own_table(ThreadState* thread) {
  const uint32_t slots = thread->own == nullptr ? kFirstOwnEntries : (thread->own_mask + 1) * 2;
  Bin** table = static_cast<Bin**>(meta::allocate(slots * sizeof(Bin*)));
  if (table == nullptr) {
    return false;
  }
  if (thread->own != nullptr) {
    for (uint32_t i = 0; i <= thread->own_mask; ++i) {
      Bin* bin = thread->own[i];
      if (bin != nullptr) {
        insert_own(table, slots - 1, bin);
      }
    }
    meta::release(thread->own, (thread->own_mask + 1) * sizeof(Bin*));
  }
  thread->own = table;
  thread->own_mask = slots - 1;
  return true;
}

// What a list may hold, its limit or the blocks of one span, or what there is at all: the peak may
// miss as much.
void note_listable(ThreadState* thread, Bin* bin) {
  const size_t limit_bytes = size_t{bin->limit} * bin->block_bytes;
  const size_t list_bytes =
      limit_bytes > bin->largest_span_bytes ? limit_bytes : bin->largest_span_bytes;
  const size_t span_bytes = bin->page_count * heap::kSpanPageBytes;
  const size_t bytes = list_bytes < span_bytes ? list_bytes : span_bytes;
  thread->listable_bytes += bytes - bin->listable_bytes;
  bin->listable_bytes = static_cast<uint32_t>(bytes);
  if (thread->listable_bytes > thread->listable_bytes_max) {
    write_relaxed(thread->listable_bytes_max, thread->listable_bytes);
  }
}

// What an own bin's blocks in use hold now.
void settle(ThreadState* thread, Bin* bin) {
  const int64_t held = bin->held_bytes();
  thread->own_held_bytes += held - bin->settled_bytes;
  bin->settled_bytes = held;
}

// An unused bin of the thread.
Bin* take_bin(ThreadState* thread, uint32_t size_class, uint32_t requested_bytes) {
  if (thread->bins_left == 0) {
    auto* chunk = static_cast<BinChunk*>(meta::allocate(sizeof(BinChunk)));
    if (chunk == nullptr) {
      return nullptr;
    }
    chunk->next = reinterpret_cast<BinChunk*>(thread->record.bins);
    __atomic_store_n(&thread->record.bins, reinterpret_cast<uintptr_t>(chunk), __ATOMIC_RELEASE);
    thread->bins_left = wire::kBinsPerChunk;
  }
  Bin* bin = &reinterpret_cast<BinChunk*>(thread->record.bins)
                  ->bins[wire::kBinsPerChunk - thread->bins_left];
  --thread->bins_left;
  bin->size_class = static_cast<uint8_t>(size_class);
  bin->block_bytes = static_cast<uint16_t>(heap::kClasses[size_class].block_bytes);
  bin->requested_bytes = static_cast<uint16_t>(requested_bytes);
  const uint32_t listed = kListBytes / bin->block_bytes;
  bin->limit = static_cast<uint16_t>(listed < kLeastListed ? kLeastListed : listed);
  bin->bound = bin->limit;
  bin->last = static_cast<uint16_t>(bin->block_bytes - 1);
  bin->held_per_block = static_cast<uint16_t>(requested_bytes == Span::kMetered  ? 0
                                              : requested_bytes == Span::kVaried ? bin->block_bytes
                                                                                 : requested_bytes);
  return bin;
}

void push_partial(Bin* bin, Span* span) {
  span->state = SpanState::kPartial;
  span->next = nullptr;
  span->prev = bin->partial_tail;
  (span->prev == nullptr ? bin->partial : span->prev->next) = span;
  bin->partial_tail = span;
}

void unlink_partial(Bin* bin, Span* span) {
  (span->prev == nullptr ? bin->partial : span->prev->next) = span->next;
  (span->next == nullptr ? bin->partial_tail : span->next->prev) = span->prev;
  span->next = nullptr;
  span->prev = nullptr;
}

// Where in a page the first block to be handed out lies. All spans begin at a page's start, and
// many bins hold a few blocks only: without this they would all meet in the same lines of the
// cache.
uint32_t color_of(const char* page) {
  return static_cast<uint32_t>(
      (reinterpret_cast<uintptr_t>(page) / heap::kSpanPageBytes) * 0x9E3779B97F4A7C15U >> 52);
}

FreeBlock* link_range(Span* span, char* from, char* to, FreeBlock* rest) {
  for (char* at = to; at != from;) {
    at -= span->block_bytes;
    auto* block = reinterpret_cast<FreeBlock*>(at);
    block->next = rest;
    if (span->words != nullptr) {
      block->word = span->word_of(block);
    }
    rest = block;
  }
  return rest;
}

// The next blocks that were never handed out: about a page's worth, so that a new span is touched
// as it is used.
void link_more(Span* span) {
  uint32_t count = span->capacity - span->linked;
  const uint32_t step = kLinkStepBytes / span->block_bytes;
  count = count > step ? (step == 0 ? 1 : step) : count;
  if (count == 0) {
    return;
  }
  const size_t block_bytes = span->block_bytes;
  char* begin = span->base + span->linked * block_bytes;
  char* end = begin + count * block_bytes;
  char* first = begin + color_of(begin) / span->block_bytes % count * block_bytes;
  span->free_list = link_range(span, first, end, link_range(span, begin, first, span->free_list));
  span->linked += count;
}

size_t word_bytes_of(const Span* span) {
  return kAccounting && span->requested_bytes == Span::kMetered ? span->capacity * sizeof(uint32_t)
                                                                : 0;
}

Span* new_span(ThreadState* thread, Bin* bin) {
  if (heap::growth_is_due()) {
    sweep(thread, false);
  }
  const heap::ClassInfo& info = heap::kClasses[bin->size_class];
  uint32_t pages = heap::next_span_pages(bin->size_class, bin->span_count);
  Span* span = heap::allocate_run(pages);
  if (span == nullptr && pages > info.base_pages) {
    pages = info.base_pages;
    span = heap::allocate_run(pages);
  }
  if (span == nullptr) {
    return nullptr;
  }
  span->flags = 0;
  span->block_bytes = bin->block_bytes;
  span->inverse = info.inverse;
  span->size_class = bin->size_class;
  span->slack_mask = heap::most_slack(bin->size_class);
  // Of the pages asked for: a run that could not be cut, for want of a record, is longer.
  span->capacity = static_cast<uint32_t>(pages * heap::kSpanPageBytes / info.block_bytes);
  span->bin = bin;
  span->requested_bytes = bin->requested_bytes;
  span->kind = heap::kind_of(bin->requested_bytes);
  span->owner = bin->owner;
  const size_t word_bytes = word_bytes_of(span);
  if (word_bytes != 0) {
    span->words = static_cast<uint32_t*>(meta::allocate(word_bytes));
    if (span->words == nullptr) {
      heap::release_run(span, false);
      return nullptr;
    }
  }
  __atomic_store_n(&span->thread, static_cast<void*>(thread), __ATOMIC_RELEASE);
  heap::map_span_pages(span);
  ++bin->span_count;
  bin->page_count += span->page_count;
  const auto span_bytes = static_cast<uint32_t>(pages * heap::kSpanPageBytes);
  if (span_bytes > bin->largest_span_bytes) {
    bin->largest_span_bytes = span_bytes;
  }
  note_listable(thread, bin);
  return span;
}

void release_span(ThreadState* thread, Span* span) {
  HEAPTAG_DCHECK(span->used == 0);
  Bin* bin = static_cast<Bin*>(span->bin);
  --bin->span_count;
  bin->page_count -= span->page_count;
  note_listable(thread, bin);
  const size_t word_bytes = word_bytes_of(span);
  if (word_bytes != 0) {
    meta::release(span->words, word_bytes);
  }
  heap::release_run(span, false);
}

void release_spare(ThreadState* thread, Bin* bin) {
  Span* spare = bin->spare;
  if (spare != nullptr) {
    bin->spare = nullptr;
    release_span(thread, spare);
  }
}

// After a block has come to its free list.
void attend(ThreadState* thread, Bin* bin, Span* span) {
  if (span->state == SpanState::kFull) {
    push_partial(bin, span);
  }
  if (span->used == 0) {
    unlink_partial(bin, span);
    if (bin->spare == nullptr) {
      bin->spare = span;
    } else {
      release_span(thread, span);
    }
  }
}

// A block that is used, though by nobody any more, becomes free. Returns whether the span wants
// attention.
bool give_to_span(Span* span, FreeBlock* block) {
  block->next = span->free_list;
  __atomic_signal_fence(__ATOMIC_RELEASE);
  span->free_list = block;
  --span->used;
  return span->used == 0 || span->state == SpanState::kFull;
}

void empty_list(ThreadState* thread, Bin* bin) {
  FreeBlock* block = bin->free_list;
  bin->free_list = nullptr;
  while (block != nullptr) {
    FreeBlock* next = block->next;
    __builtin_prefetch(next);
    Span* span = heap::find_span(block);
    if (give_to_span(span, block)) {
      attend(thread, bin, span);
    }
    block = next;
  }
  bin->bound = bin->net_frees() + bin->limit;
}

// All free blocks of the span go to the bin's empty list, however many: to cut it, one would have
// to walk through blocks that nobody has touched for long. Beyond the limit it takes what was
// popped from it, no more: else it would hold on to blocks of many spans.
void take_from_span(Bin* bin, Span* span) {
  const uint32_t count = span->linked - span->used;
  bin->free_list = span->free_list;
  bin->bound = bin->net_frees() + (bin->limit > count ? bin->limit - count : 0);
  span->free_list = nullptr;
  span->used = span->linked;
}

Span* span_with_block(ThreadState* thread, Bin* bin) {
  Span* span = bin->partial;
  if (span == nullptr) {
    span = bin->spare;
    bin->spare = nullptr;
    if (span == nullptr) {
      span = new_span(thread, bin);
    }
    if (span == nullptr) {
      return nullptr;
    }
    push_partial(bin, span);
  }
  if (span->free_list == nullptr) {
    link_more(span);
  }
  return span;
}

template <typename Visitor>
void for_each_bin(ThreadState* thread, Visitor visit) {
  for (auto* chunk = reinterpret_cast<BinChunk*>(thread->record.bins); chunk != nullptr;
       chunk = chunk->next) {
    for (Bin& bin : chunk->bins) {
      if (bin.block_bytes != 0) {
        visit(&bin);
      }
    }
  }
}

// A free has been counted that shall not count.
void uncount_free(ThreadState* thread, Bin* bin, const Span* span, const FreeBlock* block) {
  write_relaxed(bin->frees, bin->frees - 1);
  const heap::BlockCharge charge = heap::charge_of(span, block);
  if (span->is_varied()) {
    drop(bin->freed_bytes, charge.requested_bytes);
  } else if (!span->is_uniform()) {
    bump(thread->record.live_bytes, int64_t{charge.requested_bytes});
    OwnerCounters* counters = thread->known_counters(charge.owner);
    drop(counters->frees, 1);
    drop(counters->freed_bytes, charge.requested_bytes);
    drop(counters->freed_usable, charge.usable_bytes);
  }
}

void give_everything_back(ThreadState* thread, Bin* bin) {
  empty_list(thread, bin);
  release_spare(thread, bin);
  if (bin->active && bin->page_count == 0) {
    bin->active = false;  // cold again: its next blocks come from metered spans
    --thread->own_active;
  }
}

}  // namespace

constinit Bin no_bin{};

Bin* metered_bin(ThreadState* thread, unsigned size_class) {
  Bin*& bin = thread->metered[size_class + 1];
  if (bin == &no_bin) {
    Bin* made = take_bin(thread, size_class, Span::kMetered);
    if (made == nullptr) {
      return nullptr;
    }
    bin = made;
    if (size_class == 0) {
      thread->metered[0] = made;
    }
  }
  return bin;
}

Bin* find_own_bin(const ThreadState* thread, uint64_t key) {
  if (thread->own == nullptr) {
    return nullptr;
  }
  for (size_t at = hash_own(key) & thread->own_mask;; at = (at + 1) & thread->own_mask) {
    Bin* bin = thread->own[at];
    if (bin == nullptr || bin->key == key) {
      return bin;
    }
  }
}

Bin* make_own_bin(ThreadState* thread, const OwnKind& kind) {
  Bin* bin = find_own_bin(thread, kind.key);
  if (bin == nullptr) {
    OwnerCounters* counters = counters_of(thread, kind.owner);
    if (counters == &thread->lost ||
        ((thread->own == nullptr || thread->own_count * 2 > thread->own_mask) &&
         !grow_own_table(thread))) {
      return nullptr;
    }
    bin = take_bin(thread, kind.size_class, kind.requested_bytes);
    if (bin == nullptr) {
      return nullptr;
    }
    bin->key = kind.key;
    __atomic_store_n(&bin->owner, kind.owner, __ATOMIC_RELEASE);  // readers may look at the rest
    insert_own(thread->own, thread->own_mask, bin);
    ++thread->own_count;
    counters->own_bins = 1;
  }
  if (!bin->active) {
    bin->active = true;
    ++thread->own_active;
  }
  return bin;
}

bool refill(ThreadState* thread, Bin* bin) {
  bin->allocations_at_sweep = ~static_cast<uint32_t>(bin->allocations);  // not idle
  settle(thread, bin);
  if (__atomic_load_n(&thread->inbox, __ATOMIC_RELAXED) != nullptr) {
    drain_inbox(thread, DrainTo::kLists);
    if (bin->free_list != nullptr) {
      return true;
    }
  }
  Span* span = span_with_block(thread, bin);
  if (span == nullptr) {
    return false;
  }
  take_from_span(bin, span);
  if (span->linked == span->capacity) {
    unlink_partial(bin, span);
    span->state = SpanState::kFull;
  }
  return true;
}

void settle_bins(ThreadState* thread) {
  for_each_bin(thread, [thread](Bin* bin) { settle(thread, bin); });
}

void put_in_span(ThreadState* thread, Bin* bin, Span* span, FreeBlock* block) {
  if (unlikely(span->free_list == block)) {
    uncount_free(thread, bin, span, block);
    return refuse_double_free(thread, block);
  }
  ++bin->bound;
  if (unlikely(give_to_span(span, block))) {
    const BusyScope busy(thread);
    attend(thread, bin, span);
  }
}

void drain_inbox(ThreadState* thread, DrainTo to) {
  FreeBlock* block = __atomic_exchange_n(&thread->inbox, nullptr, __ATOMIC_SEQ_CST);
  while (block != nullptr) {
    FreeBlock* next = block->next;
    __builtin_prefetch(next);
    Span* span = heap::find_span(block);
    Bin* bin = static_cast<Bin*>(span->bin);
    if (to == DrainTo::kLists && bin->net_frees() < bin->bound) {
      push_block(bin, block);
      --bin->bound;
      // It may be handed out before the bin is settled again: as if it were.
      bin->settled_bytes += bin->held_per_block;
      thread->own_held_bytes += bin->held_per_block;
    } else if (give_to_span(span, block)) {
      attend(thread, bin, span);
    }
    block = next;
  }
}

void sweep(ThreadState* thread, bool everything) {
  for_each_bin(thread, [thread, everything](Bin* bin) {
    settle(thread, bin);
    if (everything || static_cast<uint32_t>(bin->allocations) == bin->allocations_at_sweep) {
      give_everything_back(thread, bin);
    } else {
      release_spare(thread, bin);
    }
    bin->allocations_at_sweep = static_cast<uint32_t>(bin->allocations);
  });
}

void retire_bins(ThreadState* thread) {
  retire_checked(thread);
  drain_inbox(thread, DrainTo::kSpans);
  sweep(thread, true);
  send_outgoing(thread);
}

}  // namespace heaptag::allocator
