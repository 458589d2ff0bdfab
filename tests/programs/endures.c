// Allocates in all ways, and goes on when there is no memory: for runs in which system calls of the
// allocator fail (fault_at.c). Every block has a pattern that is looked at whenever the block is
// used; a call that fails must set errno to ENOMEM and change nothing, free must leave errno alone.
// Prints per function: allocations, frees, failed, live bytes, allocated bytes. Then "unmade" and
// how many threads or children could not be made, and "good".
// endures [END]   with END: tells fault_at that it is enough, before it ends
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAULTS_END ((void*)0xfa0175000UL)
#define SITE __attribute__((noinline, noclone, no_icf)) static

enum Function { kSmall, kHot, kLarge, kCleared, kAligned, kResized, kInThread, kGive, kFunctions };

static const char* const names[kFunctions] = {"small",   "hot",     "large",     "cleared",
                                              "aligned", "resized", "in_thread", "give"};

struct Figures {
  unsigned long allocations, frees, failed, live, allocated;
};

struct Block {
  unsigned char* at;
  size_t size;
  enum Function function;
  unsigned seed;
};

static struct Figures figures[kFunctions];  // one thread at a time
static int wrong;
static int unmade;  // threads and children

static void complain(const char* what, const struct Block* block) {
  if (wrong++ < 10) {
    char line[200];
    const int length = snprintf(line, sizeof line, "%s: %zu bytes of %s at %p\n", what, block->size,
                                names[block->function], (void*)block->at);
    if (write(1, line, (size_t)length) < 0) {
      _exit(9);
    }
  }
}

// Every byte of small blocks; of large ones both ends, and eight bytes of every page.
static size_t next_offset(size_t at, size_t size) {
  if (at + 1 >= size || size <= 4096 || at < 256 || at + 256 >= size || at % 4096 < 7) {
    return at + 1;
  }
  const size_t page = (at | 4095) + 1;
  return page < size - 256 ? page : size - 256;
}

static unsigned char byte_at(unsigned seed, size_t at) {
  return (unsigned char)((seed * 131 + at * 7 + at / 4096) >> (at % 3));
}

static void fill(const struct Block* block) {
  for (size_t at = 0; at < block->size; at = next_offset(at, block->size)) {
    block->at[at] = byte_at(block->seed, at);
  }
}

// Compares what of the first `kept` bytes was written when the block had `size` bytes.
static void compare(const struct Block* block, size_t size, size_t kept) {
  for (size_t at = 0; at < size; at = next_offset(at, size)) {
    if (at < kept && block->at[at] != byte_at(block->seed, at)) {
      complain("overwritten", block);
      return;
    }
  }
}

static void check(const struct Block* block) {
  compare(block, block->size, block->size);
  if (malloc_usable_size(block->at) < block->size) {
    complain("usable size", block);
  }
}

// ---- the call sites: each looks at its block, so that none is a jump ----------------------------

SITE unsigned char* small(size_t size) {
  unsigned char* p = malloc(size);
  figures[kSmall].failed += p == NULL;
  return p;
}

SITE unsigned char* hot(size_t size) {
  unsigned char* p = malloc(size);
  figures[kHot].failed += p == NULL;
  return p;
}

SITE unsigned char* large(size_t size) {
  unsigned char* p = malloc(size);
  figures[kLarge].failed += p == NULL;
  return p;
}

SITE unsigned char* cleared(size_t size) {
  unsigned char* p = calloc(1, size);
  figures[kCleared].failed += p == NULL;
  for (size_t at = 0; p != NULL && at < size; at++) {
    if (p[at] != 0) {
      complain("not zero", &(struct Block){p, size, kCleared, 0});
      break;
    }
  }
  return p;
}

SITE unsigned char* aligned(size_t size, size_t alignment) {
  unsigned char* p = memalign(alignment, size);
  figures[kAligned].failed += p == NULL;
  return p;
}

SITE unsigned char* resized(void* block, size_t size) {
  unsigned char* p = realloc(block, size);
  figures[kResized].failed += p == NULL;
  return p;
}

SITE unsigned char* in_thread(size_t size) {
  unsigned char* p = malloc(size);
  figures[kInThread].failed += p == NULL;
  return p;
}

// More owners than one table of counters holds: 256 places in functions give_0 to give_3.
#define PLACE(n)                    \
  case n:                           \
    p = malloc(size + (n));         \
    __asm__ volatile("" : "+r"(p)); \
    break;
#define PLACES4(n) PLACE(n) PLACE(n + 1) PLACE(n + 2) PLACE(n + 3)
#define PLACES16(n) PLACES4(n) PLACES4(n + 4) PLACES4(n + 8) PLACES4(n + 12)
#define GIVE(name)                                                                         \
  SITE unsigned char* name(unsigned place, size_t size) {                                  \
    unsigned char* p = NULL;                                                               \
    switch (place) { PLACES16(0) PLACES16(16) PLACES16(32) PLACES16(48) default : break; } \
    figures[kGive].failed += p == NULL;                                                    \
    return p;                                                                              \
  }
