/* Blocks by function and tag, with known figures, for the report and for the list at Tagfree:
 *   sites end      everything is kept until the end
 *   sites leave    the tag "leaves" is freed with blocks in use: 3 of 10001 bytes, 2 of 502, 1 of 0
 *   sites clean    the same without blocks
 *   sites hold     prints "ready", waits for the end of standard input */
#include <heaptag/osmalloc.h>
#include <stdint.h>

#include "../old_systems/cases.h"

static OSMallocTag leaves, pages, twin;
static void* kept[16];

__attribute__((noinline, noclone)) static void* take_10001(void) {
  void* block = OSMalloc(10001, leaves);
  return memset(block, 1, 10001);
}

__attribute__((noinline, noclone)) static void* take_502(void) {
  void* block = OSMalloc_noblock(502, leaves);
  return memset(block, 1, 502);
}

__attribute__((noinline, noclone)) static void* take_none(void) {
  void* block = OSMalloc_nowait(0, leaves);
  __asm__ volatile("" : "+r"(block));
  return block;
}

__attribute__((noinline, noclone)) static void* take_pages(OSMallocTag tag) {
  void* block = OSMalloc(8192, tag);
  return memset(block, 1, 8192);
}

__attribute__((noinline, noclone)) static void* fail_to_take(void) {
  void* block = OSMalloc_noblock(0xF0000000, pages);
  __asm__ volatile("" : "+r"(block));
  return block;
}

static void fill(void) {
  leaves = OSMalloc_Tagalloc("leaves", OSMT_DEFAULT);
  pages = OSMalloc_Tagalloc("pages", OSMT_PAGEABLE);
  twin = OSMalloc_Tagalloc("pages", OSMT_PAGEABLE);
  for (int i = 0; i < 3; i++) {
    kept[i] = take_10001();
    OSFree(take_10001(), 10001, leaves);
  }
  // What must not wait is charged to where the tag was made, until a call that may wait has learned
  // of the place.
  kept[3] = take_502();
  kept[5] = take_none();
  kept[6] = take_pages(pages);
  kept[4] = take_502();
  kept[7] = take_pages(twin);
  OSFree(take_pages(twin), 8192, twin);
  CHECK(fail_to_take() == NULL);
}

static void end(void) {
  fill();
}

static void leave(void) {
  fill();
  OSMalloc_Tagfree(leaves);
}

static void clean(void) {
  fill();
  for (int i = 0; i < 6; i++) {
    OSFree(kept[i], i < 3 ? 10001 : i < 5 ? 502 : 0, leaves);
  }
  OSMalloc_Tagfree(leaves);
}

static void hold(void) {
  fill();
  puts("ready");
  while (getchar() != EOF) {
  }
}

static const struct test_case cases[] = {
    {"end", end}, {"leave", leave}, {"clean", clean}, {"hold", hold}};

MAIN(cases)
