// A random run against a model: of every block its bytes, alignment, usable size and who is charged
// for it. Generations of threads allocate in all ways, resize, free, hand blocks to each other and
// leave some to the next generation; some fork, and the child looks at what it has got, and goes on
// alone; some ask for more than there is, or give free memory back.
// Prints per call site (each is a function of its own): allocations, frees, failed, live bytes,
// allocated bytes. Then "reallocations N" and "good".
// model_run OPERATIONS [THREADS [GENERATIONS [SEED]]]
#include <errno.h>
#include <malloc.h>
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

namespace {

// ---- call sites -------------------------------------------------------------------------------

// Every function has one call, and looks at its result: no call is a jump, no function is another.
using Site = void* (*)(void* block, size_t size, size_t alignment);

#define SITE(name, call)                                                              \
  extern "C" __attribute__((noinline, noclone, no_icf, used)) void* name(             \
      [[maybe_unused]] void* block, size_t size, [[maybe_unused]] size_t alignment) { \
    void* p = call;                                                                   \
    __asm__ volatile("" : "+r"(p));                                                   \
    return p;                                                                         \
  }

void* from_posix(int status, void* const* block) {
  return status == 0 ? *block : nullptr;
}

#define SITES4(prefix, call) \
  SITE(prefix##0, call) SITE(prefix##1, call) SITE(prefix##2, call) SITE(prefix##3, call)
#define MALLOC malloc(size)
#define CALLOC calloc(1, size)
#define OBJECT ::operator new(size, std::nothrow)
#define POSIX from_posix(posix_memalign(&block, alignment, size), &block)
#define REALLOC realloc(block, size)

SITES4(malloc_a, MALLOC)
SITES4(malloc_b, MALLOC)
SITES4(malloc_c, MALLOC)
SITES4(malloc_d, MALLOC)
SITES4(calloc_a, CALLOC)
SITES4(calloc_b, CALLOC)
SITES4(object_a, OBJECT)
SITES4(memalign_a, memalign(alignment, size))
SITES4(aligned_a, aligned_alloc(alignment, size))
SITES4(posix_a, POSIX)
SITES4(realloc_a, REALLOC)
SITES4(realloc_b, REALLOC)
SITES4(array_a, reallocarray(block, 1, size))

enum Kind { kPlain, kZeroed, kObject, kAligned, kResizing };

struct SiteRow {
  const char* name;
  Site call;
  Kind kind;
};

#define ROW(name, kind) \
  { #name, name, kind }
#define ROWS4(prefix, kind) \
  ROW(prefix##0, kind), ROW(prefix##1, kind), ROW(prefix##2, kind), ROW(prefix##3, kind)

constexpr SiteRow kSites[] = {
    ROWS4(malloc_a, kPlain),   ROWS4(malloc_b, kPlain),     ROWS4(malloc_c, kPlain),
    ROWS4(malloc_d, kPlain),   ROWS4(calloc_a, kZeroed),    ROWS4(calloc_b, kZeroed),
    ROWS4(object_a, kObject),  ROWS4(memalign_a, kAligned), ROWS4(aligned_a, kAligned),
    ROWS4(posix_a, kAligned),  ROWS4(realloc_a, kResizing), ROWS4(realloc_b, kResizing),
    ROWS4(array_a, kResizing),
};
constexpr uint32_t kSiteCount = sizeof kSites / sizeof kSites[0];
constexpr uint32_t kFirstResizing = kSiteCount - 12;

// ---- the model --------------------------------------------------------------------------------

struct Block {
  unsigned char* at;
  size_t size;
  size_t usable;
  uint64_t seed;
  uint32_t alignment;
  uint32_t site;
};

struct Figures {
  uint64_t allocations, frees, failed, allocated, freed;
};

constexpr int kMaxThreads = 64;
constexpr int kMostBlocks = 4096;
constexpr int kMailbox = 512;
constexpr size_t kTooMuch = size_t{1} << 45;

std::atomic<int> wrong;

void complain(const char* what, const Block& block) {
  if (wrong++ < 10) {
    char line[200];
    const int length =
        std::snprintf(line, sizeof line, "%s: %zu bytes of %s at %p\n", what, block.size,
                      kSites[block.site].name, static_cast<void*>(block.at));
    if (write(1, line, static_cast<size_t>(length)) < 0) {
      _exit(9);
    }
  }
}

uint64_t word_at(const Block& block, size_t offset) {
  return (block.seed ^ offset) * 0x9E3779B97F4A7C15U;
}

// Calls `visit` with the offset and length of every word of a small block; of a large one with
// those at both ends and at the start of each page.
template <typename Visit>
void for_words(size_t size, Visit visit) {
  constexpr size_t kWhole = 4096;
  const size_t words = size / 8;
  if (size <= kWhole) {
    for (size_t i = 0; i < words; ++i) {
      visit(i * 8, size_t{8});
    }
  } else {
    for (size_t i = 0; i < 32; ++i) {
      visit(i * 8, size_t{8});
      visit((words - 32 + i) * 8, size_t{8});
    }
    for (size_t page = 4096; page + 4096 < size; page += 4096) {
      visit(page, size_t{8});
    }
  }
  if (size % 8 != 0) {
    visit(words * 8, size % 8);
  }
}

void fill(const Block& block) {
  for_words(block.usable, [&](size_t offset, size_t length) {
    const uint64_t word = word_at(block, offset);
    std::memcpy(block.at + offset, &word, length);
  });
}

// What was written when the block was `block` is still there in the first `kept` bytes at `at`.
bool has_pattern(const Block& block, const unsigned char* at, size_t kept) {
  bool same = true;
  for_words(block.usable, [&](size_t offset, size_t length) {
    if (offset < kept) {
      const uint64_t word = word_at(block, offset);
      same &= std::memcmp(at + offset, &word, kept - offset < length ? kept - offset : length) == 0;
    }
  });
  return same;
}

void check(const Block& block) {
  if (!has_pattern(block, block.at, block.usable)) {
    complain("overwritten", block);
  }
  if (malloc_usable_size(block.at) != block.usable) {
    complain("another usable size", block);
  }
}

bool is_zero(const unsigned char* at, size_t size) {
  return size == 0 || (at[0] == 0 && std::memcmp(at, at + 1, size - 1) == 0);
}

class Queue {
 public:
  bool put(const Block& block) {
    const std::lock_guard guard(mutex_);
    if (count_ == kMailbox) {
      return false;
    }
    blocks_[count_++] = block;
    return true;
  }

  bool take(Block* block) {
    const std::lock_guard guard(mutex_);
    if (count_ == 0) {
      return false;
    }
    *block = blocks_[--count_];
    return true;
  }

 private:
  std::mutex mutex_;
  Block blocks_[kMailbox];
  int count_ = 0;
};

Queue mailboxes[kMaxThreads];
Figures totals[kSiteCount];
uint64_t total_reallocations;
std::mutex totals_mutex;
int thread_count;

class Worker {
 public:
  Worker(int number, uint64_t seed) : number_(number), state_(seed * 0x9E3779B97F4A7C15U | 1) {}

  void run(uint64_t operations) {
    target_ = 32U << below(7);
    for (uint64_t i = 0; i < operations && wrong == 0; ++i) {
      step();
    }
    // They live on: whoever comes next frees them.
    while (count_ > 0) {
      pass_on(blocks_[--count_]);
    }
    const std::lock_guard guard(totals_mutex);
    for (uint32_t site = 0; site < kSiteCount; ++site) {
      totals[site].allocations += figures_[site].allocations;
      totals[site].frees += figures_[site].frees;
      totals[site].failed += figures_[site].failed;
      totals[site].allocated += figures_[site].allocated;
      totals[site].freed += figures_[site].freed;
    }
    total_reallocations += reallocations_;
  }

  void release_what_is_left() {
    Block block;
    for (Queue& queue : mailboxes) {
      while (queue.take(&block)) {
        release(block);
      }
    }
  }

 private:
  uint64_t random() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ * 0x2545F4914F6CDD1DU >> 16;
  }

  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random() % limit); }

  // Most sites have a favourite size, as those of programs do.
  size_t size_for(uint32_t site) {
    const uint32_t kind = below(10000);
    if (site % 4 != 3 && kind < 6000) {
      return site * 29 % 700;
    }
    return below(kind < 9300 ? 500 : kind < 9950 ? 40'000 : kind < 9997 ? 300'000 : 5'000'000);
  }

  void step() {
    const uint32_t kind = below(1'000'000);
    if (kind < 20) {
      step_rarely(kind);
    } else if (kind < 1000) {
      fail();
    } else if (kind < 120'000) {
      resize_one();
    } else if (kind < 160'000) {
      hand_one_over();
    } else if (below(10) < (count_ < target_ ? 7U : 3U) && count_ < kMostBlocks) {
      make();
    } else if (count_ > 0) {
      release(take_any());
    }
  }

  void step_rarely(uint32_t kind) {
    if (kind < 1) {
      fork_child();
    } else if (kind < 3) {
      malloc_trim(below(2) * 100'000);
    } else if (kind < 8) {
      while (count_ > 0) {
        release(blocks_[--count_]);
      }
    } else {
      target_ = 32U << below(7);
    }
  }

  Block take_any() {
    Block& place = blocks_[below(count_)];
    const Block block = place;
    place = blocks_[--count_];
    return block;
  }

  void keep(const Block& block) {
    if (count_ < kMostBlocks) {
      blocks_[count_++] = block;
    } else {
      release(block);
    }
  }

  void make() {
    const uint32_t site = below(kFirstResizing + 4);
    // Some sites of realloc, called with no block.
    const SiteRow& row = kSites[site];
    const size_t alignment =
        row.kind == kAligned ? size_t{16} << below(below(100) == 0 ? 16 : 9) : 16;
    Block block{nullptr, size_for(site), 0, 0, static_cast<uint32_t>(alignment), site};
    void* at = row.call(nullptr, block.size, alignment);
    if (row.kind == kZeroed && at != nullptr &&
        !is_zero(static_cast<unsigned char*>(at), block.size)) {
      complain("not zero", block);
    }
    if (adopt(at, &block)) {
      keep(block);
    }
  }

  bool adopt(void* at, Block* block) {
    if (at == nullptr) {
      ++figures_[block->site].failed;
      complain("no memory", *block);
      return false;
    }
    block->at = static_cast<unsigned char*>(at);
    block->usable = malloc_usable_size(at);
    block->seed = random();
    if (block->usable < block->size || reinterpret_cast<uintptr_t>(at) % block->alignment != 0) {
      complain("too small, or not aligned", *block);
      return false;
    }
    ++figures_[block->site].allocations;
    figures_[block->site].allocated += block->size;
    fill(*block);
    return true;
  }

  void uncharge(const Block& block) {
    ++figures_[block.site].frees;
    figures_[block.site].freed += block.size;
  }

  void release(const Block& block) {
    check(block);
    uncharge(block);
    if (kSites[block.site].kind == kObject) {
      ::operator delete(block.at);
    } else if (below(64) != 0) {
      std::free(block.at);
    } else if (kSites[kFirstResizing].call(block.at, 0, 0) != nullptr) {
      complain("realloc to 0 is not null", block);
    }
  }

  void resize_one() {
    if (count_ == 0) {
      return;
    }
    Block& place = blocks_[below(count_)];
    if (kSites[place.site].kind != kObject) {
      resize(&place);
    }
  }

  void resize(Block* place) {
    const Block old = *place;
    const uint32_t site = kFirstResizing + below(12);
    const uint32_t kind = below(4);
    Block block{nullptr, 0, 0, 0, 16, site};
    block.size = kind == 0   ? old.size + below(100) + 1
                 : kind == 1 ? old.size / 2 + 1
                 : kind == 2 ? old.size + old.size / 4 + 1
                             : size_for(site) + 1;
    check(old);
    void* at = kSites[site].call(old.at, block.size, 0);
    if (at != nullptr && !has_pattern(old, static_cast<unsigned char*>(at),
                                      old.usable < block.size ? old.usable : block.size)) {
      complain("realloc lost contents", old);
    }
    if (adopt(at, &block)) {
      uncharge(old);
      ++reallocations_;
      *place = block;
    }
  }

  void fail() {
    const uint32_t site = below(kSiteCount);
    const SiteRow& row = kSites[site];
    if (row.kind == kObject) {
      return;  // what is thrown inside of it is allocated by malloc, on the account of this site
    }
    void* block = nullptr;
    if (row.kind == kResizing && count_ > 0) {
      const Block& any = blocks_[below(count_)];
      block = kSites[any.site].kind == kObject ? nullptr : any.at;
    }
    errno = 0;
    if (row.call(block, kTooMuch, 64) != nullptr || errno != ENOMEM) {
      complain("more than there is", Block{nullptr, kTooMuch, 0, 0, 0, site});
    }
    ++figures_[site].failed;
  }

  void pass_on(const Block& block) {
    const int to = static_cast<int>(below(static_cast<uint32_t>(thread_count)));
    if (!mailboxes[to].put(block)) {
      release(block);
    }
  }

  void hand_one_over() {
    Block block;
    if (count_ > 0 && below(2) == 0) {
      pass_on(take_any());
    } else if (mailboxes[number_].take(&block)) {
      if (below(2) == 0) {
        release(block);
      } else {
        keep(block);
      }
    }
  }

  // The child has all that its thread had, and goes on; nothing of it is counted here.
  void fork_child() {
    const pid_t child = fork();
    if (child == 0) {
      alarm(300);
      for (uint32_t i = 0; i < count_; ++i) {
        check(blocks_[i]);
      }
      for (int i = 0; i < 2000; ++i) {
        const uint32_t kind = below(3);
        if (kind == 0) {
          make();
        } else if (kind == 1) {
          resize_one();
        } else if (count_ > 0) {
          release(take_any());
        }
      }
      _exit(wrong == 0 ? 0 : 1);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
      complain("a child failed", Block{nullptr, static_cast<size_t>(status), 0, 0, 0, 0});
    }
  }

  int number_;
  uint64_t state_;
  uint32_t target_ = 0;
  uint32_t count_ = 0;
  uint64_t reallocations_ = 0;
  Figures figures_[kSiteCount] = {};
  Block blocks_[kMostBlocks];
};

uint64_t operations_of_thread;
uint64_t first_seed;
alignas(Worker) char places[kMaxThreads][sizeof(Worker)];

void* work(void* number) {
  const auto me = static_cast<int>(reinterpret_cast<intptr_t>(number));
  auto* worker = new (places[me]) Worker(me, first_seed + static_cast<uint64_t>(me));
  worker->run(operations_of_thread);
  return nullptr;
}

uint64_t number_or(int argc, char** argv, int index, uint64_t otherwise) {
  return index < argc ? std::strtoull(argv[index], nullptr, 10) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t operations = number_or(argc, argv, 1, 1'000'000);
  thread_count = static_cast<int>(number_or(argc, argv, 2, 4));
  const uint64_t generations = number_or(argc, argv, 3, 10);
  if (thread_count < 1 || thread_count > kMaxThreads || generations < 1) {
    return 2;
  }
  operations_of_thread = operations / static_cast<uint64_t>(thread_count) / generations + 1;
  for (uint64_t generation = 0; generation < generations; ++generation) {
    first_seed = number_or(argc, argv, 4, 1) * 1'000'003 + generation * kMaxThreads;
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
  if (number_or(argc, argv, 4, 1) % 2 == 0) {
    auto* last = new (places[0]) Worker(0, 1);
    last->release_what_is_left();
    last->run(0);
  }
  for (uint32_t site = 0; site < kSiteCount; ++site) {
    const Figures& f = totals[site];
    std::printf("%s %lu %lu %lu %lu %lu\n", kSites[site].name, f.allocations, f.frees, f.failed,
                f.allocated - f.freed, f.allocated);
  }
  std::printf("reallocations %lu\n%s\n", total_reallocations, wrong == 0 ? "good" : "bad");
  return wrong != 0;
}
