// Calls functions of the C library with random arguments, and prints a sum over what each has
// returned and written. Whoever stands before these functions must not change it.
//
//     strings_same ROUNDS SEED
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

#include "fortified.h"

enum { kBytes = 2048, kHalf = kBytes / 2, kWide = kHalf / sizeof(wchar_t) };

static uint64_t state;

static uint64_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static size_t below(size_t limit) {
  return (size_t)(next_random() >> 20) % limit;
}

static uint64_t sum;

static void add(uint64_t value) {
  sum = (sum ^ value) * 0x100000001B3U;
}

// What the functions work on: heap blocks, so that they are asked about.
static char* left;
static char* right;

static void add_text(char* text) {
  for (size_t i = 0; text[i] != 0; i++) {
    add((uint8_t)text[i]);
  }
  free(text);
}

static void add_wide_text(wchar_t* text) {
  for (size_t i = 0; text[i] != 0; i++) {
    add((uint64_t)text[i]);
  }
  free(text);
}

#define AT(pointer) found(pointer, left)
#define FOUND(pointer) found(pointer, from)

static void found(const void* at, const void* base) {
  add(at == NULL ? UINT64_MAX : (uint64_t)((const char*)at - (const char*)base));
}

// to, from: with room for n bytes; w, r: with room for m characters; both end within their room.
#define FUNCTIONS(F)                                                                        \
  F(memcpy, AT(memcpy(to, from, n)))                                                        \
  F(memmove, AT(memmove(to, from, n)))                                                      \
  F(memmove_up, AT(memmove(to + k, to, n)))                                                 \
  F(memmove_down, AT(memmove(to, to + k, n)))                                               \
  F(mempcpy, AT(mempcpy(to, from, n)))                                                      \
  F(memccpy, found(memccpy(to, from, c, n), to))                                            \
  F(bcopy, bcopy(from, to, n))                                                              \
  F(memset, AT(memset(to, c, n)))                                                           \
  F(bzero, bzero(to, n))                                                                    \
  F(memchr, FOUND(memchr(from, c, n)))                                                      \
  F(memcmp, add((uint64_t)memcmp(to, from, n)))                                             \
  F(memcmp_same, (memcpy(to, from, n), to[k] ^= c & 1, add((uint64_t)memcmp(to, from, n)))) \
  F(bcmp, add(bcmp(to, from, n) != 0))                                                      \
  F(strcpy, AT(strcpy(to, from)))                                                           \
  F(stpcpy, AT(stpcpy(to, from)))                                                           \
  F(strncpy, AT(strncpy(to, from, n)))                                                      \
  F(stpncpy, AT(stpncpy(to, from, n)))                                                      \
  F(strcat, (to[k] = 0, AT(strcat(to, from))))                                              \
  F(strncat, (to[k] = 0, AT(strncat(to, from, n))))                                         \
  F(strlen, add(strlen(from)))                                                              \
  F(strnlen, add(strnlen(from, n)))                                                         \
  F(strdup, add_text(strdup(from)))                                                         \
  F(strndup, add_text(strndup(from, n)))                                                    \
  F(strcmp, add((uint64_t)strcmp(to, from)))                                                \
  F(strcmp_same, (strcpy(to, from), to[k] ^= c & 1, add((uint64_t)strcmp(to, from))))       \
  F(strncmp, add((uint64_t)strncmp(to, from, n)))                                           \
  F(strncmp_same, (strcpy(to, from), to[k] ^= c & 1, add((uint64_t)strncmp(to, from, n))))  \
  F(strchr, FOUND(strchr(from, c)))                                                         \
  F(strchr_end, FOUND(strchr(from, 0)))                                                     \
  F(strrchr, FOUND(strrchr(from, c)))                                                       \
  F(strstr, (to[k % 4] = 0, FOUND(strstr(from, to))))                                       \
  F(wmemcpy, AT(wmemcpy(w, r, m)))                                                          \
  F(wmemmove, AT(wmemmove(w, r, m)))                                                        \
  F(wmempcpy, AT(wmempcpy(w, r, m)))                                                        \
  F(wmemset, AT(wmemset(w, c, m)))                                                          \
  F(wcscpy, AT(wcscpy(w, r)))                                                               \
  F(wcpcpy, AT(wcpcpy(w, r)))                                                               \
  F(wcsncpy, AT(wcsncpy(w, r, m)))                                                          \
  F(wcpncpy, AT(wcpncpy(w, r, m)))                                                          \
  F(wcscat, (w[k / 4] = 0, AT(wcscat(w, r))))                                               \
  F(wcsncat, (w[k / 4] = 0, AT(wcsncat(w, r, m))))                                          \
  F(wcslen, add(wcslen(r)))                                                                 \
  F(wcsnlen, add(wcsnlen(r, m)))                                                            \
  F(wcsdup, add_wide_text(wcsdup(r)))                                                       \
  F(__memcpy_chk, AT(__memcpy_chk(to, from, n, kHalf)))                                     \
  F(__memmove_chk, AT(__memmove_chk(to, from, n, kHalf)))                                   \
  F(__mempcpy_chk, AT(__mempcpy_chk(to, from, n, kHalf)))                                   \
  F(__memset_chk, AT(__memset_chk(to, c, n, kHalf)))                                        \
  F(__strcpy_chk, AT(__strcpy_chk(to, from, kHalf)))                                        \
  F(__stpcpy_chk, AT(__stpcpy_chk(to, from, kHalf)))                                        \
  F(__strncpy_chk, AT(__strncpy_chk(to, from, n, kHalf)))                                   \
  F(__stpncpy_chk, AT(__stpncpy_chk(to, from, n, kHalf)))                                   \
  F(__strcat_chk, (to[k] = 0, AT(__strcat_chk(to, from, kBytes))))                          \
  F(__strncat_chk, (to[k] = 0, AT(__strncat_chk(to, from, n, kBytes))))                     \
  F(__wmemcpy_chk, AT(__wmemcpy_chk(w, r, m, kWide)))                                       \
  F(__wmemmove_chk, AT(__wmemmove_chk(w, r, m, kWide)))                                     \
  F(__wmempcpy_chk, AT(__wmempcpy_chk(w, r, m, kWide)))                                     \
  F(__wmemset_chk, AT(__wmemset_chk(w, c, m, kWide)))                                       \
  F(__wcscpy_chk, AT(__wcscpy_chk(w, r, kWide)))                                            \
  F(__wcpcpy_chk, AT(__wcpcpy_chk(w, r, kWide)))                                            \
  F(__wcsncpy_chk, AT(__wcsncpy_chk(w, r, m, kWide)))                                       \
  F(__wcpncpy_chk, AT(__wcpncpy_chk(w, r, m, kWide)))                                       \
  F(__wcscat_chk, (w[k / 4] = 0, AT(__wcscat_chk(w, r, 2 * kWide))))                        \
  F(__wcsncat_chk, (w[k / 4] = 0, AT(__wcsncat_chk(w, r, m, 2 * kWide))))

