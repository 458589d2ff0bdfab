// Everything at once, with totals that do not depend on who runs first: generations of threads that
// allocate in all ways, hand blocks to each other, resize them in storms, leave some behind, free
// more in destructors of thread-specific data, and fork children that go on allocating.
// What becomes of a block is decided by its own seed, not by the thread that gets it.
// Prints per function: allocations, frees, live bytes, allocated bytes. Then "good".
// stress THREADS GENERATIONS CALLS
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

#define SITE __attribute__((noinline, noclone, no_icf)) static

enum Function { kPlain, kCleared, kAligned, kObject, kResized, kDestructor, kFunctions };

static const char* const names[kFunctions] = {"plain",  "cleared", "aligned",
                                              "object", "resized", "in_destructor"};

struct Tally {
  uint64_t allocations;
  uint64_t frees;
  uint64_t allocated;
  uint64_t freed;
};

struct Block {
  unsigned char* at;
  size_t size;
  uint32_t seed;
  Function function;
};

constexpr int kMaxThreads = 64;
constexpr int kMailbox = 256;

struct Mailbox {
  std::mutex mutex;
  Block blocks[kMailbox];
  int count;
};

static Mailbox mailboxes[kMaxThreads];
static Tally totals[kFunctions];
static std::mutex totals_mutex;
static thread_local Tally tally[kFunctions];
static std::atomic<int> wrong;
static int thread_count;
static int call_count;
static pthread_key_t key;

static uint32_t mix(uint32_t x) {
  x = (x ^ x >> 16) * 0x7feb352dU;
  x = (x ^ x >> 15) * 0x846ca68bU;
  return x ^ x >> 16;
}

static void complain(const char* what, const Block& block) {
  if (wrong++ < 10) {
    std::printf("%s: %zu bytes of %s at %p\n", what, block.size, names[block.function],
                static_cast<void*>(block.at));
  }
}

// Calls `visit` for the first and last bytes, and those at the start of pages.
template <typename Visit>
static void for_marked_bytes(size_t size, Visit visit) {
  for (size_t i = 0; i < size; i += i + 8 < size ? (i < 4096 ? 8 : 4096) : 1) {
    visit(i);
  }
}

static void fill(const Block& block) {
  for_marked_bytes(block.size, [&](size_t i) {
    block.at[i] = static_cast<unsigned char>(mix(block.seed + static_cast<uint32_t>(i)));
  });
}

static void check(const Block& block, size_t kept) {
  bool same = true;
  for_marked_bytes(block.size, [&](size_t i) {
    same &= i >= kept ||
            block.at[i] == static_cast<unsigned char>(mix(block.seed + static_cast<uint32_t>(i)));
  });
  if (!same) {
    complain("overwritten", block);
  }
}

// ---- the call sites -----------------------------------------------------------------------------
// Each looks at its block: a call at the very end would be a jump, and its caller the site.

SITE unsigned char* plain(size_t size) {
  auto* p = static_cast<unsigned char*>(std::malloc(size));
  wrong += p == nullptr;
  return p;
}

SITE unsigned char* cleared(size_t size) {
  auto* p = static_cast<unsigned char*>(std::calloc(1, size));
  wrong += p == nullptr;
  return p;
}

SITE unsigned char* aligned(size_t size, size_t alignment) {
  void* p = nullptr;
  wrong += posix_memalign(&p, alignment, size) != 0;
  return static_cast<unsigned char*>(p);
}

SITE unsigned char* object(size_t size) {
  auto* p = static_cast<unsigned char*>(::operator new(size, std::nothrow));
  wrong += p == nullptr;
  return p;
}

SITE unsigned char* resized(unsigned char* block, size_t size) {
  auto* p = static_cast<unsigned char*>(std::realloc(block, size));
  wrong += p == nullptr;
  return p;
}

SITE unsigned char* in_destructor(size_t size) {
  auto* p = static_cast<unsigned char*>(std::malloc(size));
  wrong += p == nullptr;
  return p;
}

SITE void in_child(unsigned n) {
  void* p = std::malloc(mix(n) % 5000);
  p = std::realloc(p, mix(n) % 9000 + 1);
  std::memset(p, 1, mix(n) % 9000 + 1);
  std::free(p);
}

// ---- blocks -------------------------------------------------------------------------------------

