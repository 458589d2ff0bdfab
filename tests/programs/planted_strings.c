// One call of a function of the C library that reads or writes beside a block.
//
//     planted_strings list                FUNCTION and what it does: r(eads) w(rites) b(ounded)
//                                         a(ppends) c(ompares: up to the first difference)
//     planted_strings FUNCTION CASE SIZE  CASE: good under (read) over (read) before (write)
//                                         behind (write)
//
// and with a block that was freed: freed_read freed_write; endless: a text without an end.
// A right-aligned block of SIZE bytes for under and before, a left-aligned one for over and behind.
// Prints the block, and "done" when all went on. 8 bytes are outside of it. With ANY_SIDE set
// in the environment the side does not matter.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>
#include <wchar.h>

#include "fortified.h"

#define SITE __attribute__((noinline, noclone, no_icf))
#define BARRIER() __asm__ volatile("" ::: "memory")

enum { kMost = 1 << 16, kOutside = 8, kTries = 64 };

// A call whose result nobody takes may be left out.
static volatile long kept;

static void keep(long result) {
  kept = result;
}

// to and from, w and r the same as wchar_t; n bytes, m characters.
#define FUNCTIONS(F)                                         \
  F(memcpy, "rwb", memcpy(to, from, n))                      \
  F(memmove, "rwb", memmove(to, from, n))                    \
  F(mempcpy, "rwb", mempcpy(to, from, n))                    \
  F(memccpy, "rwb", memccpy(to, from, 1, n))                 \
  F(bcopy, "rwb", bcopy(from, to, n))                        \
  F(memset, "wb", memset(to, 1, n))                          \
  F(bzero, "wb", bzero(to, n))                               \
  F(memchr, "rb", keep((long)memchr(from, 1, n)))            \
  F(memcmp, "rbc", keep((long)memcmp(from, to, n)))          \
  F(bcmp, "rbc", keep((long)bcmp(from, to, n)))              \
  F(strcpy, "rw", strcpy(to, from))                          \
  F(stpcpy, "rw", stpcpy(to, from))                          \
  F(strncpy, "rwb", strncpy(to, from, n))                    \
  F(stpncpy, "rwb", stpncpy(to, from, n))                    \
  F(strcat, "rwa", strcat(to, from))                         \
  F(strncat, "rwa", strncat(to, from, n))                    \
  F(strlen, "r", keep((long)strlen(from)))                   \
  F(strnlen, "rb", keep((long)strnlen(from, n)))             \
  F(strdup, "r", free(strdup(from)))                         \
  F(strndup, "rb", free(strndup(from, n)))                   \
  F(strcmp, "rc", keep((long)strcmp(from, to)))              \
  F(strncmp, "rbc", keep((long)strncmp(from, to, n)))        \
  F(strchr, "r", keep((long)strchr(from, 1)))                \
  F(strrchr, "r", keep((long)strrchr(from, 'A')))            \
  F(strstr, "r", keep((long)strstr(from, "\1")))             \
  F(wmemcpy, "rwb", wmemcpy(w, r, m))                        \
  F(wmemmove, "rwb", wmemmove(w, r, m))                      \
  F(wmempcpy, "rwb", wmempcpy(w, r, m))                      \
  F(wmemset, "wb", wmemset(w, 1, m))                         \
  F(wcscpy, "rw", wcscpy(w, r))                              \
  F(wcpcpy, "rw", wcpcpy(w, r))                              \
  F(wcsncpy, "rwb", wcsncpy(w, r, m))                        \
  F(wcpncpy, "rwb", wcpncpy(w, r, m))                        \
  F(wcscat, "rwa", wcscat(w, r))                             \
  F(wcsncat, "rwa", wcsncat(w, r, m))                        \
  F(wcslen, "r", keep((long)wcslen(r)))                      \
  F(wcsnlen, "rb", keep((long)wcsnlen(r, m)))                \
  F(wcsdup, "r", free(wcsdup(r)))                            \
  F(__memcpy_chk, "rwb", __memcpy_chk(to, from, n, kMost))   \
  F(__memmove_chk, "rwb", __memmove_chk(to, from, n, kMost)) \
  F(__mempcpy_chk, "rwb", __mempcpy_chk(to, from, n, kMost)) \
  F(__memset_chk, "wb", __memset_chk(to, 1, n, kMost))       \
  F(__strcpy_chk, "rw", __strcpy_chk(to, from, kMost))       \
  F(__stpcpy_chk, "rw", __stpcpy_chk(to, from, kMost))       \
  F(__strncpy_chk, "rwb", __strncpy_chk(to, from, n, kMost)) \
  F(__stpncpy_chk, "rwb", __stpncpy_chk(to, from, n, kMost)) \
  F(__strcat_chk, "rwa", __strcat_chk(to, from, kMost))      \
  F(__strncat_chk, "rwa", __strncat_chk(to, from, n, kMost)) \
  F(__wmemcpy_chk, "rwb", __wmemcpy_chk(w, r, m, kMost))     \
  F(__wmemmove_chk, "rwb", __wmemmove_chk(w, r, m, kMost))   \
  F(__wmempcpy_chk, "rwb", __wmempcpy_chk(w, r, m, kMost))   \
  F(__wmemset_chk, "wb", __wmemset_chk(w, 1, m, kMost))      \
  F(__wcscpy_chk, "rw", __wcscpy_chk(w, r, kMost))           \
  F(__wcpcpy_chk, "rw", __wcpcpy_chk(w, r, kMost))           \
  F(__wcsncpy_chk, "rwb", __wcsncpy_chk(w, r, m, kMost))     \
  F(__wcpncpy_chk, "rwb", __wcpncpy_chk(w, r, m, kMost))     \
  F(__wcscat_chk, "rwa", __wcscat_chk(w, r, kMost))          \
  F(__wcsncat_chk, "rwa", __wcsncat_chk(w, r, m, kMost))

