// Children that no fork handler sees, of a process with 32 threads that allocate: unseen_children
// HOW CHILDREN, where HOW is _Fork, raw (the clone system call), function (clone with a function),
// vfork (the child shares our memory), or nested (a _Fork in a _Fork). Each child allocates,
// resizes and frees blocks of all sizes, looks at their contents, frees blocks of its parent, and
// ends; one that hangs is ended by its alarm. parent_keeps has 100 blocks of 70 bytes in use at the
// end. Prints how many children came back well, and, for vfork, what child_allocates did.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kThreads = 32, kKept = 100 };

static atomic_int stop;
static char* kept[kKept];
static long child_calls;

__attribute__((noinline, noclone)) static void parent_keeps(void) {
  for (int i = 0; i < kKept; i++) {
    kept[i] = malloc(70);
    memset(kept[i], i + 1, 70);
  }
}

static void* busy(void* seed) {
  unsigned x = (unsigned)(long)seed;
  void* window[64] = {NULL};
  while (!stop) {
    for (int i = 0; i < 300; i++) {
      x = x * 1664525u + 1013904223u;
      void** slot = &window[x >> 26];
      free(*slot);
      *slot = malloc((x >> 8) % ((x >> 5) % 50 == 0 ? 400000 : 900));
    }
    usleep(x % 1500);
  }
  for (int i = 0; i < 64; i++) {
    free(window[i]);
  }
  return NULL;
}

__attribute__((noinline, noclone)) static void* child_allocates(size_t size) {
  void* p = malloc(size);
  child_calls++;  // behind it: no tail call
  return p;
}

static int is_filled(const unsigned char* p, size_t size) {
  for (size_t i = 0; i<size; i += size> 5000 ? 997 : 1) {
    if (p[i] != (unsigned char)(size % 250 + 1)) {
      return 0;
    }
  }
  return 1;
}

static int child_works(int frees_parents) {
  unsigned char* blocks[40] = {NULL};
  size_t sizes[40] = {0};
  unsigned x = 5;
  for (int i = 0; i < 1500; i++) {
    x = x * 1664525u + 1013904223u;
    const int k = (int)((x >> 10) % 40);
    if (blocks[k] != NULL && !is_filled(blocks[k], sizes[k])) {
      return 3;
    }
    const size_t size = (x >> 12) % ((x >> 6) % 30 == 0 ? 900000 : 3000) + 1;
    if (x >> 31 != 0 && !frees_parents) {
      free(blocks[k]);
      blocks[k] = child_allocates(size);
    } else if (x >> 31 != 0) {
      blocks[k] = realloc(blocks[k], size);
    } else {
      free(blocks[k]);
      blocks[k] = child_allocates(size);
    }
    sizes[k] = size;
    memset(blocks[k], (int)(size % 250 + 1), size);
  }
  for (int k = 0; k < 40; k++) {
    free(blocks[k]);
  }
  for (int i = 0; i < kKept; i++) {
    if (kept[i][0] != i + 1 || kept[i][69] != i + 1) {
      return 4;
    }
    if (frees_parents && i % 2 == 0) {
      free(kept[i]);
    }
  }
  return 0;
}

static int clone_body(void* unused) {
  (void)unused;
  alarm(30);
  _exit(child_works(1));
}

static int status_of(pid_t pid) {
  int status = 1;
  return pid > 0 && waitpid(pid, &status, __WALL) == pid ? status : -1;
}

static int nested_child(void) {
  if (child_works(0) != 0) {
    return 5;
  }
  const pid_t pid = _Fork();
  if (pid == 0) {
    alarm(30);
    _exit(child_works(1));
  }
  if (status_of(pid) != 0) {
    return 6;
  }
  const pid_t seen = fork();
  if (seen == 0) {
    _exit(child_works(1));
  }
  return status_of(seen) != 0;
}

static int make_child(const char* how) {
  static char stack[512 << 10] __attribute__((aligned(16)));
  if (strcmp(how, "function") == 0) {
    return status_of(clone(clone_body, stack + sizeof stack, SIGCHLD, NULL));
  }
  if (strcmp(how, "vfork") == 0) {
    const pid_t pid = vfork();
    if (pid == 0) {
      _exit(child_works(0));
    }
    return status_of(pid);
  }
  const pid_t pid =
      strcmp(how, "raw") == 0 ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : _Fork();
  if (pid == 0) {
    alarm(30);
    _exit(strcmp(how, "nested") == 0 ? nested_child() : child_works(1));
  }
  return status_of(pid);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  parent_keeps();
  pthread_t threads[kThreads];
  for (long t = 0; t < kThreads; t++) {
    pthread_create(&threads[t], NULL, busy, (void*)(t + 1));
  }
  const int wanted = atoi(argv[2]);
  int good = 0;
  for (int i = 0; i < wanted; i++) {
    const int status = make_child(argv[1]);
    good += status == 0;
    if (status != 0) {
      printf("child %d: status %x\n", i, (unsigned)status);
      break;
    }
  }
  stop = 1;
  for (int t = 0; t < kThreads; t++) {
    pthread_join(threads[t], NULL);
  }
  const int changed = child_works(0);  // of the parent's own blocks nothing was freed
  printf("%d of %d good, %d, %ld calls\n", good, wanted, changed, child_calls);
  return 0;
}
