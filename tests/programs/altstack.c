// A handler that allocates on a small alternate stack with an inaccessible page below: altstack
// BYTES That many bytes are there beside what the kernel itself needs (MINSIGSTKSZ of this
// processor). Each function has been called before, so that the loader need not find it from there.
// Prints "good" when blocks of all sizes were allocated, resized and freed 100 times, in the main
// thread and in one of the smallest stack that pthreads allow, whose handler allocates first of
// all.
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile int good;

static void handler(int number) {
  static const size_t sizes[] = {1, 40, 700, 5000, 33000, 200000, 3000000};
  (void)number;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char* p = malloc(sizes[i]);
    if (p == NULL) {
      return;
    }
    p[sizes[i] - 1] = 1;
    p = realloc(p, sizes[i] * 2);
    char* q = calloc(1, sizes[i]);
    if (p == NULL || q == NULL || q[0] != 0) {
      return;
    }
    free(p);
    free(q);
  }
  good = good + 1;
}

static size_t room;

static void set_stack(void) {
  const size_t page = 4096;
  const size_t size = ((size_t)sysconf(_SC_MINSIGSTKSZ) + room + 15) / 16 * 16;
  const size_t pages = (size + 2 * page - 1) / page * page;
  char* at = mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(at, page, PROT_NONE);
  // It begins where the inaccessible page ends, to the byte.
  const stack_t stack = {.ss_sp = at + page, .ss_size = size};
  if (sigaltstack(&stack, NULL) != 0) {
    _exit(4);
  }
}

static void* thread(void* unused) {
  set_stack();
  for (int i = 0; i < 100; i++) {
    raise(SIGUSR1);
  }
  return unused;
}

int main(int argc, char** argv) {
  room = argc > 1 ? (size_t)atoi(argv[1]) : 4096;
  handler(0);
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &action, NULL);
  thread(NULL);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
  pthread_t id;
  if (pthread_create(&id, &attributes, thread, NULL) != 0 || pthread_join(id, NULL) != 0) {
    return 3;
  }
  puts(good == 201 ? "good" : "bad");
  return 0;
}
