#include "core/safety/stacks.h"

#include <cstring>

#include "core/meta/meta_allocator.h"
#include "core/os/signals.h"
#include "core/stack/capture.h"

namespace heaptag::safety {

namespace {

// One array of words: for each stack the number of the next one of its bucket with its length, a
// word of hash, its addresses.
constexpr size_t kMaxWords = size_t{1} << 29;  // 4 GiB of address space, taken as it is used
constexpr size_t kBuckets = size_t{1} << 16;

struct Stacks {
  os::Lock lock;
  meta::GrowingTable<uint64_t> words;
  uint32_t used;  // words
  uint32_t* buckets;
  bool is_over;
};

constinit Stacks stacks{};

constexpr uint64_t kFactor = 0x9E3779B97F4A7C15U;

uint64_t hash_of(const uintptr_t* pcs, unsigned count) {
  uint64_t hash = count;
  for (unsigned i = 0; i < count; ++i) {
    hash = (hash ^ pcs[i]) * kFactor;
    hash ^= hash >> 29;
  }
  return hash;
}

StackId find(uint32_t* bucket, uint64_t hash, const uintptr_t* pcs, unsigned count) {
  for (uint32_t id = __atomic_load_n(bucket, __ATOMIC_ACQUIRE); id != 0;) {
    const uint64_t* entry = stacks.words.data() + id;
    if (entry[1] == hash && (entry[0] >> 32) == count &&
        std::memcmp(entry + 2, pcs, count * sizeof(uintptr_t)) == 0) {
      return id;
    }
    id = static_cast<uint32_t>(entry[0]);
  }
  return 0;
}

bool prepare_locked() {
  if (stacks.buckets == nullptr && stacks.words.init(kMaxWords)) {
    stacks.used = 1;
    auto* buckets = static_cast<uint32_t*>(meta::allocate(kBuckets * sizeof(uint32_t)));
    __atomic_store_n(&stacks.buckets, buckets, __ATOMIC_RELEASE);
  }
  return stacks.buckets != nullptr;
}

StackId add_locked(uint64_t hash, const uintptr_t* pcs, unsigned count) {
  if (!prepare_locked()) {
    return 0;
  }
  uint32_t* bucket = stacks.buckets + hash % kBuckets;
  const StackId known = find(bucket, hash, pcs, count);
  if (known != 0) {
    return known;
  }
  const uint32_t id = stacks.used;
  if (!stacks.words.grow_to(size_t{id} + 2 + count)) {
    return 0;
  }
  uint64_t* entry = stacks.words.data() + id;
  entry[0] = *bucket | uint64_t{count} << 32;
  entry[1] = hash;
  std::memcpy(entry + 2, pcs, count * sizeof(uintptr_t));
  stacks.used += 2 + count;
  __atomic_store_n(bucket, id, __ATOMIC_RELEASE);
  return id;
}

}  // namespace

StackId keep_stack(const uintptr_t* pcs, unsigned count) {
  if (count == 0) {
    return 0;
  }
  const uint64_t hash = hash_of(pcs, count);
  uint32_t* buckets = __atomic_load_n(&stacks.buckets, __ATOMIC_ACQUIRE);
  const StackId known = buckets == nullptr ? 0 : find(buckets + hash % kBuckets, hash, pcs, count);
  if (__builtin_expect(known != 0, 1) || stacks.is_over) {
    return known;
  }
  os::LockGuard guard(stacks.lock);
  return add_locked(hash, pcs, count);
}

std::span<const uintptr_t> stack_of(StackId id) {
  if (id == 0) {
    return {};
  }
  const uint64_t* entry = stacks.words.data() + id;
  return {reinterpret_cast<const uintptr_t*>(entry + 2), entry[0] >> 32};
}

[[gnu::noinline]] StackId current_stack(unsigned depth) {
  if (depth <= 1) {
    return 0;
  }
  uintptr_t pcs[stack::kMaxDepth];
  const auto* frame = static_cast<const uintptr_t*>(__builtin_frame_address(0));
  const stack::Frame caller{frame[1], reinterpret_cast<uintptr_t>(frame + 2), frame[0]};
  const unsigned count = stack::capture(caller, os::is_own_code, depth, pcs);
  return keep_stack(pcs, count);
}

os::Lock& stacks_lock_for_fork() {
  return stacks.lock;
}

void stop_keeping_stacks() {
  stacks.is_over = true;
}

}  // namespace heaptag::safety