GIVE(give_0)
GIVE(give_1)
GIVE(give_2)
GIVE(give_3)

static unsigned char* give(unsigned place, size_t size) {
  unsigned char* (*const functions[])(unsigned, size_t) = {give_0, give_1, give_2, give_3};
  return functions[place / 64 % 4](place % 64, size);
}

// ---- blocks -------------------------------------------------------------------------------------

static unsigned next_seed;

static void expect_enomem(const struct Block* block) {
  if (errno != ENOMEM) {
    complain("a failure that is not ENOMEM", block);
  }
}

static void make(struct Block* block, enum Function function, size_t size, size_t alignment) {
  *block = (struct Block){NULL, size, function, ++next_seed};
  errno = 0;
  switch (function) {
    case kSmall:
      block->at = small(size);
      break;
    case kHot:
      block->at = hot(size);
      break;
    case kLarge:
      block->at = large(size);
      break;
    case kCleared:
      block->at = cleared(size);
      break;
    case kAligned:
      block->at = aligned(size, alignment);
      break;
    default:
      block->at = in_thread(size);
  }
  if (block->at == NULL) {
    expect_enomem(block);
    return;
  }
  if ((uintptr_t)block->at % (function == kAligned ? alignment : 16) != 0) {
    complain("misaligned", block);
  }
  figures[function].allocations++;
  figures[function].allocated += size;
  figures[function].live += size;
  fill(block);
}

static void drop(struct Block* block) {
  if (block->at == NULL) {
    return;
  }
  check(block);
  figures[block->function].frees++;
  figures[block->function].live -= block->size;
  errno = EXDEV;
  free(block->at);
  if (errno != EXDEV) {
    complain("free changed errno", block);
  }
  block->at = NULL;
}

static void resize(struct Block* block, size_t size) {
  if (block->at == NULL) {
    return;
  }
  check(block);
  const struct Block old = *block;
  errno = 0;
  unsigned char* moved = resized(block->at, size);
  if (moved == NULL) {
    expect_enomem(block);
    check(block);
    return;
  }
  block->at = moved;
  compare(block, old.size, old.size < size ? old.size : size);
  figures[old.function].frees++;
  figures[old.function].live -= old.size;
  *block = (struct Block){moved, size, kResized, ++next_seed};
  figures[kResized].allocations++;
  figures[kResized].allocated += size;
  figures[kResized].live += size;
  fill(block);
}

// ---- what is done with them ---------------------------------------------------------------------

enum { kBlocks = 400 };

static struct Block blocks[kBlocks];
static struct Block heavy[8];

static void drop_all(struct Block* some, int count) {
  for (int i = 0; i < count; i++) {
    drop(&some[i]);
  }
}

static void small_and_hot(void) {
  for (int i = 0; i < kBlocks; i++) {
    const size_t size = i % 7 == 0 ? (size_t)i * 79 % 33000 : (size_t)i * 13 % 900;
    make(&blocks[i], i % 3 == 0 ? kHot : kSmall, i % 3 == 0 ? 48 : size, 16);
  }
  for (int i = 0; i < kBlocks; i += 2) {
    drop(&blocks[i]);
  }
  for (int i = 0; i < kBlocks; i += 4) {
    make(&blocks[i], i % 8 == 0 ? kCleared : kAligned, (size_t)i * 11, (size_t)16 << (i % 9));
  }
  for (int i = 1; i < kBlocks; i += 6) {
    resize(&blocks[i], blocks[i].size * 3 / 2 + 1);
  }
}

// Blocks that are runs of pages: grown in place, moved by pages, cut, aligned to much.
static void heavy_ones(void) {
  make(&heavy[0], kLarge, 3 << 20, 16);
  make(&heavy[1], kLarge, 100000, 16);
  make(&heavy[2], kCleared, 5 << 20, 16);
  make(&heavy[3], kAligned, 70000, 1 << 16);
  make(&heavy[4], kAligned, 2 << 20, 1 << 21);
  resize(&heavy[0], 7 << 20);
  resize(&heavy[1], 90000);
  resize(&heavy[2], 9 << 20);
  resize(&heavy[0], 12 << 20);
  resize(&heavy[2], 40000);
  resize(&heavy[1], 20000);
  make(&heavy[5], kLarge, 30 << 20, 16);
  drop(&heavy[0]);
  resize(&heavy[5], 34 << 20);
  make(&heavy[6], kLarge, 1 << 20, 16);
  drop(&heavy[5]);
  malloc_trim(0);
  make(&heavy[0], kLarge, 2 << 20, 16);
  make(&heavy[7], kCleared, 3 << 20, 16);
}

