// Bytes that are written or read after the free, before the block or beyond it.
#pragma once

#include "planted.h"

// One bit of a freed block changes; `rounds` of churn from the very same place, the first included.
static void write_after_free(size_t size, int bad, size_t offset, int rounds) {
  static Byte* blocks[kMany];
  const int count = size < kLarge ? kMany : kFew;
  Byte* victim = NULL;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < count; i++) {
      blocks[i] = (Byte*)the_allocator(size);
    }
    if (round == 0) {
      victim = filled(blocks[count / 2], size);
    }
    if (round == 0 && !bad) {
      the_writer(victim + offset, 1, pattern(offset) ^ 1);
    }
    for (int i = 0; i < count; i++) {
      the_freer(blocks[i]);
    }
    if (round == 0 && bad) {
      say(victim, size, (long)offset);
      the_writer(victim + offset, 1, pattern(offset) ^ 1);
    }
  }
}

static void uaf_first_churn(size_t size, int bad) {
  write_after_free(size, bad, 0, churn(size));
}

static void uaf_middle_churn(size_t size, int bad) {
  write_after_free(size, bad, size / 2, churn(size));
}

static void uaf_last_churn(size_t size, int bad) {
  write_after_free(size, bad, size - 1, churn(size));
}

static void uaf_first_quiet(size_t size, int bad) {
  write_after_free(size, bad, 0, 1);
}

static void uaf_middle_quiet(size_t size, int bad) {
  write_after_free(size, bad, size / 2, 1);
}

static void uaf_last_quiet(size_t size, int bad) {
  write_after_free(size, bad, size - 1, 1);
}

static void uaf_elsewhere(size_t size, int bad) {
  write_after_free(size, bad, size / 2, 1);
  the_churner(size);
}

static void uaf_freed_by_thread(size_t size, int bad) {
  Byte* p = new_block(size);
  if (!bad) {
    the_writer(p, 1, pattern(0) ^ 1);
  }
  in_thread(free_in_thread, p);
  if (bad) {
    say(p, size, 0);
    the_writer(p, 1, pattern(0) ^ 1);
  }
}

static void uaf_read(size_t size, int bad) {
  Byte* p = new_block(size);
  if (!bad) {
    the_reader(p + size / 2);
  }
  the_freer(p);
  if (bad) {
    say(p, size, (long)(size / 2));
    the_reader(p + size / 2);
  }
}

// Freed blocks read as they were. (Wrong of the program, but not to be seen without guards.)
static void freed_content(size_t size, int bad) {
  Byte* p = new_block(size);
  if (bad) {
    the_freer(p);
  }
  for (size_t i = 0; i < size; i++) {
    if (the_reader(p + i) != pattern(i)) {
      printf("byte %zu has changed\n", i);
      break;
    }
  }
  if (!bad) {
    the_freer(p);
  }
}

// Writes `length` bytes from `offset` on, or as many in the block.
static Byte* past(size_t size, int bad, long offset, size_t length, int value) {
  Byte* p = new_block(size);
  if (bad) {
    say(p, size, offset);
    the_writer(p + offset, length, value);
  } else {
    length = least_of(length, size);
    the_writer(offset < 0 ? p : p + size - length, length, value);
  }
  return p;
}

static void overflow_1(size_t size, int bad) {
  the_freer(past(size, bad, (long)size, 1, 0x37));
}

static void overflow_nul(size_t size, int bad) {
  the_freer(past(size, bad, (long)size, 1, 0));
}

static void overflow_16(size_t size, int bad) {
  the_freer(past(size, bad, (long)size, kRedzone, 0x37));
}

// Only the last byte that is looked at.
static void overflow_at_16(size_t size, int bad) {
  the_freer(past(size, bad, (long)size + kRedzone - 1, 1, 0x37));
}

static void underflow_1(size_t size, int bad) {
  the_freer(past(size, bad, -1, 1, 0x37));
}

static void underflow_16(size_t size, int bad) {
  the_freer(past(size, bad, -kRedzone, kRedzone, 0x37));
}

static void underflow_at_16(size_t size, int bad) {
  the_freer(past(size, bad, -kRedzone, 1, 0x37));
}

static void* kept[8];
static int kept_count;

static void overflow_kept(size_t size, int bad) {
  kept[kept_count++ % 8] = past(size, bad, (long)size, 1, 0x37);
}

static void underflow_kept(size_t size, int bad) {
  kept[kept_count++ % 8] = past(size, bad, -1, 1, 0x37);
}

// A guard lies on one side only: the same error with a few blocks, up to the first that has it
// here.
static void read_outside(size_t size, int bad, long offset) {
  Byte* blocks[kTries];
  for (int i = 0; i < kTries; i++) {
    blocks[i] = new_block(size);
  }
  for (int i = 0; i < kTries; i++) {
    if (bad) {
      say(blocks[i], size, offset);
      the_reader(blocks[i] + offset);
    } else {
      the_reader(offset < 0 ? blocks[i] : blocks[i] + size - 1);
    }
  }
  for (int i = 0; i < kTries; i++) {
    the_freer(blocks[i]);
  }
}

static void read_beyond(size_t size, int bad) {
  read_outside(size, bad, (long)size);
}

static void read_before(size_t size, int bad) {
  read_outside(size, bad, -1);
}
