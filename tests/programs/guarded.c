// What HEAPTAG_GUARD does, seen by the program itself.
//
//     guarded many COUNT        allocates and frees so often; prints how many were guarded, by side
//     guarded keep COUNT SIZE   the same, and all live at once
//     guarded churn COUNT       mallocs, callocs, reallocs, memaligns that live and die; all bytes
//                               are looked at
//     guarded tags              prints which of two functions get guarded blocks
//     guarded handler           a read after the free, with a handler of its own
//     guarded fork              a child and its parent, each with blocks of both
//     guarded red COUNT         writes to a freed block so often
//     guarded realloc           uses the old block
//     guarded threads COUNT     two threads hand blocks over
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SITE __attribute__((noinline, noclone, no_icf))
#define BARRIER() __asm__ volatile("" ::: "memory")

static int probe[2];

// The kernel looks for us.
static int can_touch(const char* at) {
  char byte;
  return write(probe[1], at, 1) == 1 && read(probe[0], &byte, 1) == 1;
}

SITE char* the_allocator(size_t size) {
  char* p = malloc(size);
  BARRIER();
  return p;
}

SITE char* the_other_allocator(size_t size) {
  char* p = malloc(size);
  BARRIER();
  return p;
}

SITE void the_freer(void* block) {
  free(block);
  BARRIER();
}

SITE void the_writer(volatile char* at) {
  *at = 2;
  BARRIER();
}

SITE int the_reader(const volatile char* at) {
  const int value = *at;
  BARRIER();
  return value;
}

static int ends;
static int begins;

static int is_guarded(const char* p, size_t size) {
  const int ends_there = !can_touch(p + size);
  const int begins_there = !ends_there && !can_touch(p - 1);
  ends += ends_there;
  begins += begins_there;
  return ends_there || begins_there;
}

static void many(int count) {
  char* p[64];
  for (int i = 0; i < count; i += 64) {
    for (int j = 0; j < 64; j++) {
      p[j] = the_allocator(16 + (size_t)j);
      is_guarded(p[j], 16 + (size_t)j);
    }
    for (int j = 0; j < 64; j++) {
      the_freer(p[j]);
    }
  }
  printf("%d %d\n", ends, begins);
}

static void keep(int count, size_t size) {
  char** p = malloc((size_t)count * sizeof(*p));
  for (int i = 0; i < count; i++) {
    p[i] = the_allocator(size);
    is_guarded(p[i], size);
  }
  printf("%d %d\n", ends, begins);
  for (int i = 0; i < count; i++) {
    the_freer(p[i]);
  }
  free(p);
}

static unsigned random_state = 1;

static unsigned next_random(void) {
  random_state = random_state * 1664525U + 1013904223U;
  return random_state >> 8;
}

static void check(const char* p, size_t size, char value) {
  for (size_t i = 0; i < size; i++) {
    if (p[i] != value) {
      printf("byte %zu of %zu has changed\n", i, size);
      exit(1);
    }
  }
}

static void churn(int count) {
  enum { kBlocks = 300 };

  static char* p[kBlocks];
  static size_t sizes[kBlocks];
  for (int i = 0; i < count; i++) {
    const unsigned at = next_random() % kBlocks;
    const char value = (char)at;
    const size_t size = next_random() % 20 == 0 ? next_random() % 2000000 : next_random() % 5000;
    if (p[at] != NULL) {
      check(p[at], sizes[at], value);
      if (malloc_usable_size(p[at]) < sizes[at]) {
        printf("usable: %zu of %zu\n", malloc_usable_size(p[at]), sizes[at]);
        exit(1);
      }
    }
    switch (next_random() % 5) {
      case 0:
        free(p[at]);
        p[at] = malloc(size);
        break;
      case 1:
        free(p[at]);
        p[at] = calloc(1, size);
        check(p[at], size, 0);
        break;
      case 2:
        free(p[at]);
        p[at] = memalign((size_t)16 << next_random() % 10, size);
        break;
      case 3:
        free(p[at]);
        p[at] = NULL;
        continue;
      default: {
        const size_t kept = p[at] == NULL ? 0 : sizes[at] < size ? sizes[at] : size;
        p[at] = realloc(p[at], size + 1);
        check(p[at], kept, value);
        break;
      }
    }
    sizes[at] = size;
    memset(p[at], value, size);
  }
  for (int i = 0; i < kBlocks; i++) {
    free(p[i]);
  }
}

