// Blocks of OSMalloc and MALLOC that are given to free, realloc or delete: the call is refused, the
// block stays in use and as it is, and malloc never hands its memory out.
//   freed_by_others CASE osmalloc|mtype|own   own: blocks that the call may have, told of by nobody
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>

#include <cstdint>

#include "cases.h"

namespace {

constexpr uint32_t kSizes[] = {1, 16, 100, 512, 1000, 4096, 16384, 32768, 100000, 1000000};
constexpr int kCount = sizeof(kSizes) / sizeof(kSizes[0]);

enum class Allocator { kOsmalloc, kMtype, kOwn };

// The call under test. Gives its result, if it has one.
using Call = char* (*)(char* block, uint32_t size);

Allocator allocator;
OSMallocTag tag;
char* blocks[kCount];

}  // namespace

static char* take(uint32_t size, char* (*own)(uint32_t)) {
  char* block = nullptr;
  if (allocator == Allocator::kOsmalloc) {
    block = static_cast<char*>(OSMalloc(size, tag));
  } else if (allocator == Allocator::kMtype) {
    MALLOC(block, char*, size, M_DEVBUF, M_WAITOK);
  } else {
    block = own(size);
  }
  CHECK(block != nullptr);
  return static_cast<char*>(memset(block, 'z', size));
}

static void give_back(char* block, uint32_t size) {
  if (allocator == Allocator::kOsmalloc) {
    OSFree(block, size, tag);
  } else {
    FREE(block, M_DEVBUF);
  }
}

static uint64_t blocks_in_use() {
  if (allocator == Allocator::kOsmalloc) {
    heaptag_osmalloc_stats stats;
    CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
    return stats.live_blocks;
  }
  heaptag_mtype_stats stats;
  CHECK(heaptag_mtype_get_stats(M_DEVBUF, &stats) == 0);
  return stats.inuse;
}

// Of every size that may have shared pages with them.
static void expect_malloc_has_other_memory() {
  for (uint32_t size = 16; size <= 40000; size += size < 1024 ? 16 : 1008) {
    char* some[40];
    for (char*& one : some) {
      one = static_cast<char*>(malloc(size));
      CHECK(one != nullptr);
      for (int i = 0; i < kCount; i++) {
        CHECK(one + size <= blocks[i] || one >= blocks[i] + kSizes[i]);
      }
    }
    for (char* one : some) {
      free(one);
    }
  }
}

static void expect_refused(Call call) {
  for (int i = 0; i < kCount; i++) {
    blocks[i] = take(kSizes[i], nullptr);
    char* result = call(blocks[i], kSizes[i]);
    CHECK(result != blocks[i]);
    free(result);
    CHECK_EQUAL(blocks_in_use(), i + 1);
  }
  expect_malloc_has_other_memory();
  for (int i = 0; i < kCount; i++) {
    for (uint32_t at = 0; at < kSizes[i]; at++) {
      CHECK(blocks[i][at] == 'z');
    }
    give_back(blocks[i], kSizes[i]);
  }
  CHECK_EQUAL(blocks_in_use(), 0);
}

static void try_call(Call call, char* (*own)(uint32_t)) {
  allocator = strcmp(argument, "osmalloc") == 0 ? Allocator::kOsmalloc
              : strcmp(argument, "mtype") == 0  ? Allocator::kMtype
                                                : Allocator::kOwn;
  if (allocator != Allocator::kOwn) {
    tag = OSMalloc_Tagalloc("mine", OSMT_DEFAULT);
    return expect_refused(call);
  }
  for (const uint32_t size : kSizes) {
    free(call(take(size, own), size));
  }
}

static char* by_malloc(uint32_t size) {
  return static_cast<char*>(malloc(size));
}

__attribute__((noinline, noclone)) static char* the_freer(char* block, uint32_t /*size*/) {
  free(block);
  return nullptr;
}

__attribute__((noinline, noclone)) static char* the_deleter(char* block, uint32_t /*size*/) {
  ::operator delete(block);
  return nullptr;
}

__attribute__((noinline, noclone)) static char* the_array_deleter(char* block, uint32_t /*size*/) {
  delete[] block;
  return nullptr;
}

__attribute__((noinline, noclone)) static char* the_sized_deleter(char* block, uint32_t size) {
  ::operator delete (block, size_t{size});
  return nullptr;
}

// The caller has what was in the block, in another one.
static char* resize(char* block, uint32_t size, size_t wanted) {
  char* moved = static_cast<char*>(realloc(block, wanted));
  CHECK(moved != nullptr);
  for (size_t i = 0; i < size && i < wanted; i++) {
    CHECK(moved[i] == 'z');
  }
  return moved;
}

__attribute__((noinline, noclone)) static char* the_enlarger(char* block, uint32_t size) {
  return resize(block, size, size_t{size} * 2 + 100);
}

__attribute__((noinline, noclone)) static char* the_reducer(char* block, uint32_t size) {
  return resize(block, size, size / 3 + 1);
}

__attribute__((noinline, noclone)) static char* the_resizer_to_nothing(char* block, uint32_t) {
  CHECK(realloc(block, 0) == nullptr);
  return nullptr;
}

static void by_free() {
  try_call(the_freer, by_malloc);
}

static void by_delete() {
  try_call(the_deleter, [](uint32_t size) { return static_cast<char*>(::operator new(size)); });
}

static void by_sized_delete() {
  try_call(the_sized_deleter,
           [](uint32_t size) { return static_cast<char*>(::operator new(size)); });
}

static void by_delete_array() {
  try_call(the_array_deleter, [](uint32_t size) { return new char[size]; });
}

static void by_enlarging() {
  try_call(the_enlarger, by_malloc);
}

static void by_reducing() {
  try_call(the_reducer, by_malloc);
}

static void by_realloc_to_nothing() {
  try_call(the_resizer_to_nothing, by_malloc);
}

static const struct test_case cases[] = {
    {"free", by_free},
    {"delete", by_delete},
    {"sized_delete", by_sized_delete},
    {"delete_array", by_delete_array},
    {"enlarging", by_enlarging},
    {"reducing", by_reducing},
    {"realloc_to_nothing", by_realloc_to_nothing},
};

MAIN(cases)
