#include "core/allocator/bins.h"

#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"

namespace heaptag::allocator {

using heap::SpanState;

namespace {

constexpr uint32_t kFirstUniformSlots = 64;
constexpr uint32_t kMaxSpanPages = 16;
constexpr uint32_t kLinkStepBytes = 4096;

bool grow_uniform_table(ThreadState* thread) {
  const uint32_t slots =
      thread->uniform == nullptr ? kFirstUniformSlots : (thread->uniform_mask + 1) * 2;
  Bin** table = static_cast<Bin**>(meta::allocate(slots * sizeof(Bin*)));
  if (table == nullptr) {
    return false;
  }
  if (thread->uniform != nullptr) {
    for (uint32_t i = 0; i <= thread->uniform_mask; ++i) {
      Bin* bin = thread->uniform[i];
      if (bin != nullptr) {
        size_t at = hash_key(bin->key) & (slots - 1);
        while (table[at] != nullptr) {
          at = (at + 1) & (slots - 1);
        }
        table[at] = bin;
      }
    }
    meta::release(thread->uniform, (thread->uniform_mask + 1) * sizeof(Bin*));
  }
  thread->uniform = table;
  thread->uniform_mask = slots - 1;
  return true;
}

bool is_uniform(const Bin* bin) {
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
  if (!is_uniform(bin)) {
    thread->metered_current[bin->size_class] = span;
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
  if (is_uniform(bin)) {
    // Its slot names the span; should no other take its place, nothing may be popped from it there.
    const uint64_t key = slot_key(site_of_key(bin->key), heap::selector_of(bin->requested_bytes));
    Slot* slot = thread->slot_of(key);
    if (slot->key == key && slot->uniform_size == bin->requested_bytes) {
      slot->uniform_size = Slot::kNoSize;
      slot->span = no_span();
    }
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
  span->block_bytes = info.block_bytes;
  span->inverse = info.inverse;
  span->size_class = bin->size_class;
  // Of the pages asked for: a run that could not be cut, for want of a record, is longer.
  span->capacity = static_cast<uint32_t>(pages * heap::kSpanPageBytes / info.block_bytes);
  span->bin = bin;
  if (is_uniform(bin)) {
    span->requested_bytes = bin->requested_bytes;
    span->owner = bin->owner;
    counters_of(thread, bin->owner);  // where its figures go when it is given back
  } else {
    span->meta = static_cast<uint32_t*>(meta::allocate(span->capacity * sizeof(uint32_t)));
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

// Its figures outlive a uniform span: they move to the owner's counters of the same thread.
void fold_figures(ThreadState* thread, Span* span) {
  OwnerCounters* counters = counters_of(thread, span->owner);
  const uint64_t sequence = thread->record.sequence;
  __atomic_store_n(&thread->record.sequence, sequence + 1, __ATOMIC_RELEASE);
  bump(counters->frees, span->frees);
  bump(counters->freed_bytes, span->frees * span->requested_bytes);
  bump(counters->freed_usable, span->frees * span->block_bytes);
  bump(counters->allocations, span->allocations);
  bump(counters->allocated_bytes, span->allocations * span->requested_bytes);
  bump(counters->allocated_usable, span->allocations * span->block_bytes);
  span->owner = OwnerId::kNone;
  __atomic_store_n(&thread->record.sequence, sequence + 2, __ATOMIC_RELEASE);
}

void release_span(ThreadState* thread, Span* span) {
  HEAPTAG_DCHECK(span->used() == 0);
  Bin* bin = static_cast<Bin*>(span->bin);
  --bin->span_count;
  if (span->meta == nullptr) {
    fold_figures(thread, span);
  } else {
    meta::release(span->meta, span->capacity * sizeof(uint32_t));
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
  if (is_uniform(bin) && bin->partial == nullptr && bin->active) {
    bin->active = false;  // cold again: its next blocks come from metered spans
    --thread->uniform_active;
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
  if (thread->uniform != nullptr) {
    for (uint32_t i = 0; i <= thread->uniform_mask; ++i) {
      if (thread->uniform[i] != nullptr) {
        visit(thread->uniform[i]);
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
      set_current(thread, bin, no_span());
    }
  }
  return bin;
}

Bin* find_uniform_bin(const ThreadState* thread, uint64_t key) {
  if (thread->uniform == nullptr) {
    return nullptr;
  }
  for (size_t at = hash_key(key) & thread->uniform_mask;; at = (at + 1) & thread->uniform_mask) {
    Bin* bin = thread->uniform[at];
    if (bin == nullptr || bin->key == key) {
      return bin;
    }
  }
}

Bin* make_uniform_bin(ThreadState* thread, uint64_t key, OwnerId owner, uint32_t requested_bytes) {
  Bin* bin = find_uniform_bin(thread, key);
  if (bin == nullptr) {
    if ((thread->uniform == nullptr || thread->uniform_count * 2 > thread->uniform_mask) &&
        !grow_uniform_table(thread)) {
      return nullptr;
    }
    bin = static_cast<Bin*>(meta::allocate(sizeof(Bin)));
    if (bin == nullptr) {
      return nullptr;
    }
    bin->current = no_span();
    bin->key = key;
    bin->owner = owner;
    bin->requested_bytes = requested_bytes;
    bin->size_class = static_cast<uint8_t>(heap::class_of(requested_bytes));
    size_t at = hash_key(key) & thread->uniform_mask;
    while (thread->uniform[at] != nullptr) {
      at = (at + 1) & thread->uniform_mask;
    }
    thread->uniform[at] = bin;
    ++thread->uniform_count;
  }
  if (!bin->active) {
    bin->active = true;
    ++thread->uniform_active;
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
    if (is_uniform(bin)) {
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
