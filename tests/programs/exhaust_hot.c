// Memory runs out in one call site that has always asked for one size. Its blocks are freed, the
// memory goes to another site, and the first one allocates again: its blocks must not overlap those
// of the other one. Prints "good", or what is wrong.
// exhaust_hot partly   the other site leaves most of the memory free
// exhaust_hot wholly   the other site takes all that there is, and then frees every second block
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { kHotBytes = 96, kOtherBytes = 32, kMax = 1500000 };

struct hot {
  struct hot* next;
};

static int* others[kMax];

__attribute__((noinline, noclone)) static void* get_hot(void) {
  return malloc(kHotBytes);
}

__attribute__((noinline, noclone)) static void* get_other(void) {
  return malloc(kOtherBytes);
}

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  const int wholly = strcmp(argv[1], "wholly") == 0;
  struct rlimit limit;
  getrlimit(RLIMIT_DATA, &limit);
  limit.rlim_cur = (rlim_t)64 << 20;
  setrlimit(RLIMIT_DATA, &limit);

  struct hot* list = NULL;
  for (struct hot* p; (p = get_hot()) != NULL; list = p) {
    p->next = list;
  }
  while (list != NULL) {
    struct hot* next = list->next;
    free(list);
    list = next;
  }
  malloc_trim(0);
  int count = 0;
  while (count < (wholly ? kMax : 2000) && (others[count] = get_other()) != NULL) {
    others[count][2] = count;
    count++;
  }
  for (int i = 0; wholly && i < count; i += 2) {
    free(others[i]);
  }
  int again = 0;
  for (void* p; again < 2000 && (p = get_hot()) != NULL; again++) {
    memset(p, 0xee, kHotBytes);
  }
  for (int i = 1; i < count; i += 2) {
    if (others[i][2] != i) {
      printf("block %d of %d was overwritten\n", i, count);
      return 1;
    }
  }
  if (count < 2000 || (!wholly && again < 2000)) {
    printf("%d blocks of the other site, %d of the first\n", count, again);
    return 1;
  }
  puts("good");
  return 0;
}