#define DEFINE(name, what, call)                                            \
  SITE void use_##name(char* to, char* from, size_t n) {                    \
    wchar_t* w __attribute__((unused)) = (wchar_t*)(void*)to;               \
    const wchar_t* r __attribute__((unused)) = (const wchar_t*)(void*)from; \
    const size_t m __attribute__((unused)) = n / sizeof(wchar_t);           \
    (void)to, (void)from, (void)m;                                          \
    call;                                                                   \
    BARRIER();                                                              \
  }
FUNCTIONS(DEFINE)

static const struct Function {
  const char* name;
  const char* what;
  void (*use)(char*, char*, size_t);
} functions[] = {

#define ROW(name, what, call) {#name, what, use_##name},
    FUNCTIONS(ROW)
#undef ROW
};

enum { kFunctions = sizeof functions / sizeof *functions };

// The others are kept, so that none of them comes again.
SITE char* the_allocator(size_t size, int is_left) {
  for (int i = 0; i < kTries; i++) {
    char* p = malloc(size);
    BARRIER();
    if ((is_left ? (uintptr_t)p : (uintptr_t)p + size) % 4096 == 0 || getenv("ANY_SIDE") != NULL) {
      return p;
    }
  }
  puts("no such side");
  exit(2);
}

SITE void the_freer(char* block) {
  free(block);
  BARRIER();
}

// Characters, the last of which is 0 or, where the block is to have no end, none.
static void fill(char* at, size_t size, size_t width, int ends) {
  for (size_t i = 0; i < size; i++) {
    at[i] = i % width == 0 && !(ends && i + width >= size) ? 'A' : 0;
  }
}

static char other[kMost] __attribute__((aligned(16)));

static void run_case(const struct Function* function, const char* name, size_t size) {
  const size_t width =
      strncmp(function->name, "w", 1) == 0 || strncmp(function->name, "__w", 3) == 0
          ? sizeof(wchar_t)
          : 1;
  const int over = strcmp(name, "over") == 0;
  const int behind = strcmp(name, "behind") == 0;
  char* block = the_allocator(size, over || behind);
  const int freed = strncmp(name, "freed_", 6) == 0;
  const int endless = strcmp(name, "endless") == 0;
  const int inside = freed || strcmp(name, "good") == 0;
  printf("block %p size %zu offset %zd\n", (void*)block, size,
         over || behind || endless ? (ssize_t)size
         : inside                  ? 0
                                   : -(ssize_t)kOutside);
  if (over) {
    fill(block, size, width, 0);
    if (strchr(function->what, 'c') != NULL) {
      fill(other, size, width, 0);
    }
    function->use(other, block, size + kOutside);
  } else if (behind) {
    block[0] = 0;
    fill(block, width, width, 1);
    fill(other, size + kOutside, width, 1);
    function->use(block, other, size + kOutside);
  } else if (strcmp(name, "before") == 0) {
    fill(block, size, width, 0);
    fill(block, 16, width, 1);
    fill(other, size / 2, width, 1);
    function->use(block - kOutside, other, size / 2);
  } else if (strcmp(name, "under") == 0) {
    fill(block, size, width, 1);
    function->use(other, block - kOutside, size);
  } else if (endless) {
    fill(block, size, width, 0);
    function->use(other, block, size);
  } else if (freed) {
    the_freer(block);
    if (strcmp(name, "freed_read") == 0) {
      function->use(other, block, size);
    } else {
      function->use(block, other, size);
    }
    printf("%s %s done\n", function->name, name);
    return;
  } else {
    fill(block, size, width, 1);
    function->use(other, block, size);
    fill(block, size, width, 1);
    fill(block, width, width, 1);
    fill(other, size, width, 1);
    function->use(block, other, size);
  }
  the_freer(block);
  printf("%s %s done\n", function->name, name);
}

int main(int argc, char** argv) {
  static char out[4096];
  setvbuf(stdout, out, _IOLBF, sizeof out);
  for (int i = 0; i < kFunctions; i++) {
    if (argc == 2) {
      printf("%s %s\n", functions[i].name, functions[i].what);
    } else if (argc == 4 && strcmp(functions[i].name, argv[1]) == 0) {
      run_case(&functions[i], argv[2], strtoul(argv[3], NULL, 10));
    }
  }
  return 0;
}
