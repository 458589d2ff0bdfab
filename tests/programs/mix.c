// A deterministic mix of all calls of C, single-threaded; some blocks stay in use at exit.
// mix SEED ROUNDS
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kSlots = 500 };

static unsigned char* slots[kSlots];
static size_t sizes[kSlots];
static uint64_t state;

static uint32_t next_random(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33);
}

// Mostly small, some up to 1 MiB, sometimes 0.
static size_t random_size(void) {
  const uint32_t kind = next_random() % 100;
  if (kind < 3) {
    return 0;
  }
  if (kind < 70) {
    return next_random() % 300;
  }
  if (kind < 95) {
    return next_random() % 20000;
  }
  return next_random() % ((1 << 20) + 1);
}

static void check(int i) {
  const size_t size = sizes[i];
  const unsigned char mark = (unsigned char)(i + 1);
  if (size > 0 && (slots[i][0] != mark || slots[i][size - 1] != mark)) {
    printf("slot %d: contents lost\n", i);
    exit(1);
  }
}

static void put(int i, void* p, size_t size) {
  if (p == NULL) {
    printf("slot %d: %zu bytes refused\n", i, size);
    exit(1);
  }
  slots[i] = p;
  sizes[i] = size;
  memset(p, i + 1, size);
}

static void give_back(int i) {
  if (slots[i] != NULL) {
    check(i);
    free(slots[i]);
    slots[i] = NULL;
    sizes[i] = 0;
  }
}

static void resize(int i) {
  size_t size = random_size();
  if (slots[i] == NULL) {
    put(i, realloc(NULL, size), size);
    return;
  }
  check(i);
  if (next_random() % 20 == 0) {  // realloc to 0 frees
    if (realloc(slots[i], 0) != NULL) {
      printf("slot %d: realloc to 0 gave a block\n", i);
      exit(1);
    }
    slots[i] = NULL;
    sizes[i] = 0;
    return;
  }
  size += size == 0;
  const size_t kept = size < sizes[i] ? size : sizes[i];
  unsigned char* p = realloc(slots[i], size);
  for (size_t k = 0; k < kept; k += 97) {
    if (p[k] != (unsigned char)(i + 1)) {
      printf("slot %d: byte %zu lost by realloc\n", i, k);
      exit(1);
    }
  }
  put(i, p, size);
}

static void one_call(void) {
  const int i = (int)(next_random() % kSlots);
  const uint32_t kind = next_random() % 10;
  if (kind >= 3 && kind <= 5) {
    resize(i);
    return;
  }
  give_back(i);
  const size_t size = random_size();
  void* p = NULL;
  switch (kind) {
    case 0:
    case 1:
    case 2:
      put(i, malloc(size), size);
      break;
    case 6:
      p = calloc(size / 8 + 1, 8);
      put(i, p, (size / 8 + 1) * 8);
      break;
    case 7:
      if (posix_memalign(&p, (size_t)16 << next_random() % 9, size) != 0) {
        exit(2);
      }
      put(i, p, size);
      break;
    case 8:
      put(i, aligned_alloc((size_t)16 << next_random() % 9, size), size);
      break;
    default:
      free(NULL);
  }
}

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  state = strtoull(argv[1], NULL, 10);
  for (long rounds = strtol(argv[2], NULL, 10); rounds > 0; rounds--) {
    one_call();
  }
  int kept = 0;
  for (int i = 0; i < kSlots; i++) {
    if (i % 3 != 0) {
      give_back(i);
    }
    kept += slots[i] != NULL;
  }
  printf("%d kept\n", kept);
  return 0;
}
