// What planted.c and planted_cxx.cc have in common: cases with one planted error each, and innocent
// twins that do nearly the same.
//
//     planted CASE[,ALLOCATOR] SIZE bad|good [CASE SIZE bad|good ...]
//     planted list
//
// `bad` prints what is abused before it happens, "block ADDRESS size SIZE offset OFFSET" (of the
// byte or pointer that is wrong, from the block's start), and "CASE SIZE done" if it survives;
// `good` only that. `list` names the cases, each with its least size. Who allocates, frees, writes
// and reads are functions of their own, to be found in reports.
#pragma once

#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __cplusplus
#  define SITE extern "C" __attribute__((noinline, noclone, no_icf))
#else
#  define SITE __attribute__((noinline, noclone, no_icf))
#endif
// Nothing is known of memory from here on, and no call before it is a tail call.
#define BARRIER() __asm__ volatile("" ::: "memory")

typedef unsigned char Byte;

// Each program has its own: as `allocator` says.
SITE void* the_allocator(size_t size);
SITE void the_freer(void* block);
SITE void the_second_freer(void* block);

enum {
  kMany = 64,  // blocks that live at once
  kFew = 8,    // if they are large
  kSmall = 256,
  kLarge = 32000,
  kTries = 16,
  kRedzone = 16,
  kHeld = 200,
};

struct Case {
  const char* name;
  void (*run)(size_t size, int bad);
  size_t least;  // size
};

static int allocator;

SITE void the_writer(Byte* at, size_t length, int value) {
  volatile Byte* bytes = at;
  for (size_t i = 0; i < length; i++) {
    bytes[i] = (Byte)(value + i);
  }
  BARRIER();
}

SITE int the_reader(const Byte* at) {
  const volatile Byte* byte = at;
  const int value = *byte;
  BARRIER();
  return value;
}

// How often all blocks are freed and allocated: enough to come round in a span of 64 KiB.
static int churn(size_t size) {
  return size < kSmall ? 130 : size < kLarge ? 40 : 12;
}

// The same sizes as the block's, of another owner.
SITE void the_churner(size_t size) {
  static void* held[kMany];
  const int count = size < kLarge ? kMany : kFew;
  for (int round = 0; round < churn(size); round++) {
    for (int i = 0; i < count; i++) {
      held[i] = malloc(size);
    }
    for (int i = 0; i < count; i++) {
      free(held[i]);
    }
  }
  BARRIER();
}

static Byte pattern(size_t i) {
  return (Byte)(i * 7 + 3);
}

static Byte* filled(void* block, size_t size) {
  Byte* bytes = (Byte*)block;
  if (block == NULL) {
    printf("no memory\n");
    exit(3);
  }
  for (size_t i = 0; i < size; i++) {
    bytes[i] = pattern(i);
  }
  BARRIER();
  return bytes;
}

static Byte* new_block(size_t size) {
  return filled(the_allocator(size), size);
}

static void say(const void* block, size_t size, long offset) {
  printf("block %#lx size %zu offset %ld\n", (unsigned long)(uintptr_t)block, size, offset);
}

static size_t least_of(size_t a, size_t b) {
  return a < b ? a : b;
}

static void* free_in_thread(void* block) {
  the_freer(block);
  return NULL;
}

static void* free_again_in_thread(void* block) {
  the_second_freer(block);
  return NULL;
}

static void in_thread(void* (*start)(void*), void* block) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, start, block) != 0 || pthread_join(thread, NULL) != 0) {
    exit(3);
  }
}
