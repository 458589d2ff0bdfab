#include "core/meta/meta_allocator.h"

#include <cstring>

#include "core/base/units.h"
#include "core/os/vm.h"

namespace heaptag::meta {

namespace {

// Powers of two from 16 bytes to 32 KiB have free lists; more is mapped on its own.
constexpr size_t kSmallestBytes = 16;
constexpr size_t kLargestBytes = 32 * kKiB;
constexpr unsigned kListCount = 12;
constexpr size_t kChunkBytes = 256 * kKiB;
constexpr size_t kCommitStepBytes = 64 * kKiB;

struct FreeBlock {
  FreeBlock* next;
};

struct State {
  os::Lock lock;
  FreeBlock* lists[kListCount];
  char* chunk_at;
  char* chunk_end;
  size_t mapped_bytes;
};

constinit State state{};

unsigned list_of(size_t size_bytes) {
  return size_bytes <= kSmallestBytes ? 0 : log2_floor(size_bytes - 1) - 3;
}

size_t page_rounded(size_t size_bytes) {
  return align_up(size_bytes, os::kPageBytes);
}

void* carve_locked(size_t block_bytes) {
  char* at = reinterpret_cast<char*>(
      align_up(reinterpret_cast<uintptr_t>(state.chunk_at), block_bytes >= 64 ? 64 : 16));
  if (state.chunk_at == nullptr || at + block_bytes > state.chunk_end) {
    // The rest of the old chunk is lost: at most one block's worth, once per chunk.
    char* chunk = static_cast<char*>(os::map_pages(kChunkBytes));
    if (chunk == nullptr) {
      return nullptr;
    }
    state.chunk_at = chunk;
    state.chunk_end = chunk + kChunkBytes;
    at = chunk;
  }
  state.chunk_at = at + block_bytes;
  count_mapped(block_bytes);
  return at;
}

}  // namespace

void* allocate(size_t size_bytes) {
  if (size_bytes > kLargestBytes) {
    void* pages = os::map_pages(page_rounded(size_bytes));
    if (pages != nullptr) {
      count_mapped(page_rounded(size_bytes));
    }
    return pages;
  }
  const unsigned list = list_of(size_bytes);
  const size_t block_bytes = kSmallestBytes << list;
  void* block = nullptr;
  {
    os::LockGuard guard(state.lock);
    if (state.lists[list] == nullptr) {
      return carve_locked(block_bytes);  // fresh from the kernel: zero
    }
    block = state.lists[list];
    state.lists[list] = state.lists[list]->next;
  }
  std::memset(block, 0, block_bytes);
  return block;
}

void release(void* memory, size_t size_bytes) {
  if (memory == nullptr) {
    return;
  }
  if (size_bytes > kLargestBytes) {
    os::unmap(memory, page_rounded(size_bytes));
    __atomic_fetch_sub(&state.mapped_bytes, page_rounded(size_bytes), __ATOMIC_RELAXED);
    return;
  }
  FreeBlock* block = static_cast<FreeBlock*>(memory);
  os::LockGuard guard(state.lock);
  FreeBlock*& list = state.lists[list_of(size_bytes)];
  block->next = list;
  list = block;
}

const char* keep_text(std::string_view text) {
  char* copy = static_cast<char*>(allocate(text.size() + 1));
  if (copy == nullptr) {
    return "";
  }
  std::memcpy(copy, text.data(), text.size());
  return copy;
}

size_t mapped_bytes() {
  return __atomic_load_n(&state.mapped_bytes, __ATOMIC_RELAXED);
}

const size_t* mapped_bytes_address() {
  return &state.mapped_bytes;
}

void count_mapped(size_t size_bytes) {
  __atomic_fetch_add(&state.mapped_bytes, size_bytes, __ATOMIC_RELAXED);
}

os::Lock& lock_for_fork() {
  return state.lock;
}

void forget_free_memory() {
  for (FreeBlock*& list : state.lists) {
    list = nullptr;
  }
  state.chunk_at = nullptr;
}

void* reserve_table(size_t size_bytes) {
  return os::reserve(page_rounded(size_bytes));
}

void trim_table(void* base, size_t kept_bytes, size_t reserved_bytes) {
  const size_t from = align_up(kept_bytes, kCommitStepBytes);
  const size_t to = page_rounded(reserved_bytes);
  if (from < to) {
    os::unmap(static_cast<char*>(base) + from, to - from);
  }
}

bool restore_table(void* base, size_t kept_bytes, size_t reserved_bytes) {
  const size_t from = align_up(kept_bytes, kCommitStepBytes);
  const size_t to = page_rounded(reserved_bytes);
  return from >= to || os::reserve_at(static_cast<char*>(base) + from, to - from);
}

size_t commit_table(void* base,
                    size_t committed_bytes,
                    size_t wanted_bytes,
                    size_t reserved_bytes) {
  const size_t from = page_rounded(committed_bytes);
  size_t to = align_up(wanted_bytes, kCommitStepBytes);
  if (to > page_rounded(reserved_bytes)) {
    to = page_rounded(reserved_bytes);
  }
  if (to <= from) {
    return to;
  }
  if (!os::commit(static_cast<char*>(base) + from, to - from)) {
    return committed_bytes;
  }
  count_mapped(to - from);
  return to;
}

}  // namespace heaptag::meta
