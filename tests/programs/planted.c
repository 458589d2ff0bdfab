// One planted error of a C program, or its innocent twin; see planted.h.
#include "planted_main.h"

enum { kMalloc, kCalloc, kMemalign, kPosixMemalign, kAlignedAlloc, kReallocNull, kStrdup };

static const char* const allocators[] = {
    "malloc", "calloc", "memalign", "posix_memalign", "aligned_alloc", "realloc_null", "strdup"};

enum { kAlignment = 64, kLongest = 1 << 21 };

// A text of `size` bytes with its end.
static const char* text_of(size_t size) {
  static char text[kLongest];
  memset(text, 'x', size - 1);
  text[size - 1] = 0;
  return text;
}

void* the_allocator(size_t size) {
  void* p = NULL;
  switch (allocator) {
    case kMalloc:
      p = malloc(size);
      break;
    case kCalloc:
      p = calloc(1, size);
      break;
    case kMemalign:
      p = memalign(kAlignment, size);
      break;
    case kPosixMemalign:
      if (posix_memalign(&p, kAlignment, size) != 0) {
        p = NULL;
      }
      break;
    case kAlignedAlloc:
      p = aligned_alloc(kAlignment, size);
      break;
    case kReallocNull:
      p = realloc(NULL, size);
      break;
    default:
      p = strdup(text_of(size));
  }
  BARRIER();
  return p;
}

void the_freer(void* block) {
  free(block);
  BARRIER();
}

void the_second_freer(void* block) {
  free(block);
  BARRIER();
}

SITE void* the_reallocator(void* block, size_t size) {
  void* p = realloc(block, size);
  BARRIER();
  return p;
}

// Errors of realloc may leave it with nothing to give.
static void give_back(void* resized, void* instead) {
  the_freer(resized != NULL ? resized : instead);
}

static void realloc_freed(size_t size, int bad) {
  Byte* p = new_block(size);
  if (bad) {
    the_freer(p);
    say(p, size, 0);
    the_freer(the_reallocator(p, size + 40));
  } else {
    the_freer(the_reallocator(p, size + 40));
  }
  check_separate(size);
}

static void realloc_interior(size_t size, int bad) {
  Byte* p = new_block(size);
  if (bad) {
    say(p, size, (long)(size / 2));
    the_freer(the_reallocator(p + size / 2, size + 40));
    the_freer(p);
  } else {
    give_back(the_reallocator(p, size + 40), p);
  }
}

static void realloc_foreign(size_t size, int bad) {
  static Byte in_data[64] __attribute__((aligned(16)));
  Byte* p = new_block(size);
  if (bad) {
    say(in_data + 16, 0, 0);
    the_freer(the_reallocator(in_data + 16, 40));
    the_freer(p);
  } else {
    give_back(the_reallocator(p, 40), p);
  }
}

// The old pointer is used although realloc has moved the block, which another one kept in its
// place.
static void stale_realloc(size_t size, int bad) {
  static Byte* moved[kTries];
  static Byte* others[kTries];
  int count = 0;
  Byte* p;
  do {
    if (count == kTries) {
      printf("never moved\n");
      exit(3);
    }
    p = new_block(size);
    others[count] = new_block(size);
    moved[count] = (Byte*)the_reallocator(p, size * 2 + 200);
  } while (moved[count++] == p);
  if (bad) {
    say(p, size, (long)(size / 2));
  }
  the_writer((bad ? p : moved[count - 1]) + size / 2, 1, pattern(size / 2) ^ 1);
  for (int i = 0; i < count; i++) {
    the_freer(moved[i]);
    the_freer(others[i]);
  }
}

static void overflow_realloc(size_t size, int bad) {
  Byte* p = past(size, bad, (long)size, 1, 0x37);
  give_back(the_reallocator(p, size * 2 + 200), p);
}

// All that malloc_usable_size promises may be written, and more after a realloc to it.
static void usable(size_t size, int bad) {
  (void)bad;
  for (int i = 0; i < kTries; i++) {
    Byte* p = new_block(size);
    filled(p, malloc_usable_size(p));
    p = (Byte*)the_reallocator(p, malloc_usable_size(p));
    filled(p, malloc_usable_size(p));
    the_freer(p);
  }
}

// Blocks of calloc are zero, whatever was in them before.
static void calloc_recycled(size_t size, int bad) {
  static Byte* blocks[kMany];
  (void)bad;
  const int count = size < kLarge ? kMany : kFew;
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < count; i++) {
      blocks[i] = calloc(size, 1);
      for (size_t k = 0; k < size; k++) {
        if (blocks[i][k] != 0) {
          printf("byte %zu of %zu is %d\n", k, size, blocks[i][k]);
          exit(3);
        }
      }
      memset(blocks[i], 0xff, size);
    }
    for (int i = 0; i < count; i++) {
      the_freer(blocks[i]);
    }
  }
}

// The same error at the same place, with ten blocks.
static void ten_double_frees(size_t size, int bad) {
  for (int i = 0; i < 10; i++) {
    Byte* p = new_block(size);
    the_freer(p);
    if (bad) {
      say(p, size, 0);
      the_second_freer(p);
    }
  }
}

static const struct Case cases[] = {
    CASE(realloc_freed, 1),   CASE(realloc_interior, 2), CASE(realloc_foreign, 1),
    CASE(stale_realloc, 1),   CASE(overflow_realloc, 1), CASE(usable, 1),
    CASE(calloc_recycled, 1), CASE(ten_double_frees, 1),
};

int main(int argc, char** argv) {
  const struct Own own = {cases, sizeof cases / sizeof *cases, allocators,
                          sizeof allocators / sizeof *allocators};
  return run_all(&own, argc, argv);
}
