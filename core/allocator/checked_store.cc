#include "core/allocator/checked_store.h"

#include "core/allocator/checked_verify.h"
#include "core/base/units.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"
#include "core/safety/settings.h"

namespace heaptag::allocator {

using heap::FreeBlock;
using heap::SpanState;

namespace {

// Pages of empty spans that are kept: what happens to their blocks is seen before the next use, and
// not when they have gone back to the page heap.
constexpr uint32_t kMaxSparePages = 1024;

struct SizeStore {
  Span* partial;  // spans with free blocks, linked by next and prev
  Span* spare;    // empty ones that are kept, out of `partial`
  uint32_t span_count;
};

// A few large blocks are more than a quarantine that fits the cache.
constexpr uint64_t kLargeWaitingBytes = 16 * kMiB;

// Large blocks that wait, the oldest first.
struct LargeQueue {
  BlockRecord* first;
  BlockRecord* last;
  uint64_t bytes;
};

struct Store {
  os::Lock lock;
  uint32_t staying;   // SpansStay in scope (atomic)
  Span* large_to_go;  // when nobody wants them to stay any more, linked by next
  LargeQueue large;
  uint32_t spare_pages;
  SizeStore sizes[heap::kClassCount];
};

constinit Store store{};

void link_partial(SizeStore* size, Span* span) {
  span->prev = nullptr;
  span->next = size->partial;
  if (span->next != nullptr) {
    span->next->prev = span;
  }
  size->partial = span;
}

void unlink_partial(SizeStore* size, Span* span) {
  (span->prev == nullptr ? size->partial : span->prev->next) = span->next;
  if (span->next != nullptr) {
    span->next->prev = span->prev;
  }
  span->next = nullptr;
  span->prev = nullptr;
}

bool has_free_block(const Span* span) {
  return span->free_list != nullptr || span->linked < span->capacity;
}

size_t record_bytes_of(const Span* span) {
  return span->capacity * sizeof(BlockRecord);
}

size_t kept_bytes_of(const Span* span) {
  return safety::settings.keeps_content ? span->capacity * safety::keepable_bytes(span->block_bytes)
                                        : 0;
}

void release_tables(Span* span) {
  meta::release(span->words, record_bytes_of(span));
  if (span->bin != nullptr) {
    meta::release(span->bin, kept_bytes_of(span));
  }
  span->words = nullptr;
  span->bin = nullptr;
}

bool make_tables(Span* span) {
  span->words = static_cast<uint32_t*>(meta::allocate(record_bytes_of(span)));
  if (span->words == nullptr) {
    return false;
  }
  const size_t kept_bytes = kept_bytes_of(span);
  span->bin = kept_bytes == 0 ? nullptr : meta::allocate(kept_bytes);  // without: no copies
  return true;
}

// All pages are mapped: pointers to the middle of a block find it.
void publish(Span* span) {
  heap::map_span_pages(span);
  span->state = SpanState::kChecked;
}

Span* new_span_locked(unsigned size_class) {
  const heap::ClassInfo& info = heap::kClasses[size_class];
  SizeStore& size = store.sizes[size_class];
  const uint32_t pages = heap::next_span_pages(size_class, size.span_count);
  Span* span = heap::allocate_run(pages);
  if (span == nullptr) {
    return nullptr;
  }
  span->flags = 0;
  span->block_bytes = static_cast<uint16_t>(info.block_bytes);
  span->inverse = info.inverse;
  span->size_class = static_cast<uint8_t>(size_class);
  span->capacity = static_cast<uint32_t>(pages * heap::kSpanPageBytes / info.block_bytes);
  if (!make_tables(span)) {
    heap::release_run(span, true);
    return nullptr;
  }
  publish(span);
  ++size.span_count;
  return span;
}

Span* span_with_block_locked(unsigned size_class) {
  SizeStore& size = store.sizes[size_class];
  Span* span = size.partial;
  if (span != nullptr) {
    return span;
  }
  span = size.spare;
  if (span != nullptr) {
    size.spare = span->next;
    store.spare_pages -= span->page_count;
  } else {
    span = new_span_locked(size_class);
  }
  if (span != nullptr) {
    link_partial(&size, span);
  }
  return span;
}

BlockRecord* take_block_locked(Span* span) {
  auto* record = reinterpret_cast<BlockRecord*>(span->free_list);
  if (record != nullptr) {
    span->free_list = reinterpret_cast<FreeBlock*>(record->next());
  } else {
    record = records_of(span) + span->linked;
    record->begin(span->base + size_t{span->linked} * span->block_bytes);
    ++span->linked;
  }
  ++span->used;
  return record;
}

bool must_stay() {
  return __atomic_load_n(&store.staying, __ATOMIC_SEQ_CST) != 0;
}

void keep_spare_locked(Span* span) {
  SizeStore& size = store.sizes[span->size_class];
  store.spare_pages += span->page_count;
  span->next = size.spare;
  size.spare = span;
}

// Returns the span when nobody has any of its blocks, and it may go.
Span* give_block_locked(BlockRecord* record) {
  Span* span = heap::find_span(record->base());
  SizeStore& size = store.sizes[span->size_class];
  if (!has_free_block(span)) {
    link_partial(&size, span);
  }
  record->set_next(reinterpret_cast<BlockRecord*>(span->free_list));
  span->free_list = reinterpret_cast<FreeBlock*>(record);
  if (--span->used != 0) {
    return nullptr;
  }
  unlink_partial(&size, span);
  if (size.spare == nullptr || store.spare_pages + span->page_count <= kMaxSparePages) {
    keep_spare_locked(span);
    return nullptr;
  }
  --size.span_count;
  return span;
}

// Nobody can reach its blocks any more but those who walk all spans, and stray writes.
void release_span(Span* span) {
  verify_span(span, safety::FoundWhen::kEviction);
  {
    os::LockGuard guard(store.lock);
    if (must_stay()) {
      ++store.sizes[span->size_class].span_count;
      return keep_spare_locked(span);
    }
    span->state = SpanState::kUnused;
  }
  release_tables(span);
  heap::release_run(span, false);
}

Span* span_of(const BlockRecord* record) {
  return heap::find_span(record->base());
}

void unlink_large_locked(const BlockRecord* record, BlockRecord* before) {
  LargeQueue& queue = store.large;
  if (before == nullptr) {
    queue.first = record->next();
  } else {
    before->set_next(record->next());
  }
  if (queue.last == record) {
    queue.last = before;
  }
  queue.bytes -= span_of(record)->size_bytes();
}

// The oldest one, if more wait than have to.
BlockRecord* take_old_large() {
  os::LockGuard guard(store.lock);
  LargeQueue& queue = store.large;
  const uint64_t quarantine = safety::settings.quarantine_bytes;
  const uint64_t most = quarantine < kLargeWaitingBytes ? kLargeWaitingBytes : quarantine;
  BlockRecord* record = queue.first;
  if (record == nullptr || record == queue.last || queue.bytes <= most) {
    return nullptr;
  }
  unlink_large_locked(record, nullptr);
  return record;
}

}  // namespace

BlockRecord* take_from_store(unsigned size_class, uint32_t count) {
  os::LockGuard guard(store.lock);
  BlockRecord* taken = nullptr;
  for (; count != 0; --count) {
    Span* span = span_with_block_locked(size_class);
    if (span == nullptr) {
      break;
    }
    add_first(&taken, take_block_locked(span));
    if (!has_free_block(span)) {
      unlink_partial(&store.sizes[size_class], span);
    }
  }
  return taken;
}

void give_to_store(BlockRecord* blocks) {
  Span* empty = nullptr;
  {
    os::LockGuard guard(store.lock);
    for (BlockRecord* record = blocks; record != nullptr;) {
      BlockRecord* next = record->next();
      Span* span = give_block_locked(record);
      if (span != nullptr) {
        span->next = empty;
        empty = span;
      }
      record = next;
    }
  }
  while (empty != nullptr) {
    Span* next = empty->next;
    empty->next = nullptr;
    release_span(empty);
    empty = next;
  }
}

Span* take_large_checked(size_t bytes, size_t requested, uint32_t alignment_pages, size_t front) {
  constexpr size_t kMaxBytes = size_t{1} << 43;  // page counts fit 32 bits
  if (bytes > kMaxBytes) {
    return nullptr;
  }
  const auto pages =
      static_cast<uint32_t>((bytes + heap::kSpanPageBytes - 1) / heap::kSpanPageBytes);
  Span* span = heap::allocate_run(pages == 0 ? 1 : pages, alignment_pages);
  if (span == nullptr) {
    return nullptr;
  }
  span->block_bytes = 0;
  span->capacity = 1;
  span->linked = 1;
  span->used = 1;
  span->inverse = static_cast<uint32_t>(front);
  span->requested_large = requested;
  if (!make_tables(span)) {
    heap::release_run(span, true);
    return nullptr;
  }
  records_of(span)->begin(span->base);
  publish(span);
  return span;
}

void give_large_checked(Span* span) {
  Span* going = nullptr;
  {
    os::LockGuard guard(store.lock);
    span->next = store.large_to_go;
    store.large_to_go = span;
    if (must_stay()) {
      return;
    }
    going = store.large_to_go;
    store.large_to_go = nullptr;
    for (Span* one = going; one != nullptr; one = one->next) {
      one->state = SpanState::kUnused;
    }
  }
  while (going != nullptr) {
    Span* next = going->next;
    going->next = nullptr;
    release_tables(going);
    going->flags &= static_cast<uint8_t>(~(heap::kFlagZeroed | heap::kZoneFlags));
    heap::release_run(going, false);
    going = next;
  }
}

SpansStay::SpansStay() {
  __atomic_fetch_add(&store.staying, 1U, __ATOMIC_SEQ_CST);
}

SpansStay::~SpansStay() {
  __atomic_fetch_sub(&store.staying, 1U, __ATOMIC_SEQ_CST);
}

void visit_checked_spans(SpanVisitor visit, void* context) {
  os::LockGuard guard(store.lock);
  const uint32_t records = heap::span_record_count();
  for (uint32_t i = 1; i < records; ++i) {
    Span* span = heap::span_at(i);
    if (is_checked(span)) {
      visit(context, span);
    }
  }
}

void put_large_checked(BlockRecord* record) {
  record->set_next(nullptr);
  {
    os::LockGuard guard(store.lock);
    LargeQueue& queue = store.large;
    if (queue.first == nullptr) {
      queue.first = record;
    } else {
      queue.last->set_next(record);
    }
    queue.last = record;
    queue.bytes += span_of(record)->size_bytes();
  }
  while (BlockRecord* old = take_old_large()) {
    Span* span = span_of(old);
    if (check_freed(block_at(span, 0), safety::FoundWhen::kEviction)) {
      give_large_checked(span);
    }
  }
}

Span* reuse_large_checked(uint32_t page_count) {
  constexpr unsigned kMostLookedAt = 8;
  Span* span = nullptr;
  {
    os::LockGuard guard(store.lock);
    LargeQueue& queue = store.large;
    BlockRecord* before = nullptr;
    BlockRecord* record = queue.first;
    uint64_t younger_bytes = queue.bytes;
    for (unsigned i = 0; i < kMostLookedAt && record != nullptr; ++i) {
      younger_bytes -= span_of(record)->size_bytes();
      if (younger_bytes < safety::settings.quarantine_bytes) {
        break;
      }
      if (span_of(record)->page_count == page_count) {
        span = span_of(record);
        unlink_large_locked(record, before);
        break;
      }
      before = record;
      record = record->next();
    }
  }
  return span != nullptr && check_freed(block_at(span, 0), safety::FoundWhen::kReuse) ? span
                                                                                      : nullptr;
}

uint64_t waiting_large_bytes() {
  return read_relaxed(store.large.bytes);
}

os::Lock& checked_spans_lock() {
  return store.lock;
}

bool retire_checked_span(Span* span) {
  os::LockGuard guard(store.lock);
  if (must_stay()) {
    return false;
  }
  span->state = SpanState::kUnused;
  return true;
}

os::Lock& checked_store_lock_for_fork() {
  return store.lock;
}

void nobody_stays() {
  store.staying = 0;
}

void forget_checked_store() {
  store.spare_pages = 0;
  store.large = {};
  store.large_to_go = nullptr;
  // They keep what they have, and one block that nobody will free: they never become empty.
  const uint32_t records = heap::span_record_count();
  for (uint32_t i = 1; i < records; ++i) {
    Span* span = heap::span_at(i);
    if (is_checked(span) && !is_large(span)) {
      span->free_list = nullptr;
      span->next = nullptr;
      span->prev = nullptr;
      span->linked = span->capacity;
      ++span->used;
    }
  }
  for (SizeStore& size : store.sizes) {
    size = {};
  }
}

}  // namespace heaptag::allocator
