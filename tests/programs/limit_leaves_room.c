// A program limits its own address space to 4 GiB: afterwards not only malloc has to work, but also
// mmap and new threads. Prints what does not, then the number of small blocks that it got.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { kBlocks = 200000 };

static void* thread(void* argument) {
  free(malloc(100));
  return argument;
}

int main(void) {
  const struct rlimit limit = {(rlim_t)4 << 30, (rlim_t)4 << 30};
  if (setrlimit(RLIMIT_AS, &limit) != 0) {
    return 2;
  }
  if (malloc(10 << 20) == NULL) {
    puts("no 10 MiB");
  }
  if (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
      MAP_FAILED) {
    puts("no mapping");
  }
  pthread_t id;
  if (pthread_create(&id, NULL, thread, NULL) != 0 || pthread_join(id, NULL) != 0) {
    puts("no thread");
  }
  int count = 0;
  while (count < kBlocks && malloc(100) != NULL) {
    count++;
  }
  printf("%d\n", count);
  return 0;
}
