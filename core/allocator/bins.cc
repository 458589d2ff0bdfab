#include "core/allocator/bins.h"

#include "core/allocator/figures.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"
#include "core/tag/owners.h"

namespace heaptag::allocator {

using heap::SpanState;

namespace {

constexpr uint32_t kFirstOwnEntries = 64;
constexpr uint32_t kMaxSpanPages = 16;
constexpr uint32_t kLinkStepBytes = 4096;

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

bool is_own(const Bin* bin) {
  return bin->key != 0;
}

void push_partial(Bin* bin, Span* span) {
  span->state = SpanState::kPartial;
  span->wait_for(0);
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

// The next blocks that were never handed out: about a page's worth, so that a new span is touched
// as it is used.
bool link_more(Span* span) {
  uint32_t count = span->capacity - span->linked;
  if (count == 0) {
    return false;
  }
  const uint32_t step = kLinkStepBytes / span->block_bytes;
  count = count > step ? (step == 0 ? 1 : step) : count;
  char* block = span->base + size_t{span->linked} * span->block_bytes;
  span->linked += count;
  void* rest = span->free_list;
  span->free_list = block;
  for (; count > 1; --count) {
    *reinterpret_cast<void**>(block) = block + span->block_bytes;
    block += span->block_bytes;
  }
  *reinterpret_cast<void**>(block) = rest;
  return true;
}

bool has_free_block(Span* span) {
  return span->free_list != nullptr || link_more(span);
}

void set_current(ThreadState* thread, Bin* bin, Span* span) {
  bin->current = span;
  if (is_own(bin)) {
    return;
  }
  thread->metered_current[bin->size_class + 1] = span;
  if (bin->size_class == 0) {
    thread->metered_current[0] = span;
  }
}

void clear_slot_in(ThreadState* thread, const SlotTable& table, uint64_t key, const Bin* bin) {
  Slot* slot = table.slot_of(key);
  if (slot->key != key || OwnerId{slot->owner} != bin->owner) {
    return;
  }
  if (bin->requested_bytes != Span::kVaried) {
    if (slot->uniform_size == bin->requested_bytes) {
      slot->uniform_size = Slot::kNoSize;
      slot->uniform_span = no_span();
    }
  } else if (slot->is_varied != 0) {
    slot->is_varied = 0;
    slot->counters = thread->known_counters(bin->owner);
  }
}

// Should no other span take the place of the current one, nothing may be popped from it through a
// slot.
void clear_slot(ThreadState* thread, const Bin* bin) {
  const uint64_t key = slot_key(tag::owners()[index_of(bin->owner)].site, bin->selector);
  for (const SlotTable* table = &thread->untagged; table != nullptr; table = table->next) {
    clear_slot_in(thread, *table, key, bin);
  }
}

void make_current(ThreadState* thread, Bin* bin, Span* span) {
  span->state = SpanState::kCurrent;
  span->wait_for(Span::kWaitNever);
  set_current(thread, bin, span);
  thread->current_span_bytes += span->size_bytes();
  if (thread->current_span_bytes > thread->current_span_bytes_max) {
    thread->current_span_bytes_max = thread->current_span_bytes;
  }
}

void drop_current(ThreadState* thread, Bin* bin) {
  if (is_own(bin)) {
    clear_slot(thread, bin);
  }
  thread->current_span_bytes -= bin->current->size_bytes();
  set_current(thread, bin, no_span());
}

void set_full(Span* span) {
  span->state = SpanState::kFull;
  span->wait_for(span->capacity);
}

uint32_t pages_for_new_span(const Bin* bin) {
  // A bin's spans grow with it: an eighth or so of what it holds, within one page and 64 KiB.
  const uint32_t base = heap::kClasses[bin->size_class].base_pages;
  uint32_t pages = base;
  for (uint32_t spans = bin->span_count; spans >= 4 && pages * 2 <= kMaxSpanPages; spans /= 2) {
    pages *= 2;
  }
  return pages;
}

size_t meta_bytes_of(const Span* span) {
  if (span->requested_bytes == Span::kMetered) {
    return span->capacity * sizeof(uint32_t);
  }
  return span->requested_bytes == Span::kVaried ? span->capacity : 0;
}

Span* new_span(ThreadState* thread, Bin* bin) {
  if (heap::growth_is_due()) {
    sweep(thread);
  }
  uint32_t pages = pages_for_new_span(bin);
  Span* span = heap::allocate_run(pages);
  if (span == nullptr && pages > heap::kClasses[bin->size_class].base_pages) {
    pages = heap::kClasses[bin->size_class].base_pages;
    span = heap::allocate_run(pages);
  }
  if (span == nullptr) {
    return nullptr;
  }
  const heap::ClassInfo& info = heap::kClasses[bin->size_class];
  span->flags = 0;
  write_relaxed(span->block_bytes, info.block_bytes);
  span->inverse = info.inverse;
  span->size_class = bin->size_class;
  // Of the pages asked for: a run that could not be cut, for want of a record, is longer.
  span->capacity = static_cast<uint32_t>(pages * heap::kSpanPageBytes / info.block_bytes);
  span->bin = bin;
  write_relaxed(span->requested_bytes, bin->requested_bytes);
  write_relaxed(span->owner, bin->owner);
  const size_t meta_bytes = meta_bytes_of(span);
  if (meta_bytes != 0) {
    span->meta = meta::allocate(meta_bytes);
    if (span->meta == nullptr) {
      heap::release_run(span, false);
      return nullptr;
    }
  }
  __atomic_store_n(&span->thread, static_cast<void*>(thread), __ATOMIC_RELEASE);
  heap::map_span_pages(span);
  ++bin->span_count;
  link_more(span);
  return span;
}

// The figures of a span with one owner outlive it: they move to the owner's counters of the same
// thread, which exist since the bin was made.
void fold_figures(ThreadState* thread, Span* span) {
  OwnerCounters* counters = thread->known_counters(span->owner);
  const uint64_t freed_usable = span->frees * span->block_bytes;
  const uint64_t allocated_usable = span->allocations * span->block_bytes;
  const bool varied = span->is_varied();
  wait_until_figures_may_move();
  const uint64_t sequence = thread->record.sequence;
  __atomic_store_n(&thread->record.sequence, sequence + 1, __ATOMIC_RELEASE);
  bump(counters->frees, span->frees);
  bump(counters->freed_bytes, varied ? span->freed_bytes : span->frees * span->requested_bytes);
  bump(counters->freed_usable, freed_usable);
  bump(counters->allocations, span->allocations);
  bump(counters->allocated_bytes,
       varied ? span->allocated_bytes : span->allocations * span->requested_bytes);
  bump(counters->allocated_usable, allocated_usable);
  write_relaxed(span->owner, OwnerId::kNone);
  __atomic_store_n(&thread->record.sequence, sequence + 2, __ATOMIC_RELEASE);
}

void release_span(ThreadState* thread, Span* span) {
  HEAPTAG_DCHECK(span->used() == 0);
  Bin* bin = static_cast<Bin*>(span->bin);
  --bin->span_count;
  if (is_own(bin)) {
    fold_figures(thread, span);
  }
  const size_t meta_bytes = meta_bytes_of(span);
  if (meta_bytes != 0) {
    meta::release(span->meta, meta_bytes);
  }
  heap::release_run(span, false);
}

// An empty span that is in the bin's list.
void retire_empty(ThreadState* thread, Bin* bin, Span* span) {
  unlink_partial(bin, span);
  if (bin->spare == nullptr) {
    bin->spare = span;
  } else {
    release_span(thread, span);
  }
}

void release_spare(ThreadState* thread, Bin* bin) {
  Span* spare = bin->spare;
  if (spare != nullptr) {
    bin->spare = nullptr;
    release_span(thread, spare);
  }
}

void release_idle_current(ThreadState* thread, Bin* bin) {
  Span* span = bin->current;
  if (span == no_span() || span->used() != 0) {
    return;
  }
  if (is_own(bin) && bin->partial == nullptr && bin->active) {
    bin->active = false;  // cold again: its next blocks come from metered spans
    --thread->own_active;
  }
  drop_current(thread, bin);
  release_span(thread, span);
}

template <typename Visitor>
void for_each_bin(ThreadState* thread, Visitor visit) {
  for (Bin* bin : thread->metered) {
    if (bin != nullptr) {
      visit(bin);
    }
  }
  if (thread->own != nullptr) {
    for (uint32_t i = 0; i <= thread->own_mask; ++i) {
      if (thread->own[i] != nullptr) {
        visit(thread->own[i]);
      }
    }
  }
}

}  // namespace

Bin* metered_bin(ThreadState* thread, unsigned size_class) {
  Bin*& bin = thread->metered[size_class];
  if (bin == nullptr) {
    bin = static_cast<Bin*>(meta::allocate(sizeof(Bin)));
    if (bin != nullptr) {
      bin->size_class = static_cast<uint8_t>(size_class);
      bin->requested_bytes = Span::kMetered;
      set_current(thread, bin, no_span());
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

Bin* make_own_bin(ThreadState* thread, const Bin& like) {
  Bin* bin = find_own_bin(thread, like.key);
  if (bin == nullptr) {
    OwnerCounters* counters = counters_of(thread, like.owner);
    if (counters == &thread->lost ||
        ((thread->own == nullptr || thread->own_count * 2 > thread->own_mask) &&
         !grow_own_table(thread))) {
      return nullptr;
    }
    bin = static_cast<Bin*>(meta::allocate(sizeof(Bin)));
    if (bin == nullptr) {
      return nullptr;
    }
    *bin = like;
    bin->current = no_span();
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

Span* refill(ThreadState* thread, Bin* bin) {
  Span* span = bin->current;
  if (span != no_span()) {
    if (has_free_block(span)) {
      return span;
    }
    drop_current(thread, bin);
    set_full(span);
  }
  if (__atomic_load_n(&thread->inbox, __ATOMIC_RELAXED) != nullptr) {
    drain_inbox(thread);
  }
  while ((span = bin->partial) != nullptr) {
    unlink_partial(bin, span);
    if (has_free_block(span)) {
      make_current(thread, bin, span);
      return span;
    }
    set_full(span);
  }
  span = bin->spare;
  bin->spare = nullptr;
  if (span == nullptr) {
    span = new_span(thread, bin);
  }
  if (span != nullptr) {
    make_current(thread, bin, span);
  }
  return span;
}

void attend(ThreadState* thread, Span* span) {
  BusyScope busy(thread);
  Bin* bin = static_cast<Bin*>(span->bin);
  if (span->state == SpanState::kFull) {
    push_partial(bin, span);
  }
  if (span->state == SpanState::kPartial && span->used() == 0) {
    retire_empty(thread, bin, span);
  }
}

void drain_inbox(ThreadState* thread) {
  void* block = __atomic_exchange_n(&thread->inbox, nullptr, __ATOMIC_SEQ_CST);
  while (block != nullptr) {
    void* next = *static_cast<void**>(block);
    __builtin_prefetch(next);
    Span* span = heap::find_span(block);
    *static_cast<void**>(block) = span->free_list;
    span->free_list = block;
    ++span->settled;
    ++span->threshold;
    if (span->attention_needed()) {
      attend(thread, span);
    }
    block = next;
  }
}

void sweep(ThreadState* thread) {
  for_each_bin(thread, [thread](Bin* bin) {
    release_spare(thread, bin);
    if (is_own(bin)) {
      release_idle_current(thread, bin);
    }
  });
}

void retire_bins(ThreadState* thread) {
  drain_inbox(thread);
  for_each_bin(thread, [thread](Bin* bin) {
    release_spare(thread, bin);
    release_idle_current(thread, bin);
  });
}

}  // namespace heaptag::allocator
