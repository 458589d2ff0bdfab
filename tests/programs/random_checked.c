// Random calls of several threads on a table of blocks that they share: malloc, calloc, realloc,
// memalign and free, so that most blocks are freed by another thread than has allocated them. Sizes
// are spread evenly over their logarithms up to 100 KB. Every block is filled to its last byte and
// verified before it is freed: no error of any kind is made here, so none may be found.
// Prints "OPERATIONS operations" and ends with 1 if contents were lost.
// random_checked SEED OPERATIONS THREADS
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kSlots = 1024, kMaxThreads = 16, kMaxSize = 100000, kShades = 251 };

struct Slot {
  pthread_mutex_t mutex;
  unsigned char* at;
  size_t size;
  unsigned shade;
};

static struct Slot slots[kSlots];
static unsigned char patterns[kMaxSize + kShades];
static long operations_each;
static int wrong;

struct Thread {
  pthread_t thread;
  uint64_t state;
};

static uint32_t next_random(struct Thread* self) {
  self->state = self->state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(self->state >> 33);
}

// 1 to kMaxSize, as often below 316 as above.
static size_t random_size(struct Thread* self) {
  const double part = next_random(self) / 2147483648.0;
  return (size_t)exp(part * log(kMaxSize));
}

static void complain(const char* what, const struct Slot* slot) {
  if (__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED) < 10) {
    printf("%s: %zu bytes at %p\n", what, slot->size, (void*)slot->at);
  }
}

static void fill(struct Slot* slot, void* block, size_t size, unsigned shade) {
  slot->at = block;
  slot->size = size;
  slot->shade = shade % kShades;
  if (block == NULL) {
    complain("no memory", slot);
    slot->size = 0;
    return;
  }
  memcpy(slot->at, patterns + slot->shade, size);
}

static void verify(const struct Slot* slot, size_t size) {
  if (memcmp(slot->at, patterns + slot->shade, size) != 0) {
    complain("contents lost", slot);
  }
}

static void give_back(struct Slot* slot) {
  if (slot->at != NULL) {
    verify(slot, slot->size);
    free(slot->at);
  }
  slot->at = NULL;
  slot->size = 0;
}

static void resize(struct Slot* slot, size_t size, unsigned shade) {
  if (slot->at != NULL) {
    verify(slot, slot->size);
  }
  const size_t old = slot->size;
  slot->at = realloc(slot->at, size);
  slot->size = size;
  if (slot->at != NULL) {
    verify(slot, old < size ? old : size);
  }
  fill(slot, slot->at, size, shade);
}

static void clear(struct Slot* slot, size_t size, unsigned shade) {
  unsigned char* p = calloc(1, size);
  for (size_t i = 0; p != NULL && i < size; i++) {
    if (p[i] != 0) {
      complain("not cleared", slot);
      break;
    }
  }
  fill(slot, p, size, shade);
}

static void one_operation(struct Thread* self) {
  struct Slot* slot = slots + next_random(self) % kSlots;
  const size_t size = random_size(self);
  const unsigned kind = next_random(self) % 10;
  const unsigned shade = next_random(self);
  pthread_mutex_lock(&slot->mutex);
  if (kind < 2) {
    resize(slot, size, shade);
  } else {
    give_back(slot);
    if (kind < 6) {
      fill(slot, malloc(size), size, shade);
    } else if (kind == 6) {
      clear(slot, size, shade);
    } else if (kind == 7) {
      fill(slot, memalign((size_t)16 << shade % 9, size), size, shade);
    }
  }
  pthread_mutex_unlock(&slot->mutex);
}

static void* work(void* argument) {
  struct Thread* self = argument;
  for (long i = 0; i < operations_each; i++) {
    one_operation(self);
  }
  return NULL;
}

int main(int argc, char** argv) {
  static struct Thread threads[kMaxThreads];
  const int count = argc == 4 ? atoi(argv[3]) : 0;
  if (count < 1 || count > kMaxThreads) {
    return 2;
  }
  const uint64_t seed = strtoull(argv[1], NULL, 10);
  operations_each = strtol(argv[2], NULL, 10) / count;
  for (size_t i = 0; i < sizeof patterns; i++) {
    patterns[i] = (unsigned char)(i % kShades + 1);
  }
  for (int i = 0; i < kSlots; i++) {
    pthread_mutex_init(&slots[i].mutex, NULL);
  }
  for (int i = 0; i < count; i++) {
    threads[i].state = seed * 977 + (uint64_t)i;
    if (pthread_create(&threads[i].thread, NULL, work, threads + i) != 0) {
      return 3;
    }
  }
  for (int i = 0; i < count; i++) {
    pthread_join(threads[i].thread, NULL);
  }
  int live = 0;
  for (int i = 0; i < kSlots; i++) {
    if (slots[i].at != NULL) {
      live++;
      verify(slots + i, slots[i].size);
    }
    if (i % 2 == 0) {
      give_back(slots + i);
    }
  }
  printf("%ld operations\n", operations_each * count);
  return wrong != 0 || live == 0;
}
