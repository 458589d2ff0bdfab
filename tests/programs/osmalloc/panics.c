/* Calls that OSMalloc must not forgive, each with an innocent twin:
 *   panics CASE bad|good die     no hook: what HEAPTAG_PANIC says
 *   panics CASE bad|good catch   a hook that leaves by longjmp; prints "caught: MESSAGE"
 *   panics list
 * Afterwards all that was in use must be as it was, and the tags must work. */
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>
#include <stdint.h>
#include <sys/mman.h>

#include "../old_systems/cases.h"

#define SIZE 100u

static OSMallocTag tag, other, spare, doomed, gone;
static char *block, *others_block, *doomed_block;
static int is_bad;
static void* result;  // of the call that is tried

static void* either(void* bad, void* good) {
  return is_bad ? bad : good;
}

static OSMallocTag tag_or(void* bad) {
  return (OSMallocTag)either(bad, tag);
}

static void alloc_with(OSMallocTag with) {
  result = OSMalloc(SIZE, with);
}

static void noblock_with(OSMallocTag with) {
  result = OSMalloc_noblock(SIZE, with);
}

static void nowait_with(OSMallocTag with) {
  result = OSMalloc_nowait(SIZE, with);
}

static void free_with(OSMallocTag with) {
  OSFree(block, SIZE, with);
}

// What a tag might be taken for: memory that looks like one, or cannot be looked at.
static void* garbage(void) {
  static uint32_t words[256];
  memset(words, 0x5a, sizeof words);
  return words;
}

static void* valid_states(void) {
  static uint32_t words[256];
  for (int i = 0; i < 256; i++) {
    words[i] = 0xDEAB0000;
  }
  return words;
}

static void* no_access(void) {
  void* page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  return page;
}

static void* copy_of_tag(void) {
  static char copy[256] __attribute__((aligned(64)));
  memcpy(copy, (void*)tag, 128);
  return copy;
}

static void* inside_tag(void) {
  return (char*)tag + 8;
}

static void null_alloc(void) {
  alloc_with(tag_or(NULL));
}

static void null_noblock(void) {
  noblock_with(tag_or(NULL));
}

static void null_nowait(void) {
  nowait_with(tag_or(NULL));
}

static void null_free(void) {
  free_with(tag_or(NULL));
}

static void null_tagfree(void) {
  OSMalloc_Tagfree((OSMallocTag)either(NULL, spare));
}

static void null_name(void) {
  OSMallocTag made = OSMalloc_Tagalloc((const char*)either(NULL, (void*)"name"), OSMT_DEFAULT);
  result = made;
}

static void release_doomed(void) {
  if (is_bad) {
    OSMalloc_Tagfree(doomed);
  }
}

static void released_alloc(void) {
  alloc_with(doomed);
}

static void released_noblock(void) {
  noblock_with(doomed);
}

static void released_nowait(void) {
  nowait_with(doomed);
}

static void released_free(void) {
  OSFree(doomed_block, SIZE, doomed);
}

static void released_tagfree(void) {
  OSMalloc_Tagfree((OSMallocTag)either(doomed, spare));
}

static void gone_alloc(void) {
  alloc_with(tag_or(gone));
}

static void gone_noblock(void) {
  noblock_with(tag_or(gone));
}

static void gone_free(void) {
  free_with(tag_or(gone));
}

static void gone_tagfree(void) {
  OSMalloc_Tagfree((OSMallocTag)either(gone, spare));
}

static void garbage_alloc(void) {
  alloc_with(tag_or(garbage()));
}

static void garbage_noblock(void) {
  noblock_with(tag_or(garbage()));
}

static void garbage_free(void) {
  free_with(tag_or(garbage()));
}

static void garbage_tagfree(void) {
  OSMalloc_Tagfree((OSMallocTag)either(garbage(), spare));
}

static void states_alloc(void) {
  alloc_with(tag_or(valid_states()));
}

static void states_tagfree(void) {
  OSMalloc_Tagfree((OSMallocTag)either(valid_states(), spare));
}