#define DEFINE(name, expression)                                             \
  static void use_##name(char* to, char* from, size_t n, size_t k, char c) { \
    wchar_t* w __attribute__((unused)) = (wchar_t*)(void*)left;              \
    wchar_t* r __attribute__((unused)) = (wchar_t*)(void*)right;             \
    const size_t m __attribute__((unused)) = n / sizeof(wchar_t);            \
    (void)to, (void)from, (void)k, (void)c;                                  \
    expression;                                                              \
  }
FUNCTIONS(DEFINE)

static const struct Function {
  const char* name;
  void (*use)(char*, char*, size_t, size_t, char);
} functions[] = {

#define ROW(name, expression) {#name, use_##name},
    FUNCTIONS(ROW)
#undef ROW
};

// Few letters, so that much is equal; each half ends.
static void fill(char* bytes) {
  const size_t mask = below(2) != 0 ? 3 : 63;
  for (size_t i = 0; i < kBytes; i++) {
    bytes[i] = (char)((next_random() >> 30 & mask) + (below(200) != 0));
  }
  for (size_t i = kHalf - 16; i < kHalf; i++) {
    bytes[i] = 0;
  }
  bytes[kBytes - 1] = 0;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  left = malloc(kBytes);
  right = malloc(kBytes);
  const long rounds = strtol(argv[1], NULL, 10);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    sum = 0;
    state = strtoull(argv[2], NULL, 10) * 2654435761U + 1;
    for (long round = 0; round < rounds; round++) {
      fill(left);
      fill(right);
      const size_t k = below(32);
      const size_t n = below(kHalf - 64) >> below(10);
      errno = (int)below(100);
      functions[i].use(left + below(16), right + below(16), n, k, (char)below(8));
      add((uint64_t)errno);
      for (size_t at = 0; at < kBytes; at++) {
        add((uint8_t)left[at]);
        add((uint8_t)right[at]);
      }
    }
    printf("%s %016llx\n", functions[i].name, (unsigned long long)sum);
  }
  free(left);
  free(right);
  return 0;
}
