/* kmem_debug=1: writes to freed blocks of MALLOC. Each case is run with HEAPTAG_KMEM_DEBUG=1 and
 * HEAPTAG_QUARANTINE=0 unless its name says otherwise; the_freer is the routine that last freed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <heaptag/mtype.h>
#include <pthread.h>
#include <stdint.h>

#include "../old_systems/cases.h"

MALLOC_TYPE_DECLARE(M_DEBUGGED);
MALLOC_TYPE_DEFINE(M_DEBUGGED, "debugged", 0);

// Exported, so that dladdr knows them.
char* the_allocator(unsigned long size);
void the_freer(char* block);
void the_other_freer(char* block);

__attribute__((noinline, noclone)) char* the_allocator(unsigned long size) {
  char* block;
  MALLOC(block, char*, size, M_DEBUGGED, M_WAITOK);
  return block;
}

__attribute__((noinline, noclone)) void the_freer(char* block) {
  FREE(block, M_DEBUGGED);
}

__attribute__((noinline, noclone)) void the_other_freer(char* block) {
  FREE(block, M_DEBUGGED);
}

static unsigned long element_for(unsigned long size) {
  struct heaptag_bucket_stats stats;
  for (unsigned i = 0; heaptag_bucket_get_stats(i, &stats) == 0; i++) {
    if (stats.element_size >= size) {
      return stats.element_size;
    }
  }
  return 0;
}

static uint64_t last_word(const char* block, unsigned long element) {
  uint64_t word;
  memcpy(&word, block + element - 8, 8);
  return word;
}

static int is_in(const void* pc, const char* function) {
  Dl_info info;
  return dladdr(pc, &info) != 0 && info.dli_sname != NULL && strcmp(info.dli_sname, function) == 0;
}

// The block is not needed to be the next one: until it comes round, or for ever.
#define ROUNDS 300000

static unsigned long wanted_size;
static char* taken[ROUNDS];
static int taken_count;

static void allocate_until_panic(void) {
  for (taken_count = 0; taken_count < ROUNDS; taken_count++) {
    char* block;
    MALLOC(block, char*, wanted_size, M_DEBUGGED, M_NOWAIT);
    if (block == NULL) {
      return;
    }
    taken[taken_count] = block;
  }
}

// Allocates all that can be had without waiting; the message, if there was a panic.
static const char* allocate_all(unsigned long size) {
  wanted_size = size;
  const char* message = panic_of(allocate_until_panic);
  const int count = taken_count;
  for (int i = 0; i < count; i++) {
    the_other_freer(taken[i]);
  }
  return message;
}

static void expect_found(const char* message, const char* block, unsigned long size) {
  char address[32];
  snprintf(address, sizeof address, "%p", (const void*)block);
  CHECK(message != NULL);
  CHECK(strstr(message, address) != NULL);
  CHECK((char*)kmem_corrupt_data.addr == block);
  CHECK_EQUAL(kmem_corrupt_data.size, size);
  CHECK(is_in(kmem_corrupt_data.pc, "the_freer"));
  memset(&kmem_corrupt_data, 0, sizeof kmem_corrupt_data);
}

// HEAPTAG_KMEM_DEBUG=0: nothing is noted and nothing is found.
static void d1_off(void) {
  char* block = memset(the_allocator(128), 'x', 128);
  the_freer(block);
  for (int i = 120; i < 128; i++) {
    CHECK(block[i] == 'x');
  }
  block[50] = 'y';
  CHECK(allocate_all(128) == NULL);
  CHECK(osf_kmem_verify() == 0);
  CHECK(kmem_corrupt_data.addr == NULL);
}

// "the FREE routine stores the following in the last word of freed memory: The program counter (pc)
// of the module that last freed the memory; The checksum of the memory content"
static void d2_last_word(void) {
  static const unsigned long sizes[] = {1, 16, 100, 128, 1000, 4096, 16384, 262144};
  for (int i = 0; i < 8; i++) {
    const unsigned long element = element_for(sizes[i]);
    unsigned checksums[16];
    int differ = 0;
    for (int content = 0; content < 16; content++) {
      char* block = the_allocator(sizes[i]);
      CHECK(block != NULL);
      memset(block, content + 1, sizes[i]);
      the_freer(block);
      for (unsigned long at = 0; at < sizes[i] && at < element - 8; at++) {
        CHECK(block[at] == content + 1);
      }
      const uint64_t word = last_word(block, element);
      CHECK(is_in((void*)(uintptr_t)(word >> 16), "the_freer"));
      checksums[content] = word & 0xffff;
      differ += content > 0 && checksums[content] != checksums[0];
    }
    CHECK(differ > 8);
  }
  CHECK(osf_kmem_verify() == 0);
}

// Every byte of a freed block, the last word included; of large ones every 97th and the last 16.
static void d3_each_byte(void) {
  for (unsigned bucket = 0; bucket < HEAPTAG_BUCKETS - 1; bucket++) {
    struct heaptag_bucket_stats stats;
    CHECK(heaptag_bucket_get_stats(bucket, &stats) == 0);
    const unsigned long element = stats.element_size;
    const unsigned long step = element <= 256 ? 1 : element <= 4096 ? 37 : element / 16 + 1;
    for (unsigned long at = 0; at < element; at += at + 16 >= element ? 1 : step) {
      const unsigned long size = element - at % 8;
      char* block = memset(the_allocator(size), 'c', size);
      the_freer(block);
      block[at] ^= 1;
      wanted_size = size;
      if (element <= 16384) {
        expect_found(allocate_all(size), block, size);
      } else {
        CHECK_EQUAL(osf_kmem_verify(), 1);
        CHECK((char*)kmem_corrupt_data.addr == block);
      }
      if (at < element - 16 && at + step > element - 16) {
        at = element - 16 - step;
      }
    }
  }
}

// "There is a small chance that the pc ... may itself become corrupted": not out of the block.
static void d4_only_the_word(void) {
  char* block = memset(the_allocator(1000), 'c', 1000);
  the_freer(block);
  const uint64_t wrong = 0x4141414141414141;
  memcpy(block + 1024 - 8, &wrong, 8);
  expect_found(allocate_all(1000), block, 1000);
}

// "does not detect cases where the corruption occurs after MALLOC reallocates the freed memory"
static void d5_after_reallocation(void) {
  char* block = the_allocator(100);
  the_freer(block);
  wanted_size = 100;
  allocate_until_panic();
  int found = 0;
  for (int i = 0; i < taken_count; i++) {
    found += taken[i] == block;
  }
  CHECK(found == 1);
  block[50] ^= 1;
  for (int i = 0; i < taken_count; i++) {
    the_freer(taken[i]);
  }
  CHECK(allocate_all(100) == NULL);
}

static void d6_last_freer(void) {
  for (int i = 0; i < 6; i++) {
    char* block = memset(the_allocator(200), 'c', 200);
    (i % 2 ? the_freer : the_other_freer)(block);
    char* again = the_allocator(200);
    for (int tries = 0; again != block && tries < 5000; tries++) {
      again = the_allocator(200);
    }
    CHECK(again == block);
    (i % 2 ? the_other_freer : the_freer)(block);
    block[199] ^= 0x10;
    const char* message = allocate_all(200);
    CHECK(message != NULL && (char*)kmem_corrupt_data.addr == block);
    CHECK(is_in(kmem_corrupt_data.pc, i % 2 ? "the_other_freer" : "the_freer"));
  }
}

#define THREADS 16

static long rounds;

static void* use_correctly(void* number) {
  uint64_t random = 88172645463325252ull + (uintptr_t)number * 7919;
  char* held[32];
  memset(held, 0, sizeof held);
  for (long i = 0; i < rounds; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    char** slot = &held[random % 32];
    if (*slot != NULL) {
      the_freer(*slot);
      *slot = NULL;
      continue;
    }
    const unsigned long size = random >> 20 & (random >> 60 ? 0x1ff : 0xffff);
    MALLOC(*slot, char*, size, M_DEBUGGED, size > 16384 || random >> 63 ? M_WAITOK : M_NOWAIT);
    if (*slot != NULL) {
      memset(*slot, (int)random, size);
    }
  }
  for (int i = 0; i < 32; i++) {
    if (held[i] != NULL) {
      the_other_freer(held[i]);
    }
  }
  return NULL;
}

// No false positive.
static void d7_random(void) {
  rounds = atol(argument) / THREADS;
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, use_correctly, (void*)i) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(osf_kmem_verify() == 0);
  CHECK(kmem_corrupt_data.addr == NULL);
}

static void* write_late(void* block) {
  ((volatile char*)block)[10] ^= 4;
  return NULL;
}

// The writer is another thread than who frees and who allocates.
static void d8_writing_thread(void) {
  char* block = memset(the_allocator(100), 'c', 100);
  the_freer(block);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, write_late, block) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  expect_found(allocate_all(100), block, 100);
}

// Without a hook: the process ends here, for a debugger to look at.
static void d9_dies(void) {
  char* block = memset(the_allocator(100), 'c', 100);
  printf("block %p\n", (void*)block);
  the_freer(block);
  block[7] ^= 1;
  wanted_size = 100;
  allocate_until_panic();
}

static void d11_verify(void) {
  char* blocks[10];
  for (int i = 0; i < 10; i++) {
    blocks[i] = memset(the_allocator(100), 'c', 100);
  }
  for (int i = 0; i < 10; i++) {
    the_freer(blocks[i]);
  }
  CHECK(osf_kmem_verify() == 0);
  blocks[2][0] ^= 1;
  blocks[7][99] ^= 1;
  blocks[8][0] ^= 0;
  CHECK(osf_kmem_verify() == 2);
  CHECK(kmem_corrupt_data.addr == blocks[2] || kmem_corrupt_data.addr == blocks[7]);
  CHECK(kmem_corrupt_data.size == 100 && is_in(kmem_corrupt_data.pc, "the_freer"));
  CHECK(osf_kmem_verify() == 0);  // withdrawn, once and for all
  wanted_size = 100;
  CHECK(panic_of(allocate_until_panic) == NULL);
  for (int i = 0; i < taken_count; i++) {
    CHECK(taken[i] != blocks[2] && taken[i] != blocks[7]);
  }
}

// 8 bytes of content, then the word.
static void d12_smallest(void) {
  for (unsigned long size = 0; size <= 16; size++) {
    char* block = memset(the_allocator(size), 'c', size);
    the_freer(block);
    for (unsigned long i = 0; i < size && i < 8; i++) {
      CHECK(block[i] == 'c');
    }
    CHECK(is_in((void*)(uintptr_t)(last_word(block, 16) >> 16), "the_freer"));
    block[size % 16] ^= 2;
    expect_found(allocate_all(size), block, size);
  }
}

static const struct test_case cases[] = {
    {"D1", d1_off},           {"D2", d2_last_word},          {"D3", d3_each_byte},
    {"D4", d4_only_the_word}, {"D5", d5_after_reallocation}, {"D6", d6_last_freer},
    {"D7", d7_random},        {"D8", d8_writing_thread},     {"D9", d9_dies},
    {"D11", d11_verify},      {"D12", d12_smallest},
};

MAIN(cases)
