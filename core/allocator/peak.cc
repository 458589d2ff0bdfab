#include "core/allocator/peak.h"

#include "core/allocator/bins.h"
#include "core/allocator/deferred.h"
#include "core/allocator/figures.h"
#include "core/allocator/threads.h"
#include "core/base/units.h"
#include "core/os/clock.h"
#include "core/tag/owners.h"
#include "core/tag/tags.h"

namespace heaptag::allocator {

namespace {

// The peak is looked at when the sum has grown by this part of it: the number of looks is
// logarithmic.
constexpr unsigned kStepShift = 6;
constexpr int64_t kLeastStepBytes = 4 * kKiB;

// A look adds up the counters of all owners: a heap that is small beside them is looked at when it
// has grown by as much as they take.
constexpr int64_t kStepBytesPerOwner = sizeof(OwnerCounters);

constexpr uint64_t kPatienceNs = 100'000'000;

struct State {
  os::Lock lock;
  int64_t held_bytes;  // what threads have published (atomic)
  int64_t look_at_bytes;
  int64_t seen_bytes;  // the most that threads have held at a look
  wire::PeakRecord peak;
};

constinit State state{{}, 0, kLeastStepBytes, 0, {0, kLeastStepBytes, 0}};

int64_t step_of(uint64_t bytes) {
  const auto share = static_cast<int64_t>(bytes >> kStepShift);
  const int64_t least = kLeastStepBytes + int64_t{tag::owner_count()} * kStepBytesPerOwner;
  return share < least ? least : share;
}

void add_part(void* /*context*/, uint32_t owner, const OwnerCounters& part) {
  wire::OwnerRecord& record = tag::owners()[owner];
  record.scratch[0] += part.allocated_bytes;
  record.scratch[1] += part.freed_bytes;
}

// Of a bin that may be at work: a look that is interrupted between the two words tries again.
int64_t held_by_bin(const Bin& bin) {
  if (__atomic_load_n(&bin.owner, __ATOMIC_ACQUIRE) == OwnerId::kNone) {
    return 0;
  }
  constexpr int kTries = 3;
  uint64_t frees = read_relaxed(bin.frees);
  for (int i = 0;; ++i) {
    const uint64_t allocations = __atomic_load_n(&bin.allocations, __ATOMIC_ACQUIRE);
    const uint64_t frees_now = read_relaxed(bin.frees);
    if (frees_now == frees || i == kTries) {
      return static_cast<int64_t>(allocations - frees) * bin.held_per_block;
    }
    frees = frees_now;
  }
}

int64_t held_by_bins(const ThreadState* thread) {
  int64_t sum = 0;
  for (const auto* chunk = first_bins(thread); chunk != nullptr; chunk = chunk->next) {
    for (const Bin& bin : chunk->bins) {
      sum += held_by_bin(bin);
    }
  }
  return sum;
}

uint64_t live_of(const wire::OwnerRecord& record) {
  return record.scratch[0] > record.scratch[1] ? record.scratch[0] - record.scratch[1] : 0;
}

void raise(uint64_t& peak, uint64_t live) {
  peak = live > peak ? live : peak;
}

void add_up_locked(uint32_t owners) {
  wire::OwnerRecord* records = tag::owners();
  for (uint32_t i = 1; i < owners; ++i) {
    records[i].scratch[0] = 0;
    records[i].scratch[1] = 0;
  }
  visit_figures({add_part, nullptr}, Order::kAllocatedFirst);
}

void look_locked() {
  const uint32_t owners = tag::owner_count();
  wire::OwnerRecord* records = tag::owners();
  add_up_locked(owners);
  const uint32_t tags = tag::tag_count();
  wire::TagRecord* tag_records = tag::tags();
  for (uint32_t i = 1; i < tags; ++i) {
    tag_records[i].scratch = 0;
  }
  uint64_t sum = 0;
  for (uint32_t i = 1; i < owners; ++i) {
    const uint64_t live = live_of(records[i]);
    sum += live;
    raise(records[i].peak_live_bytes, live);
    if (records[i].tag != 0 && records[i].tag < tags) {
      tag_records[records[i].tag].scratch += live;
    }
  }
  for (uint32_t i = 1; i < tags; ++i) {
    raise(tag_records[i].peak_live_bytes, tag_records[i].scratch);
  }
  if (sum <= state.peak.live_bytes) {
    return;
  }
  state.peak.live_bytes = sum;
  state.peak.at_ns = os::monotonic_ns();
  for (uint32_t i = 1; i < owners; ++i) {
    records[i].at_peak_bytes = live_of(records[i]);
  }
}

// With the lock or without.
void raise_watermark(uint64_t bytes) {
  uint64_t now = read_relaxed(state.peak.watermark_bytes);
  while (now < bytes && !__atomic_compare_exchange_n(&state.peak.watermark_bytes, &now, bytes, true,
                                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

}  // namespace

int64_t held_by_threads() {
  int64_t sum = 0;
  for (const ThreadState* thread = first_thread(); thread != nullptr;
       thread = reinterpret_cast<const ThreadState*>(thread->record.next)) {
    sum += read_relaxed(thread->record.live_bytes) + held_by_bins(thread);
  }
  return sum;
}

void publish_change(ThreadState* thread) {
  const int64_t change = thread->held_bytes() - thread->published_bytes;
  if (read_relaxed(state.held_bytes) + change >= read_relaxed(state.look_at_bytes)) {
    settle_bins(thread);  // else what it has freed since would hide what it allocates next
  }
  const int64_t held = thread->held_bytes();
  const int64_t settled = held - thread->published_bytes;
  thread->published_bytes = held;
  publish_shared(settled, true);
}

void publish_shared(int64_t change, bool may_look) {
  const int64_t sum = __atomic_add_fetch(&state.held_bytes, change, __ATOMIC_RELAXED);
  if (likely(sum < __atomic_load_n(&state.look_at_bytes, __ATOMIC_RELAXED))) {
    return;
  }
  const QuietScope quiet;  // a handler that forks waits for the lock
  if (!may_look || !state.lock.try_acquire()) {
    raise_watermark(static_cast<uint64_t>(sum));  // nobody has seen what there is now
    return;
  }
  // Other threads may have freed without having published it: then the sum is too high, and nothing
  // is to be seen.
  const int64_t true_sum = held_by_threads();
  if (true_sum > state.seen_bytes) {
    state.seen_bytes = true_sum;
    look_locked();
  }
  const int64_t next = sum + step_of(state.peak.live_bytes);
  write_relaxed(state.look_at_bytes, next);
  // Should they tell of it now, the true sum may rise as far as the published one.
  const int64_t seen_to = (true_sum > sum ? true_sum : sum) + (next - sum);
  raise_watermark(static_cast<uint64_t>(seen_to > 0 ? seen_to : 0));
  state.lock.release();
}

PeakHold::PeakHold() : is_held_(state.lock.acquire_within(kPatienceNs)) {
  if (is_held_) {
    look_locked();
  }
}

PeakHold::~PeakHold() {
  if (is_held_) {
    state.lock.release();
  }
}

PeakFigures peak_figures() {
  uint64_t unseen = 0;
  for (const ThreadState* thread = first_thread(); thread != nullptr;
       thread = reinterpret_cast<const ThreadState*>(thread->record.next)) {
    unseen += thread->listable_bytes_max + kLeastChangeBytes;
  }
  const uint64_t watermark = read_relaxed(state.peak.watermark_bytes);
  const uint64_t seen_to = watermark > state.peak.live_bytes ? watermark : state.peak.live_bytes;
  return {state.peak.live_bytes, seen_to - state.peak.live_bytes + unseen, state.peak.at_ns};
}

const wire::PeakRecord& peak_record() {
  return state.peak;
}

os::Lock& peak_lock_for_fork() {
  return state.lock;
}

}  // namespace heaptag::allocator