// Frees what others have made, and leaves some to others.
static void* visit(void* number) {
  const int first = (int)(intptr_t)number;
  for (int i = first; i < kBlocks; i += 3) {
    drop(&blocks[i]);
  }
  drop(&heavy[first]);
  for (int i = first; i < kBlocks; i += 5) {
    if (blocks[i].at == NULL) {
      make(&blocks[i], kInThread, (size_t)i * 31 % 3000, 16);
    }
  }
  make(&heavy[first], kLarge, 200000, 16);
  return NULL;
}

static void threads(void) {
  for (intptr_t i = 0; i < 3; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, visit, (void*)i) == 0) {
      pthread_join(thread, NULL);
    } else {
      unmade++;
    }
  }
}

// Many that live at the same time, each doing its part in its turn: more states, and more owners,
// than there is memory for when it runs out. Nobody frees his own.
enum { kCrowd = 40, kGiven = 256 };

static struct Block given[kGiven];
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_are_done = PTHREAD_COND_INITIALIZER;
static int crowd_size;
static int crowd_done;

static void give_some(unsigned from, unsigned step) {
  for (unsigned i = from; i < kGiven; i += step) {
    drop(&given[i]);
    const size_t size = i % 16 == 0 ? 40000 : 100;
    given[i] = (struct Block){NULL, size + i % 64, kGive, ++next_seed};
    errno = 0;
    given[i].at = give(i, size);
    if (given[i].at == NULL) {
      expect_enomem(&given[i]);
    } else {
      figures[kGive].allocations++;
      figures[kGive].allocated += given[i].size;
      figures[kGive].live += given[i].size;
      fill(&given[i]);
    }
  }
}

static void* in_crowd(void* number) {
  pthread_mutex_lock(&one_at_a_time);
  give_some((unsigned)(intptr_t)number % 7, 9);
  crowd_done++;
  pthread_cond_broadcast(&all_are_done);
  while (crowd_done < crowd_size) {
    pthread_cond_wait(&all_are_done, &one_at_a_time);
  }
  pthread_mutex_unlock(&one_at_a_time);
  return NULL;
}

static void crowd(void) {
  pthread_t ids[kCrowd];
  give_some(0, 1);
  pthread_mutex_lock(&one_at_a_time);
  while (crowd_size < kCrowd &&
         pthread_create(&ids[crowd_size], NULL, in_crowd, (void*)(intptr_t)crowd_size) == 0) {
    crowd_size++;
  }
  pthread_mutex_unlock(&one_at_a_time);
  unmade += crowd_size < kCrowd;
  for (int i = 0; i < crowd_size; i++) {
    pthread_join(ids[i], NULL);
  }
  drop_all(given, kGiven);
}

// Two that live at the same time, each doing its part while the other waits: two states.
static pthread_barrier_t turn;

static void* first_half(void* unused) {
  visit((void*)1);
  pthread_barrier_wait(&turn);  // the other one begins
  pthread_barrier_wait(&turn);  // and is done
  drop_all(blocks, kBlocks / 2);
  return unused;
}

static void two_at_once(void) {
  pthread_t thread;
  pthread_barrier_init(&turn, NULL, 2);
  if (pthread_create(&thread, NULL, first_half, NULL) == 0) {
    pthread_barrier_wait(&turn);
    visit((void*)2);
    pthread_barrier_wait(&turn);
    pthread_join(thread, NULL);
  } else {
    unmade++;
  }
  pthread_barrier_destroy(&turn);
}

static void child(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    small_and_hot();
    drop_all(blocks, kBlocks);
    drop_all(heavy, 8);
    _exit(wrong != 0);
  }
  int status = 0;
  unmade += pid < 0;
  if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0)) {
    complain("the child failed", &(struct Block){NULL, (size_t)status, kSmall, 0});
  }
}

int main(int argc, char** argv) {
  (void)argv;
  small_and_hot();
  heavy_ones();
  threads();
  two_at_once();
  crowd();
  child();
  malloc_trim(0);
  small_and_hot();  // what was there is lost: blocks without an owner in this program
  drop_all(heavy, 4);
  drop_all(blocks + kBlocks / 3, kBlocks / 2);
  if (argc > 1) {
    madvise(FAULTS_END, 0, 0);
  }
  char text[2000];
  int length = 0;
  for (int i = 0; i < kFunctions; i++) {
    const struct Figures* f = &figures[i];
    length += snprintf(text + length, sizeof text - (size_t)length, "%s %lu %lu %lu %lu %lu\n",
                       names[i], f->allocations, f->frees, f->failed, f->live, f->allocated);
  }
  length += snprintf(text + length, sizeof text - (size_t)length, "unmade %d\n%s\n", unmade,
                     wrong == 0 ? "good" : "bad");
  return write(1, text, (size_t)length) != length || wrong != 0;
}