// Most functions have favourite sizes; some blocks are large.
static size_t size_for(uint32_t seed) {
  const uint32_t kind = mix(seed + 1) % 1000;
  const uint32_t value = mix(seed + 2);
  if (kind < 400) {
    constexpr size_t kHot[] = {0, 16, 24, 40, 48, 100, 256, 1024};
    return kHot[value % 8];
  }
  return value % (kind < 900 ? 1200 : kind < 990 ? 40'000 : 1'500'000);
}

static void charge(const Block& block) {
  ++tally[block.function].allocations;
  tally[block.function].allocated += block.size;
}

static void uncharge(const Block& block) {
  ++tally[block.function].frees;
  tally[block.function].freed += block.size;
}

static Block make(uint32_t seed) {
  Block block{nullptr, size_for(seed), seed, static_cast<Function>(mix(seed) % kResized)};
  size_t alignment = 16;
  switch (block.function) {
    case kCleared:
      block.at = cleared(block.size);
      for_marked_bytes(block.size, [&](size_t i) { wrong += block.at[i] != 0; });
      break;
    case kAligned:
      alignment <<= mix(seed + 3) % 10;
      block.at = aligned(block.size, alignment);
      break;
    case kObject:
      block.at = object(block.size);
      break;
    default:
      block.at = plain(block.size);
  }
  if (reinterpret_cast<uintptr_t>(block.at) % alignment != 0) {
    complain("misaligned", block);
  }
  charge(block);
  fill(block);
  return block;
}

static void release(const Block& block) {
  check(block, block.size);
  uncharge(block);
  if (block.function == kObject) {
    ::operator delete(block.at);
  } else {
    std::free(block.at);
  }
}

static void resize(Block* block, size_t size) {
  check(*block, block->size);
  uncharge(*block);
  unsigned char* at = resized(block->at, size);
  Block moved{at, block->size, block->seed, block->function};
  check(moved, block->size < size ? block->size : size);
  *block = {at, size, block->seed, kResized};
  charge(*block);
  fill(*block);
}

// The end of a block, wherever it has got to: one in 64 stays for good.
static void finish(Block block) {
  const uint32_t kind = mix(block.seed + 4) % 64;
  if (kind < 20) {
    resize(&block, size_for(block.seed + 5) + 1);
  }
  if (kind < 4) {
    for (uint32_t i = 1; i < 40; ++i) {
      resize(&block,
             i % 10 == 0 ? block.size / 4 + 1 : block.size + mix(block.seed + i) % (i * 50) + 1);
    }
  }
  if (mix(block.seed + 6) % 64 != 0) {
    release(block);
  }
}

static void hand_over(int to, const Block& block) {
  {
    const std::lock_guard guard(mailboxes[to].mutex);
    if (mailboxes[to].count < kMailbox) {
      mailboxes[to].blocks[mailboxes[to].count++] = block;
      return;
    }
  }
  finish(block);
}

static bool receive(int from, Block* block) {
  const std::lock_guard guard(mailboxes[from].mutex);
  if (mailboxes[from].count == 0) {
    return false;
  }
  *block = mailboxes[from].blocks[--mailboxes[from].count];
  return true;
}

static void add_tally() {
  const std::lock_guard guard(totals_mutex);
  for (int f = 0; f < kFunctions; ++f) {
    totals[f].allocations += tally[f].allocations;
    totals[f].frees += tally[f].frees;
    totals[f].allocated += tally[f].allocated;
    totals[f].freed += tally[f].freed;
    tally[f] = {};
  }
}

// ---- threads ------------------------------------------------------------------------------------

// Frees what the thread has left, allocates while it does, and comes back two times.
static void destroy(void* value) {
  auto* block = static_cast<Block*>(value);
  const int rounds = block->function == kDestructor ? static_cast<int>(block->seed % 4) : 3;
  release(*block);
  if (rounds == 0) {
    std::free(block);  // not counted: see work
    add_tally();
    return;
  }
  const size_t size = 100 * static_cast<size_t>(rounds);
  *block = {in_destructor(size), size, static_cast<uint32_t>(4000 + rounds - 1), kDestructor};
  charge(*block);
  fill(*block);
  pthread_setspecific(key, block);
}

// In a child everything goes on, whatever the other threads were doing when it was made.
static void fork_child(uint32_t seed) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(100);
    for (uint32_t i = 0; i < 300; ++i) {
      in_child(seed + i);
      finish(make(seed * 77 + i));
    }
    if (seed % 2 == 0) {
      std::exit(wrong == 0 ? 0 : 1);
    }
    _exit(wrong == 0 ? 0 : 1);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    std::printf("child: status %x\n", static_cast<unsigned>(status));
    ++wrong;
  }
}

static uint32_t first_seed;

static void* work(void* number) {
  const int me = static_cast<int>(reinterpret_cast<intptr_t>(number));
  const uint32_t seed = first_seed + static_cast<uint32_t>(me) * 1'000'003U;
  constexpr int kOwn = 200;
  Block own[kOwn] = {};
  for (int i = 0; i < call_count; ++i) {
    Block& place = own[mix(seed + static_cast<uint32_t>(i)) % kOwn];
    if (place.at != nullptr) {
      if (mix(place.seed) % 3 == 0) {
        hand_over((me + 1) % thread_count, place);
      } else {
        finish(place);
      }
    }
    place = make(seed + static_cast<uint32_t>(i) * 16);
    Block received;
    if (i % 2 == 0 && receive(me, &received)) {
      finish(received);
    }
  }
  if (me == 0) {
    fork_child(seed);
  }
  for (const Block& block : own) {
    if (block.at != nullptr) {
      hand_over((me + 1) % thread_count, block);
    }
  }
  if (me % 2 == 0) {
    auto* last = static_cast<Block*>(std::malloc(sizeof(Block)));
    *last = make(seed);
    pthread_setspecific(key, last);
  }
  add_tally();
  return nullptr;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    return 2;
  }
  thread_count = std::atoi(argv[1]);
  call_count = std::atoi(argv[3]);
  if (thread_count < 1 || thread_count > kMaxThreads || pthread_key_create(&key, destroy) != 0) {
    return 2;
  }
  for (int generation = 0; generation < std::atoi(argv[2]); ++generation) {
    first_seed = mix(static_cast<uint32_t>(generation));
    pthread_t threads[kMaxThreads];
    for (intptr_t t = 0; t < thread_count; ++t) {
      if (pthread_create(&threads[t], nullptr, work, reinterpret_cast<void*>(t)) != 0) {
        return 3;
      }
    }
    for (int t = 0; t < thread_count; ++t) {
      pthread_join(threads[t], nullptr);
    }
  }
  for (int t = 0; t < thread_count; ++t) {
    for (Block block; receive(t, &block);) {
      finish(block);
    }
  }
  add_tally();
  for (int f = 0; f < kFunctions; ++f) {
    std::printf("%s %lu %lu %lu %lu\n", names[f], totals[f].allocations, totals[f].frees,
                totals[f].allocated - totals[f].freed, totals[f].allocated);
  }
  std::puts(wrong == 0 ? "good" : "bad");
  return wrong != 0;
}
