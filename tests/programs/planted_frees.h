// Frees of what is no block, or none any more.
#pragma once

#include "planted.h"

// A block that was freed twice must not be handed out twice.
static void check_separate(size_t size) {
  Byte* blocks[4];
  for (int i = 0; i < 4; i++) {
    blocks[i] = new_block(size);
    for (int k = 0; k < i; k++) {
      if (blocks[k] == blocks[i]) {
        printf("%p was handed out twice\n", (void*)blocks[i]);
        exit(3);
      }
    }
  }
  for (int i = 0; i < 4; i++) {
    the_freer(blocks[i]);
  }
}

static void double_free(size_t size, int bad) {
  Byte* p = new_block(size);
  the_freer(p);
  if (bad) {
    say(p, size, 0);
    the_second_freer(p);
  }
  check_separate(size);
}

// Between the two frees lie others of the same and of other sizes.
static void double_free_late(size_t size, int bad) {
  static Byte* same[kHeld];
  static Byte* others[kHeld];
  const int count = size < kLarge ? kHeld : kFew;
  for (int i = 0; i < count; i++) {
    same[i] = new_block(size);
    others[i] = new_block(size / 2 + 1);
  }
  Byte* p = same[count / 2];
  the_freer(p);
  for (int i = 0; i < count; i++) {
    if (same[i] != p) {
      the_freer(same[i]);
    }
    the_freer(others[i]);
  }
  if (bad) {
    say(p, size, 0);
    the_second_freer(p);
  }
  check_separate(size);
}

static void double_free_by_thread(size_t size, int bad) {
  Byte* p = new_block(size);
  the_freer(p);
  if (bad) {
    say(p, size, 0);
    in_thread(free_again_in_thread, p);
  }
  check_separate(size);
}

static void double_free_of_threads(size_t size, int bad) {
  Byte* p = new_block(size);
  in_thread(free_in_thread, p);
  if (bad) {
    say(p, size, 0);
    the_second_freer(p);
  }
  check_separate(size);
}

// The block itself stays, and is freed.
static void interior(size_t size, int bad, size_t offset) {
  Byte* p = new_block(size);
  if (bad) {
    say(p, size, (long)offset);
    the_second_freer(p + offset);
  }
  for (size_t i = 0; i < size; i++) {
    if (p[i] != pattern(i)) {
      printf("byte %zu has changed\n", i);
      break;
    }
  }
  the_freer(p);
}

static void interior_free(size_t size, int bad) {
  interior(size, bad, size / 2);
}

static void interior_free_16(size_t size, int bad) {
  interior(size, bad, 16);
}

static void interior_free_1(size_t size, int bad) {
  interior(size, bad, 1);
}

// A pointer to what the heap never gave. `size` is that of a block before it, to have a heap.
static void wrong_pointer(size_t size, int bad, Byte* wrong) {
  Byte* p = new_block(size);
  if (bad) {
    say(wrong, 0, 0);
    the_second_freer(wrong);
  }
  the_freer(p);
  check_separate(size);
}

static void stack_free(size_t size, int bad) {
  Byte on_stack[64] __attribute__((aligned(16))) = {1, 2, 3};
  wrong_pointer(size, bad, on_stack + 16);
  if (on_stack[1] != 2 || on_stack[16] != 0) {
    printf("the stack has changed\n");
  }
}

static void static_free(size_t size, int bad) {
  static Byte in_data[64] __attribute__((aligned(16))) = {1, 2, 3};
  wrong_pointer(size, bad, in_data + 16);
}

static void foreign_free(size_t size, int bad) {
  void* map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  wrong_pointer(size, bad, (Byte*)map + 16);
  ((Byte*)map)[16] = 1;
  munmap(map, 8192);
}

static void unmapped_free(size_t size, int bad) {
  wrong_pointer(size, bad, (Byte*)0x4141414141414140);
}

static void small_number_free(size_t size, int bad) {
  wrong_pointer(size, bad, (Byte*)16);
}

// Far from every block, where the heap may grow to.
static void never_free_far(size_t size, int bad) {
  Byte* p = new_block(size);
  wrong_pointer(size, bad, p + ((size_t)1 << 28));
  the_freer(p);
}

// Where the next block would lie.
static void never_free_near(size_t size, int bad) {
  Byte* blocks[3];
  for (int i = 0; i < 3; i++) {
    blocks[i] = new_block(size);
  }
  if (bad) {
    Byte* wrong = blocks[2] + (blocks[2] - blocks[1]);
    say(wrong, 0, 0);
    the_second_freer(wrong);
  }
  for (int i = 0; i < 3; i++) {
    the_freer(blocks[i]);
  }
  check_separate(size);
}
