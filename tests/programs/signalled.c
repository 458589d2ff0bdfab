// What a program may be doing when a signal asks for a report: signalled MODE [ARGUMENT]
//   storm N KIND   N threads allocate at full speed (KIND small or large), and get the signals;
//   says
//                  "ready", works until stdin ends, then says how often and how much by function
//   read           blocks in read, which has to go on afterwards: says "ready", then what it read
//   pause          the same in pause, which cannot go on: says "ready", then why it came back
//   own            sets a handler of its own; says "ready", then how often that was called
//   fork           says "ready CHILD"; parent and child wait until stdin ends
//   exec PROGRAM.. becomes PROGRAM
//   raise N        raises it N times itself, errno stays; says "ready", waits until stdin ends
//   queue N        has N of them queued at once
//   vfork          raises it in a vfork child, twice, and once in itself
//   early N        sends it to N children, each as soon as it is there
//   atexit         raises it when exit has begun
//   cold           raises it in a thread that has never allocated, on a small stack
//   altstack       raises it in a thread with a small stack and a small alternate one
//   ending         raises it in each round of destructors of a thread that ends
// "It" is SIGUSR1, or the number in SIGNALLED_BY.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SITE __attribute__((noinline, noclone, no_icf)) static

enum { kThreadsMax = 16, kWindow = 48, kAltStack = 8192 };

struct Count {
  unsigned long calls;
  unsigned long bytes;
};

static int number = SIGUSR1;
static atomic_bool stop;
static struct Count small_counts[kThreadsMax];
static struct Count large_counts[kThreadsMax];

SITE void* allocate_small(struct Count* count, size_t size) {
  char* p = malloc(size);
  p[0] = 1;
  count->calls++;
  count->bytes += size;
  return p;
}

SITE void* allocate_large(struct Count* count, size_t size) {
  char* p = malloc(size);
  p[0] = 1;
  count->calls++;
  count->bytes += size;
  return p;
}

static void* storm_small(void* row) {
  const long own = (long)row;
  void* window[kWindow] = {0};
  unsigned seed = (unsigned)own + 1;
  while (!stop) {
    for (int i = 0; i < kWindow; i++) {
      seed = seed * 1103515245u + 12345u;
      free(window[i]);
      window[i] = allocate_small(&small_counts[own], seed >> 8 & 1 ? 48 : (seed >> 9) % 900 + 1);
    }
  }
  return NULL;  // its last blocks stay
}

// Nearly all of its time is spent in slow paths.
static void* storm_large(void* row) {
  const long own = (long)row;
  void* window[4] = {0};
  unsigned seed = (unsigned)own + 1;
  while (!stop) {
    for (int i = 0; i < 4; i++) {
      seed = seed * 1103515245u + 12345u;
      free(window[i]);
      window[i] = allocate_large(&large_counts[own], (seed >> 8) % 4000000 + 40000);
    }
  }
  return NULL;
}

static void wait_for_end_of_stdin(void) {
  char text[64];
  while (read(0, text, sizeof text) > 0) {
  }
}

static void say_total(const char* name, const struct Count* counts) {
  struct Count sum = {0, 0};
  for (int i = 0; i < kThreadsMax; i++) {
    sum.calls += counts[i].calls;
    sum.bytes += counts[i].bytes;
  }
  printf("%s %lu %lu\n", name, sum.calls, sum.bytes);
}

static void block_signal(int how) {
  sigset_t only_this;
  sigemptyset(&only_this);
  sigaddset(&only_this, number);
  pthread_sigmask(how, &only_this, NULL);
}

static int storm(int threads, const char* kind) {
  pthread_t ids[kThreadsMax];
  for (long t = 0; t < threads; t++) {
    pthread_create(&ids[t], NULL, strcmp(kind, "large") == 0 ? storm_large : storm_small, (void*)t);
  }
  block_signal(SIG_BLOCK);  // so that a thread at work gets it
  puts("ready");
  wait_for_end_of_stdin();
  stop = 1;
  for (int t = 0; t < threads; t++) {
    pthread_join(ids[t], NULL);
  }
  say_total("allocate_small", small_counts);
  say_total("allocate_large", large_counts);
  return 0;
}

static int blocked_in_read(void) {
  puts("ready");
  char text[64];
  const ssize_t length = read(0, text, sizeof text - 1);
  printf("read %zd %s\n", length, length < 0 ? strerror(errno) : "good");
  return 0;
}

static int blocked_in_pause(void) {
  puts("ready");
  const int result = pause();
  printf("pause %d %s\n", result, errno == EINTR ? "EINTR" : "?");
  return 0;
}

static volatile sig_atomic_t calls;

static void own_handler(int unused) {
  (void)unused;
  calls = calls + 1;
}