static void tags(void) {
  char* p[100];
  int of_one = 0;
  int of_other = 0;
  for (int i = 0; i < 50; i++) {
    p[2 * i] = the_allocator(64);
    p[2 * i + 1] = the_other_allocator(64);
    of_one += is_guarded(p[2 * i], 64);
    of_other += is_guarded(p[2 * i + 1], 64);
  }
  for (int i = 0; i < 100; i++) {
    the_freer(p[i]);
  }
  printf("%d %d\n", of_one, of_other);
}

static sigjmp_buf back;

static void on_segv(int number, siginfo_t* info, void* context) {
  (void)context;
  printf("signal %d at %#lx\n", number, (unsigned long)(uintptr_t)info->si_addr);
  siglongjmp(back, 1);
}

static void handler(void) {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = on_segv;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, NULL);
  char* p = the_allocator(100);
  the_freer(p);
  printf("block %#lx\n", (unsigned long)(uintptr_t)p);
  if (sigsetjmp(back, 1) == 0) {
    the_reader(p + 50);
    printf("not caught\n");
  }
}

static void forks(void) {
  char* p = the_allocator(100);
  memset(p, 7, 100);
  const pid_t child = fork();
  if (child == 0) {
    check(p, 100, 7);
    the_freer(p);
    churn(2000);
    exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  check(p, 100, 7);
  the_freer(p);
  churn(2000);
  printf("%d\n", status);
}

// Found when the block is used again, and from then on in the act.
static void red(int count) {
  for (int i = 0; i < count; i++) {
    char* p = the_allocator(100);
    memset(p, 1, 100);
    the_freer(p);
    the_writer(p + 10);
    for (int j = 0; j < 200; j++) {
      the_freer(the_other_allocator(100));
    }
  }
}

SITE void reallocs(void) {
  char* p = the_allocator(100);
  memset(p, 5, 100);
  char* q = realloc(p, 90);
  check(q, 90, 5);
  printf("%d\n", p != q);
  fflush(stdout);
  the_writer(p + 10);
}

enum { kRing = 64 };

static char* volatile ring[kRing];

static void* free_all(void* count) {
  for (long i = 0; i < *(const int*)count; i++) {
    char* p;
    while ((p = __atomic_exchange_n(&ring[i % kRing], NULL, __ATOMIC_ACQ_REL)) == NULL) {
    }
    check(p, 48, (char)i);
    the_freer(p);
  }
  return NULL;
}

static void threads(int count) {
  pthread_t thread;
  pthread_create(&thread, NULL, free_all, &count);
  for (long i = 0; i < count; i++) {
    char* p = the_allocator(48);
    memset(p, (char)i, 48);
    char* none = NULL;
    while (!__atomic_compare_exchange_n(&ring[i % kRing], &none, p, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
      none = NULL;
    }
  }
  pthread_join(thread, NULL);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  const int count = argc > 2 ? atoi(argv[2]) : 0;
  if (pipe(probe) != 0) {
    return 3;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(what, "many") == 0) {
    many(count);
  } else if (strcmp(what, "keep") == 0) {
    keep(count, (size_t)atol(argv[3]));
  } else if (strcmp(what, "churn") == 0) {
    churn(count);
  } else if (strcmp(what, "tags") == 0) {
    tags();
  } else if (strcmp(what, "handler") == 0) {
    handler();
  } else if (strcmp(what, "fork") == 0) {
    forks();
  } else if (strcmp(what, "red") == 0) {
    red(count);
  } else if (strcmp(what, "realloc") == 0) {
    reallocs();
  } else if (strcmp(what, "threads") == 0) {
    threads(count);
  } else {
    return 2;
  }
  printf("done\n");
  return 0;
}
