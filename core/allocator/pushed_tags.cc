#include "core/allocator/pushed_tags.h"

#include <cstring>

#include "core/allocator/threads.h"
#include "core/meta/meta_allocator.h"
#include "core/tag/owners.h"
#include "core/tag/tags.h"

namespace heaptag::allocator {

namespace {

bool has_name(const SlotTable* table, const char* name) {
  const uint32_t tag = index_of(table->tag);
  return tag != 0 && std::strcmp(reinterpret_cast<const char*>(tag::tags()[tag].name), name) == 0;
}

SlotTable* make_table(ThreadState* thread, TagId tag) {
  auto* table = static_cast<SlotTable*>(meta::allocate(sizeof(SlotTable)));
  Slot* slots = make_slots(kFirstSlots);
  if (table == nullptr || slots == nullptr) {
    meta::release(table, sizeof(SlotTable));
    meta::release(slots, kFirstSlots * sizeof(Slot));
    return nullptr;
  }
  *table = {slots, (kFirstSlots - 1) * sizeof(Slot), 0, 0, tag, thread->untagged.next};
  __atomic_store_n(&thread->untagged.next, table, __ATOMIC_RELEASE);
  return table;
}

// The thread's table for a tag; null without memory.
SlotTable* find_table(ThreadState* thread, const char* name) {
  for (SlotTable* table = thread->untagged.next; table != nullptr; table = table->next) {
    if (has_name(table, name)) {
      return table;
    }
  }
  const TagId tag = tag::tag_by_name(name);
  // Another name may stand for all tags beyond the limit.
  for (SlotTable* table = thread->untagged.next; table != nullptr; table = table->next) {
    if (table->tag == tag) {
      return table;
    }
  }
  return tag == TagId::kNone ? nullptr : make_table(thread, tag);
}

}  // namespace

void push_tag(const char* name) {
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  if (thread == nullptr || scope.is_late()) {
    return;
  }
  BusyScope busy(thread);
  if (thread->pushed_tags < kMaxPushedTags) {
    thread->pushed[thread->pushed_tags] = thread->active;
    SlotTable* table = name == nullptr || name[0] == '\0' ? nullptr : find_table(thread, name);
    if (table != nullptr) {
      activate(thread, table);
    }
  }
  ++thread->pushed_tags;
}

void push_tags_of(const ThreadState* interrupted) {
  const uint32_t count = interrupted->pushed_tags;
  for (uint32_t i = 1; i <= count; ++i) {
    // What a push beyond the limit has found is not kept.
    const bool is_kept = i < count && i < kMaxPushedTags;
    const SlotTable* table = is_kept ? interrupted->pushed[i] : interrupted->active;
    const uint32_t tag = index_of(table->tag);
    push_tag(tag == 0 ? nullptr : reinterpret_cast<const char*>(tag::tags()[tag].name));
  }
}

void pop_tag() {
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  if (thread == nullptr || scope.is_late() || thread->pushed_tags == 0) {
    return;
  }
  if (--thread->pushed_tags < kMaxPushedTags) {
    activate(thread, thread->pushed[thread->pushed_tags]);
  }
}

}  // namespace heaptag::allocator