static void low_alloc(void) {
  alloc_with(tag_or((void*)0x10));
}

static void low_free(void) {
  free_with(tag_or((void*)0x10));
}

static void far_alloc(void) {
  alloc_with(tag_or((void*)0xdeadbeefdeadbeef));
}

static void no_access_alloc(void) {
  alloc_with(tag_or(no_access()));
}

static void no_access_tagfree(void) {
  OSMalloc_Tagfree((OSMallocTag)either(no_access(), spare));
}

static void copy_alloc(void) {
  alloc_with(tag_or(copy_of_tag()));
}

static void inside_alloc(void) {
  alloc_with(tag_or(inside_tag()));
}

static void block_as_tag(void) {
  alloc_with(tag_or(block));
}

static void size_more(void) {
  OSFree(block, is_bad ? SIZE + 1 : SIZE, tag);
}

static void size_less(void) {
  OSFree(block, is_bad ? SIZE - 1 : SIZE, tag);
}

static void size_zero(void) {
  OSFree(block, is_bad ? 0 : SIZE, tag);
}

static void size_huge(void) {
  OSFree(block, is_bad ? UINT32_MAX : SIZE, tag);
}

static void other_tag(void) {
  OSFree(block, SIZE, is_bad ? other : tag);
}

static void no_block(void) {
  OSFree(either(NULL, block), SIZE, tag);
}

static void interior_16(void) {
  OSFree(either(block + 16, block), SIZE, tag);
}

static void interior_1(void) {
  OSFree(either(block + 1, block), SIZE, tag);
}

static void before_block(void) {
  OSFree(either(block - 16, block), SIZE, tag);
}

static void of_malloc(void) {
  OSFree(either(malloc(SIZE), block), SIZE, tag);
}

static void of_stack(void) {
  char local[SIZE] __attribute__((aligned(16)));
  memset(local, 1, sizeof local);
  OSFree(either(local, block), SIZE, tag);
}

static void of_mtype(void) {
  char* made;
  MALLOC(made, char*, SIZE, M_TEMP, M_WAITOK);
  OSFree(either(made, block), SIZE, tag);
}

static void unmapped(void) {
  OSFree(either((void*)0x7000, block), SIZE, tag);
}

static char* freed_before;

static void free_one(void) {
  freed_before = OSMalloc(SIZE, tag);
  OSFree(freed_before, SIZE, tag);
}

static void freed_already(void) {
  OSFree(either(freed_before, block), SIZE, tag);
}

static void free_all(void) {
  OSFree(block, SIZE, tag);
  freed_before = block;
  block = is_bad ? NULL : OSMalloc(SIZE, tag);
}

static void one_too_many(void) {
  OSFree(either(freed_before, block), SIZE, tag);
}

static void size_of(char* bad) {
  CHECK(OSMalloc_size(either(bad, block)) >= (is_bad ? 0 : SIZE));
}

static void size_of_interior(void) {
  size_of(block + 16);
}

static void size_of_stack(void) {
  char local[32];
  size_of(local);
}

static void size_of_null(void) {
  size_of(NULL);
}

static void size_of_freed(void) {
  size_of(freed_before);
}