static int with_own_handler(void) {
  struct sigaction action = {.sa_handler = own_handler, .sa_flags = SA_RESTART};
  sigaction(number, &action, NULL);
  puts("ready");
  wait_for_end_of_stdin();
  printf("called %d\n", (int)calls);
  return 0;
}

static int with_child(void) {
  const pid_t child = fork();
  if (child == 0) {
    wait_for_end_of_stdin();
    _exit(0);
  }
  printf("ready %d\n", (int)child);
  wait_for_end_of_stdin();
  return waitpid(child, NULL, 0) != child;
}

static int raise_it(int times) {
  for (int i = 0; i < times; i++) {
    errno = 1234;
    raise(number);
    if (errno != 1234) {
      puts("errno has changed");
    }
  }
  puts("ready");
  wait_for_end_of_stdin();
  return 0;
}

static int queue_it(int times) {
  block_signal(SIG_BLOCK);
  for (int i = 0; i < times; i++) {
    sigqueue(getpid(), number, (union sigval){0});
  }
  block_signal(SIG_UNBLOCK);
  puts("ready");
  return 0;
}

static int in_vfork_child(void) {
  const pid_t child = vfork();
  if (child == 0) {
    kill(getpid(), number);
    kill(getpid(), number);
    _exit(3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  raise(number);
  printf("vfork %d\n", WEXITSTATUS(status));
  return 0;
}

static int early_in_child(int times) {
  for (int i = 0; i < times; i++) {
    int ends[2];
    if (pipe(ends) != 0) {
      return 1;
    }
    const pid_t child = fork();
    if (child == 0) {
      close(ends[1]);
      char unused;
      _exit(read(ends[0], &unused, 1) != 0);  // until the signal has been sent
    }
    kill(child, number);
    close(ends[0]);
    close(ends[1]);
    int status = 1;
    if (waitpid(child, &status, 0) != child || status != 0) {
      printf("child %d: %d\n", i, status);
    }
  }
  puts("ready");
  return 0;
}

static void at_exit(void) {
  raise(number);
}

static void* raises(void* unused) {
  raise(number);
  return unused;
}

static void* raises_on_alternate_stack(void* stack) {
  const stack_t alternate = {.ss_sp = stack, .ss_size = kAltStack};
  sigaltstack(&alternate, NULL);
  raise(number);
  free(malloc(100));
  raise(number);
  return NULL;
}

static int in_small_thread(void* (*body)(void*), void* argument) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
  pthread_t thread;
  const int failed = pthread_create(&thread, &attributes, body, argument);
  if (failed == 0) {
    pthread_join(thread, NULL);
  }
  puts("ready");
  return failed;
}

static pthread_key_t key;

static void at_end_of_thread(void* round) {
  raise(number);
  free(malloc(100));
  if ((long)round < PTHREAD_DESTRUCTOR_ITERATIONS) {
    pthread_setspecific(key, (void*)((long)round + 1));
  }
}

static void* ends(void* unused) {
  free(malloc(100));
  pthread_setspecific(key, (void*)1);
  return unused;
}

int main(int argc, char** argv) {
  static char line[32];  // stdout allocates nothing of its own then
  setvbuf(stdout, line, _IOLBF, sizeof line);
  const char* by = getenv("SIGNALLED_BY");
  number = by == NULL ? SIGUSR1 : atoi(by);
  const char* mode = argc > 1 ? argv[1] : "";
  const int count = argc > 2 ? atoi(argv[2]) : 0;
  if (strcmp(mode, "storm") == 0 && argc > 3 && count > 0 && count <= kThreadsMax) {
    return storm(count, argv[3]);
  }
  if (strcmp(mode, "read") == 0) {
    return blocked_in_read();
  }
  if (strcmp(mode, "pause") == 0) {
    return blocked_in_pause();
  }
  if (strcmp(mode, "own") == 0) {
    return with_own_handler();
  }
  if (strcmp(mode, "fork") == 0) {
    return with_child();
  }
  if (strcmp(mode, "exec") == 0 && argc > 2) {
    execv(argv[2], argv + 2);
    return 1;
  }
  if (strcmp(mode, "raise") == 0) {
    return raise_it(count);
  }
  if (strcmp(mode, "queue") == 0) {
    return queue_it(count);
  }
  if (strcmp(mode, "vfork") == 0) {
    return in_vfork_child();
  }
  if (strcmp(mode, "early") == 0) {
    return early_in_child(count);
  }
  if (strcmp(mode, "atexit") == 0) {
    return atexit(at_exit);
  }
  if (strcmp(mode, "cold") == 0) {
    return in_small_thread(raises, NULL);
  }
  if (strcmp(mode, "altstack") == 0) {
    return in_small_thread(raises_on_alternate_stack, malloc(kAltStack));
  }
  if (strcmp(mode, "ending") == 0) {
    pthread_key_create(&key, at_end_of_thread);
    return in_small_thread(ends, NULL);
  }
  return 2;
}
