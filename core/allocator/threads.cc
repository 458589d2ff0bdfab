#include "core/allocator/threads.h"

#include <cstring>

#include "core/allocator/bins.h"
#include "core/allocator/checked_store.h"
#include "core/allocator/interruption.h"
#include "core/allocator/peak.h"
#include "core/allocator/pushed_tags.h"
#include "core/allocator/standing.h"
#include "core/allocator/stray.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"
#include "core/os/lock.h"
#include "core/os/thread_hooks.h"
#include "core/os/vm.h"
#include "core/safety/finding.h"
#include "core/safety/guard_region.h"
#include "core/safety/stacks.h"
#include "core/stack/capture.h"
#include "core/tag/owners.h"

namespace heaptag::allocator {

namespace {

constexpr uint32_t kFirstChunks = 16;
constexpr size_t kMaxOwnersUnderLimit = 64 * 1024;
constexpr size_t kLeastOwners = 2048;
constexpr size_t kLimitBytesPerOwner = 8192;

constinit SlotPair cold_slots = make_empty_slots();
constinit SlotTable cold_table{cold_slots.slots, 0, 0, 0, TagId::kNone, nullptr};

struct Registry {
  os::Lock lock;
  ThreadState* first;
  ThreadState* orphans;
  uint32_t count;     // of states
  uint32_t attached;  // of threads that got one
  bool ready;
  void (*hook)(ThreadState*);
};

constinit Registry registry{{}, &stray_state, nullptr, 0, 0, false, nullptr};

constexpr ThreadState make_cold_state() {
  ThreadState state{};
  state.slots = cold_slots.slots;
  state.active = &cold_table;
  for (Bin*& bin : state.metered) {
    bin = &no_bin;
  }
  return state;
}

// Serves threads that allocate or free after their own teardown.
struct LateState {
  os::Lock lock;
  ThreadState* thread;
};

constinit LateState late{};

// A thread may have several states, one after another or for its signal handlers.
__thread bool tls_is_counted __attribute__((tls_model("initial-exec"))) = false;

// Set when the calling thread's state has become an orphan.
__thread bool tls_torn_down __attribute__((tls_model("initial-exec"))) = false;

size_t owners_under(size_t limit_bytes) {
  const size_t owners = limit_bytes / kLimitBytesPerOwner;
  return owners < kLeastOwners           ? kLeastOwners
         : owners > kMaxOwnersUnderLimit ? kMaxOwnersUnderLimit
                                         : owners;
}

void after_unseen_fork();

bool prepare_heap_locked() {
  if (registry.ready) {
    return true;
  }
  const size_t limit = os::address_space_limit();
  const size_t owners = limit == SIZE_MAX ? heap::BlockMeta::kMaxOwners : owners_under(limit);
  registry.ready = heap::init_address_map() && tag::init_owners(owners);
  if (registry.ready) {
    os::watch_unseen_forks(after_unseen_fork);
  }
  return registry.ready;
}

ThreadState* make_thread_locked() {
  auto* thread = static_cast<ThreadState*>(meta::allocate(sizeof(ThreadState)));
  Slot* slots = make_slots(kFirstSlots);
  void* chunks = meta::allocate(kFirstChunks * sizeof(OwnerCounters*));
  if (thread == nullptr || slots == nullptr || chunks == nullptr) {
    meta::release(thread, sizeof(ThreadState));
    meta::release(slots, kFirstSlots * sizeof(Slot));
    meta::release(chunks, kFirstChunks * sizeof(OwnerCounters*));
    return nullptr;
  }
  thread->untagged = {slots, (kFirstSlots - 1) * sizeof(Slot), 0, 0, TagId::kNone, nullptr};
  activate(thread, &thread->untagged);
  for (Bin*& bin : thread->metered) {
    bin = &no_bin;
  }
  thread->sample_in = 1;
  thread->sample_seed = registry.count + 1;
  thread->record.counters = reinterpret_cast<uintptr_t>(chunks);
  thread->record.counters_chunks = kFirstChunks;
  thread->record.id = ++registry.count;
  thread->batch_number = thread->record.id % kOutgoing;
  thread->record.next = reinterpret_cast<uintptr_t>(registry.first);
  __atomic_store_n(&registry.first, thread, __ATOMIC_RELEASE);
  return thread;
}

// Slots of sites whose call lies in [begin, end). One word of each slot is written, perhaps another
// thread's: whatever it does meanwhile, it finds an empty slot or its own.
void empty_slots_locked(ThreadState* thread, uintptr_t begin, uintptr_t end) {
  write_relaxed(thread->set_aside_of, nullptr);
  for (SlotTable* table = &thread->untagged; table != nullptr;
       table = __atomic_load_n(&table->next, __ATOMIC_ACQUIRE)) {
    for (uint64_t at = 0; at <= table->slot_mask; at += sizeof(Slot)) {
      Slot* slot = table->slots + at / sizeof(Slot);
      const uint64_t key = read_relaxed(slot->key);
      const uintptr_t call = slot->site() - 1;
      if (key != Slot::kNoKey && call >= begin && call < end) {
        write_relaxed(slot->key, Slot::kNoKey);
      }
    }
  }
}

void set_thread_rules_locked(ThreadState* thread, uint64_t bits) {
  write_relaxed(thread->thread_rules, bits);
  empty_slots_locked(thread, 0, UINTPTR_MAX);
}

// What thread: rules say of the calling thread, whoever the state was before.
void name_thread(ThreadState* thread) {
  thread->handle = os::thread_handle();
  if (tag::has_thread_rules()) {
    char name[os::kThreadNameBytes];
    os::thread_name(name);
    const uint64_t bits = tag::thread_rules_of(name);
    os::LockGuard guard(registry.lock);
    if (bits != thread->thread_rules) {
      set_thread_rules_locked(thread, bits);
    }
  }
}

void set_phase(ThreadState* thread, ThreadPhase phase) {
  __atomic_store_n(&thread->record.phase, static_cast<uint32_t>(phase), __ATOMIC_SEQ_CST);
}

// Its blocks may be freed, but nothing is allocated from its spans any more.
void freeze(ThreadState* thread) {
  set_phase(thread, ThreadPhase::kFrozen);
}

bool is_in_phase(const ThreadState* thread, ThreadPhase phase) {
  return thread->record.phase == static_cast<uint32_t>(phase);
}

bool is_orphan(const ThreadState* thread) {
  return is_in_phase(thread, ThreadPhase::kOrphan);
}

void remove_orphan_locked(ThreadState* thread) {
  ThreadState* next = thread->next_orphan;
  ThreadState* previous = thread->previous_orphan;
  (previous == nullptr ? registry.orphans : previous->next_orphan) = next;
  if (next != nullptr) {
    next->previous_orphan = previous;
  }
  thread->next_orphan = nullptr;
  thread->previous_orphan = nullptr;
}

ThreadState* take_thread(ThreadState* wanted) {
  os::LockGuard guard(registry.lock);
  if (!prepare_heap_locked()) {
    return nullptr;
  }
  ThreadState* thread = wanted != nullptr && is_orphan(wanted) ? wanted : registry.orphans;
  if (thread == nullptr) {
    return make_thread_locked();
  }
  remove_orphan_locked(thread);
  thread->teardown_rounds = 0;
  thread->pushed_tags = 0;
  activate(thread, &thread->untagged);
  set_phase(thread, ThreadPhase::kRunning);
  return thread;
}

void make_orphan_locked(ThreadState* thread) {
  set_phase(thread, ThreadPhase::kOrphan);
  drain_inbox(thread, DrainTo::kSpans);  // of those who still saw a running thread
  thread->next_orphan = registry.orphans;
  if (registry.orphans != nullptr) {
    registry.orphans->previous_orphan = thread;
  }
  registry.orphans = thread;
}

[[gnu::noinline]] ThreadState* attach(ThreadState* wanted) {
  if (stands_aside()) {
    return nullptr;
  }
  const QuietScope quiet;
  ThreadState* thread = take_thread(wanted);
  if (thread != nullptr) {
    tls_state = thread;
    name_thread(thread);
    if (tls_interrupted != nullptr) {
      push_tags_of(tls_interrupted);
    }
    if (!tls_is_counted) {
      tls_is_counted = true;
      __atomic_fetch_add(&registry.attached, 1, __ATOMIC_RELAXED);
    }
    if (registry.hook != nullptr) {
      registry.hook(thread);
    }
  }
  return thread;
}

[[gnu::noinline]] ThreadState* enter_late() {
  begin_quiet();
  late.lock.acquire();
  if (late.thread == nullptr) {
    late.thread = take_thread(nullptr);
  }
  if (late.thread != nullptr && tag::has_thread_rules()) {
    name_thread(late.thread);  // it serves many
  }
  return late.thread;
}

[[gnu::noinline]] void leave_late() {
  late.lock.release();
  end_quiet();
}

// In a forked child: locks are free again. `reset` tells whether another thread was at work under a
// lock; what it was changing is left as it is.
template <typename Reset>
void start_afresh(Reset reset) {
  reset(peak_lock_for_fork());
  if (reset(late.lock)) {
    late.thread = nullptr;
  }
  if (reset(tag::owners_lock_for_fork())) {
    tag::stop_learning();
  }
  if (reset(registry.lock)) {
    registry.orphans = nullptr;
    for (ThreadState* thread = first_thread(); thread != nullptr;
         thread = reinterpret_cast<ThreadState*>(thread->record.next)) {
      if (is_orphan(thread)) {
        freeze(thread);  // somebody may have been at it
      }
    }
  }
  nobody_stays();
  if (reset(checked_store_lock_for_fork())) {
    forget_checked_store();
  }
  if (reset(heap::page_heap_lock_for_fork())) {
    heap::forget_free_runs();
  }
  safety::guards_in_forked_child(reset(safety::guard_lock_for_fork()));
  if (reset(safety::stacks_lock_for_fork())) {
    safety::stop_keeping_stacks();
  }
  if (reset(meta::lock_for_fork())) {
    meta::forget_free_memory();
  }
}

/// Running states of threads that are not there in a forked child.
template <typename Visitor>
void for_each_lost_thread(Visitor visit) {
  for (ThreadState* thread = first_thread(); thread != nullptr;
       thread = reinterpret_cast<ThreadState*>(thread->record.next)) {
    if (thread != tls_state && !is_interrupted(thread) && thread != late.thread &&
        is_in_phase(thread, ThreadPhase::kRunning)) {
      visit(thread);
    }
  }
}

// No fork handler has told of it: other threads may have been anywhere.
void after_unseen_fork() {
  os::fork_end();
  safety::listener = nullptr;  // it may have been in the middle of telling
  start_afresh([](os::Lock& lock) { return lock.reset_after_unseen_fork(); });
  for_each_lost_thread(freeze);
}

// In rank order, outermost first.
constexpr unsigned kLocks = 9;

struct RankedLocks {
  os::Lock* locks[kLocks] = {&peak_lock_for_fork(),          &late.lock,
                             &tag::owners_lock_for_fork(),   &registry.lock,
                             &checked_store_lock_for_fork(), &heap::page_heap_lock_for_fork(),
                             &safety::guard_lock_for_fork(), &safety::stacks_lock_for_fork(),
                             &meta::lock_for_fork()};
};

}  // namespace

constinit ThreadState cold_state = make_cold_state();
__thread ThreadState* tls_state __attribute__((tls_model("initial-exec"))) = &cold_state;

ThreadScope::ThreadScope(ThreadState* wanted) : thread_(tls_state) {
  if (unlikely(thread_ == &cold_state)) {
    late_ = tls_torn_down;
    thread_ = late_ ? enter_late() : attach(wanted);
  }
}

ThreadScope::~ThreadScope() {
  if (unlikely(late_)) {
    leave_late();
  }
}

bool prepare_heap() {
  const QuietScope quiet;
  os::LockGuard guard(registry.lock);
  return prepare_heap_locked();
}

bool thread_ending(bool last_round) {
  ThreadState* thread = tls_state;
  if (thread == &cold_state) {
    return false;
  }
  if (!last_round) {
    return true;
  }
  const QuietScope quiet;
  tls_torn_down = true;
  tls_state = &cold_state;
  give_back(thread);
  give_back_interrupted();
  return false;
}

void give_back(ThreadState* thread) {
  const QuietScope quiet;
  {
    // A child forked meanwhile must not send the same blocks again.
    const BusyScope busy(thread);
    retire_bins(thread);  // takes the registry's lock itself when it meets an orphan
    publish_live(thread);
  }
  os::LockGuard guard(registry.lock);
  make_orphan_locked(thread);
}

void set_thread_hook(void (*hook)(ThreadState*)) {
  registry.hook = hook;
  if (tls_state != &cold_state) {
    hook(tls_state);
  }
}

void help_orphan(ThreadState* thread) {
  os::LockGuard guard(registry.lock);
  if (is_orphan(thread)) {
    drain_inbox(thread, DrainTo::kSpans);
  }
}

Slot* make_slots(uint64_t count) {
  auto* slots = static_cast<Slot*>(meta::allocate(count * sizeof(Slot)));
  for (uint64_t i = 0; slots != nullptr && i < count; ++i) {
    slots[i].key = Slot::kNoKey;
  }
  return slots;
}

void grow_slots(ThreadState* thread) {
  SlotTable& table = *thread->active;
  const uint64_t old_count = table.slot_mask / sizeof(Slot) + 1;
  Slot* slots = make_slots(old_count * 2);
  if (slots == nullptr) {
    return;
  }
  // Under the lock: others empty slots in the tables of all threads.
  os::LockGuard guard(registry.lock);
  Slot* old = table.slots;
  table.slots = slots;
  table.slot_mask = (old_count * 2 - 1) * sizeof(Slot);
  for (uint64_t i = 0; i < old_count; ++i) {
    if (old[i].key != Slot::kNoKey) {
      *table.place_for(old[i].key) = old[i];
      ++table.used;
    }
  }
  activate(thread, &table);
  meta::release(old, old_count * sizeof(Slot));
}

void forget_unloaded_modules() {
  const QuietScope quiet;
  stack::forget_rows();
  tag::forget_unloaded([](uintptr_t begin, uintptr_t end) {
    os::LockGuard guard(registry.lock);
    for (ThreadState* thread = first_thread(); thread != nullptr;
         thread = reinterpret_cast<ThreadState*>(thread->record.next)) {
      empty_slots_locked(thread, begin, end);
    }
  });
}

void start_checking() {
  const ThreadScope scope;
  ThreadState* thread = scope.thread();
  if (thread == nullptr) {
    return;
  }
  const BusyScope busy(thread);
  retire_bins(thread);
  for (Bin*& bin : thread->metered) {
    bin = &no_bin;
  }
  os::LockGuard guard(registry.lock);
  empty_slots_locked(thread, 0, UINTPTR_MAX);
}

void forget_slots() {
  const QuietScope quiet;
  os::LockGuard guard(registry.lock);
  for (ThreadState* thread = first_thread(); thread != nullptr;
       thread = reinterpret_cast<ThreadState*>(thread->record.next)) {
    empty_slots_locked(thread, 0, UINTPTR_MAX);
  }
}

void rules_have_come() {
  const QuietScope quiet;
  if (tls_state != &cold_state) {
    name_thread(tls_state);
    os::LockGuard guard(registry.lock);
    empty_slots_locked(tls_state, 0, UINTPTR_MAX);
  }
}

void thread_renamed(uintptr_t handle, const char* name) {
  if (!tag::has_thread_rules()) {
    return;
  }
  const QuietScope quiet;
  const uint64_t bits = tag::thread_rules_of(name);
  os::LockGuard guard(registry.lock);
  for (ThreadState* thread = first_thread(); thread != nullptr;
       thread = reinterpret_cast<ThreadState*>(thread->record.next)) {
    if (thread->handle == handle && is_in_phase(thread, ThreadPhase::kRunning)) {
      set_thread_rules_locked(thread, bits);
    }
  }
}

void read_loaded_modules() {
  const QuietScope quiet;
  tag::read_loaded_modules();
}

void prepare_for_limit(size_t limit_bytes) {
  const QuietScope quiet;
  heap::give_up_reservation(limit_bytes);
  safety::give_up_unused_guards();
  tag::trim_owners(owners_under(limit_bytes));
}

void limit_is_over() {
  const QuietScope quiet;
  heap::take_back_reservation();
  tag::restore_owners();
}

ThreadState* first_thread() {
  return __atomic_load_n(&registry.first, __ATOMIC_ACQUIRE);
}

ThreadState* const* first_thread_address() {
  return &registry.first;
}

uint32_t threads_ever() {
  return __atomic_load_n(&registry.attached, __ATOMIC_RELAXED);
}

const uint32_t* threads_ever_address() {
  return &registry.attached;
}

OwnerCounters* counters_of(ThreadState* thread, OwnerId owner) {
  const uint32_t index = index_of(owner) / wire::kOwnersPerChunk;
  if (unlikely(index >= thread->record.counters_chunks)) {
    uint64_t wanted = thread->record.counters_chunks * 2;
    while (wanted <= index) {
      wanted *= 2;
    }
    auto** chunks = static_cast<OwnerCounters**>(meta::allocate(wanted * sizeof(OwnerCounters*)));
    if (chunks == nullptr) {
      return &thread->lost;
    }
    std::memcpy(chunks, thread->counter_chunks(),
                thread->record.counters_chunks * sizeof(OwnerCounters*));
    // The old array stays: a reader may look at it.
    __atomic_store_n(&thread->record.counters, reinterpret_cast<uintptr_t>(chunks),
                     __ATOMIC_RELEASE);
    __atomic_store_n(&thread->record.counters_chunks, wanted, __ATOMIC_RELEASE);
  }
  OwnerCounters*& chunk = thread->counter_chunks()[index];
  if (unlikely(chunk == nullptr)) {
    void* memory = prepare_stray(owner)
                       ? meta::allocate(wire::kOwnersPerChunk * sizeof(OwnerCounters))
                       : nullptr;
    if (memory == nullptr) {
      return &thread->lost;
    }
    __atomic_store_n(&chunk, static_cast<OwnerCounters*>(memory), __ATOMIC_RELEASE);
  }
  return chunk + index_of(owner) % wire::kOwnersPerChunk;
}

void prepare_fork() {
  os::lock_streams();
  for (os::Lock* lock : RankedLocks().locks) {
    lock->acquire_for_fork();
  }
  os::fork_begin();
}

void after_fork_in_parent() {
  os::fork_end();
  // Innermost first: who has borrowed one may be waiting for another.
  const RankedLocks ranked;
  for (unsigned i = kLocks; i-- > 0;) {
    ranked.locks[i]->release_after_fork();
  }
  os::unlock_streams();
}

void after_fork_in_child() {
  os::note_seen_fork();
  os::fork_end();
  os::reset_streams();
  start_afresh([](os::Lock& lock) { return lock.reset_after_fork(); });
  // What a thread in the middle of a slow path owned is left alone.
  for_each_lost_thread([](ThreadState* thread) {
    if (thread->busy != 0) {
      freeze(thread);
    } else {
      retire_bins(thread);
      make_orphan_locked(thread);
    }
  });
  if (late.thread != nullptr && late.thread->busy != 0) {
    freeze(late.thread);
    late.thread = nullptr;
  }
}

}  // namespace heaptag::allocator