#define CASE(prepare, call) \
  { #call, prepare, call }

static const struct {
  const char* name;
  void (*prepare)(void);
  void (*call)(void);
} cases[] = {
    CASE(NULL, null_alloc),
    CASE(NULL, null_noblock),
    CASE(NULL, null_nowait),
    CASE(NULL, null_free),
    CASE(NULL, null_tagfree),
    CASE(NULL, null_name),
    CASE(release_doomed, released_alloc),
    CASE(release_doomed, released_noblock),
    CASE(release_doomed, released_nowait),
    CASE(release_doomed, released_free),
    CASE(release_doomed, released_tagfree),
    CASE(NULL, gone_alloc),
    CASE(NULL, gone_noblock),
    CASE(NULL, gone_free),
    CASE(NULL, gone_tagfree),
    CASE(NULL, garbage_alloc),
    CASE(NULL, garbage_noblock),
    CASE(NULL, garbage_free),
    CASE(NULL, garbage_tagfree),
    CASE(NULL, states_alloc),
    CASE(NULL, states_tagfree),
    CASE(NULL, low_alloc),
    CASE(NULL, low_free),
    CASE(NULL, far_alloc),
    CASE(NULL, no_access_alloc),
    CASE(NULL, no_access_tagfree),
    CASE(NULL, copy_alloc),
    CASE(NULL, inside_alloc),
    CASE(NULL, block_as_tag),
    CASE(NULL, size_more),
    CASE(NULL, size_less),
    CASE(NULL, size_zero),
    CASE(NULL, size_huge),
    CASE(NULL, other_tag),
    CASE(NULL, no_block),
    CASE(NULL, interior_16),
    CASE(NULL, interior_1),
    CASE(NULL, before_block),
    CASE(NULL, of_malloc),
    CASE(NULL, of_stack),
    CASE(NULL, of_mtype),
    CASE(NULL, unmapped),
    CASE(free_one, freed_already),
    CASE(free_all, one_too_many),
    CASE(NULL, size_of_interior),
    CASE(NULL, size_of_stack),
    CASE(NULL, size_of_null),
    CASE(free_one, size_of_freed),
};

static struct heaptag_osmalloc_stats before, others_before;

static void expect_unchanged(void) {
  struct heaptag_osmalloc_stats now;
  CHECK(heaptag_osmalloc_get_stats(tag, &now) == 0);
  CHECK(memcmp(&now, &before, sizeof now) == 0);
  CHECK(heaptag_osmalloc_get_stats(other, &now) == 0);
  CHECK(memcmp(&now, &others_before, sizeof now) == 0);
  for (uint32_t i = 0; i < SIZE; i++) {
    CHECK(others_block[i] == 'o' && (block == NULL || block[i] == 'b'));
  }
  OSFree(others_block, SIZE, other);
  others_block = OSMalloc(SIZE, tag);
  CHECK(others_block != NULL);
  OSFree(others_block, SIZE, tag);
  if (block != NULL) {
    OSFree(block, SIZE, tag);
  }
  OSMalloc_Tagfree(other);
  OSMalloc_Tagfree(tag);
}

static void prepare(void) {
  tag = OSMalloc_Tagalloc("the first", OSMT_DEFAULT);
  other = OSMalloc_Tagalloc("the other", OSMT_DEFAULT);
  spare = OSMalloc_Tagalloc("the spare", OSMT_DEFAULT);
  doomed = OSMalloc_Tagalloc("the doomed", OSMT_DEFAULT);
  gone = OSMalloc_Tagalloc("the gone", OSMT_DEFAULT);
  OSMalloc_Tagfree(gone);
  others_block = memset(OSMalloc(SIZE, other), 'o', SIZE);
  doomed_block = OSMalloc(SIZE, doomed);
  block = memset(OSMalloc(SIZE, tag), 'b', SIZE);
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 4096);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
      puts(cases[i].name);
      continue;
    }
    if (argc < 4 || strcmp(argv[1], cases[i].name) != 0) {
      continue;
    }
    is_bad = strcmp(argv[2], "bad") == 0;
    prepare();
    if (cases[i].prepare != NULL) {
      cases[i].prepare();
    }
    printf("block %p doomed %p\n", (void*)block, (void*)doomed_block);
    CHECK(heaptag_osmalloc_get_stats(tag, &before) == 0);
    CHECK(heaptag_osmalloc_get_stats(other, &others_before) == 0);
    CHECK(heaptag_panic_message() == NULL);
    if (strcmp(argv[3], "catch") == 0) {
      const char* message = panic_of(cases[i].call);
      printf("caught: %s\n", message == NULL ? "nothing" : message);
      CHECK(message == NULL || strcmp(heaptag_panic_message(), message) == 0);
    } else {
      cases[i].call();
    }
    if (is_bad) {
      CHECK(result == NULL);
      expect_unchanged();
    }
    puts("went on");
    return 0;
  }
  return argc == 2 ? 0 : 2;
}
