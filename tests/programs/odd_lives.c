// Threads and stacks that are unlike others: odd_lives MODE [ARGUMENT]
//   cancel       8 threads that may be cancelled at any instruction allocate until they are, again
//   and
//                again, while 2 others work: those and the end must not hang
//   timers       timers whose threads libc starts by itself (SIGEV_THREAD) allocate
//   coroutines   contexts with small stacks of their own allocate and switch, in two threads in
//   turn longjmp      jumps out of the middle of qsort and bsearch that allocate title overwrites
//   arguments and environment, as setproctitle does, and sets environ to NULL atexit       100 exit
//   handlers, each of which allocates and registers another late-keys    30 rounds of threads that
//   keep values under 300 keys, whose destructors allocate dlopen FILE  loads FILE, libheaptag.so
//   itself, and unloads it, while threads end loader DIR   threads load and unload lib_plugin.so of
//   DIR, walk the list of libraries with a
//                callback that allocates, and allocate from the library
//   code         calls malloc from code that was written at run time and belongs to no file
// Prints "good" at the end.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

extern char** environ;

static atomic_int stop;
static const char* argument;

static void* work(void* rounds) {
  void* kept[50] = {NULL};
  unsigned x = (unsigned)(long)rounds;
  for (long i = 0; i < (long)rounds && !stop; i++) {
    x = x * 1664525u + 1013904223u;
    void** slot = &kept[x >> 8 & 31];
    if (x >> 30 == 0) {
      *slot = realloc(*slot, (x >> 10) % 3000 + 1);
    } else {
      free(*slot);
      *slot = malloc((x >> 10) % (x % 61 == 0 ? 200000 : 700));
    }
  }
  for (int i = 0; i < 50; i++) {
    free(kept[i]);
  }
  return NULL;
}

static void* cancelled_anywhere(void* unused) {
  int old;
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
  for (;;) {
    work((void*)500);
  }
  return unused;
}

static void cancel(void) {
  pthread_t workers[2];
  for (int i = 0; i < 2; i++) {
    pthread_create(&workers[i], NULL, work, (void*)2000000);
  }
  for (int round = 0; round < 60; round++) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
      pthread_create(&threads[i], NULL, cancelled_anywhere, NULL);
    }
    usleep(500 + round * 20);
    for (int i = 0; i < 8; i++) {
      pthread_cancel(threads[i]);
    }
    for (int i = 0; i < 8; i++) {
      pthread_join(threads[i], NULL);
    }
  }
  stop = 1;
  for (int i = 0; i < 2; i++) {
    pthread_join(workers[i], NULL);
  }
  stop = 0;
  work((void*)10000);
}

static atomic_int ticks;

static void tick(union sigval value) {
  work((void*)200);
  (void)value;
  ticks++;
}

static void timers(void) {
  timer_t ids[4];
  for (int i = 0; i < 4; i++) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = tick};
    const struct itimerspec value = {{0, 2000000}, {0, 2000000}};
    timer_create(CLOCK_MONOTONIC, &event, &ids[i]);
    timer_settime(ids[i], 0, &value, NULL);
  }
  while (ticks < 300) {
    usleep(1000);
  }
  for (int i = 0; i < 4; i++) {
    timer_delete(ids[i]);
  }
}

enum { kRoutines = 20, kStack = 16 << 10 };

static ucontext_t routines[kRoutines];
static ucontext_t* _Atomic caller;
static char* blocks[kRoutines];

static void routine(int number) {
  for (unsigned i = 0;; i++) {
    char* p = malloc((size_t)number * 37 + i % 3000 + 1);
    *p = (char)number;
    if (blocks[number] != NULL && *blocks[number] != (char)number) {
      abort();
    }
    free(blocks[number]);
    blocks[number] = p;
    free(malloc(100000));
    swapcontext(&routines[number], caller);
  }
}

static void* switch_to_each(void* unused) {
  static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
  for (int i = 0; i < 200; i++) {
    pthread_mutex_lock(&turn);
    ucontext_t own;
    caller = &own;
    for (int k = 0; k < kRoutines; k++) {
      swapcontext(&own, &routines[k]);
    }
    pthread_mutex_unlock(&turn);
    free(malloc(300));
  }
  return unused;
}

static void coroutines(void) {
  for (int k = 0; k < kRoutines; k++) {
    getcontext(&routines[k]);
    routines[k].uc_stack.ss_sp = malloc(kStack);
    routines[k].uc_stack.ss_size = kStack;
    makecontext(&routines[k], (void (*)(void))routine, 1, k);
  }
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    pthread_create(&threads[i], NULL, switch_to_each, NULL);
  }
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
  }
}

static jmp_buf back;
static int compared;

static int compare(const void* a, const void* b) {
  free(malloc(77));
  if (++compared % 500 == 0) {
    longjmp(back, 1);
  }
  return *(const int*)a - *(const int*)b;
}

static void jump(void) {
  static int numbers[20000];  // more than qsort sorts without an allocation of its own
  for (int i = 0; i < 20000; i++) {
    numbers[i] = (i * 7919) % 20011;
  }
  setjmp(back);
  if (compared < 20000) {
    qsort(numbers, 20000, sizeof *numbers, compare);
  }
}

static void set_title(char** argv) {
  const char* end = argv[0];
  for (char** p = argv; *p != NULL; p++) {
    end = *p + strlen(*p);
  }
  for (char** p = environ; *p != NULL; p++) {
    end = *p + strlen(*p);
  }
  memset(argv[0], 'x', (size_t)(end - argv[0]));
  environ = NULL;
  work((void*)1000);
}

static int handlers_left = 100;

static void at_exit(void) {
  free(malloc(5000));
  if (handlers_left-- > 0) {
    atexit(at_exit);
  }
}

static pthread_key_t keys[300];

static void destroy(void* value) {
  free(value);
  free(malloc(100));
}

static void* with_keys(void* unused) {
  for (int i = 0; i < 300; i++) {
    pthread_setspecific(keys[i], malloc((size_t)i));
  }
  return unused;
}

static void late_keys(void) {
  for (int i = 0; i < 300; i++) {
    if (pthread_key_create(&keys[i], destroy) != 0) {
      abort();
    }
  }
  for (int round = 0; round < 30; round++) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
      pthread_create(&threads[i], NULL, with_keys, NULL);
    }
    for (int i = 0; i < 4; i++) {
      pthread_join(threads[i], NULL);
    }
  }
}

static void load_and_unload(void) {
  for (int round = 0; round < 5; round++) {
    void* library = dlopen(argument, RTLD_NOW);
    if (library == NULL) {
      puts(dlerror());
      return;
    }
    void* (*allocate)(size_t) = NULL;
    *(void**)&allocate = dlsym(library, "malloc");
    void (*release)(void*) = NULL;
    *(void**)&release = dlsym(library, "free");
    release(allocate(100));
    pthread_t thread;
    pthread_create(&thread, NULL, work, (void*)1000);
    dlclose(library);
    pthread_join(thread, NULL);
  }
}

static void* loads(void* unused) {
  char path[4096];
  snprintf(path, sizeof path, "%s/lib_plugin.so", argument);
  for (int i = 0; i < 150; i++) {
    void* library = dlopen(path, RTLD_NOW);
    void* (*make)(size_t) = NULL;
    *(void**)&make = dlsym(library, "plugin_make");
    for (int k = 0; k < 20; k++) {
      free(make(300));
    }
    dlclose(library);
  }
  return unused;
}

static int look_at(struct dl_phdr_info* info, size_t size, void* sum) {
  char* copy = strdup(info->dlpi_name);
  *(size_t*)sum += strlen(copy) + size;
  free(copy);
  free(malloc(40000));
  return 0;
}

static void* walks(void* unused) {
  size_t sum = 0;
  while (!stop) {
    dl_iterate_phdr(look_at, &sum);
  }
  return unused;
}

static void loader(void) {
  pthread_t threads[6];
  for (int i = 0; i < 6; i++) {
    pthread_create(&threads[i], NULL, i < 3 ? loads : i < 5 ? walks : work, (void*)10000000);
  }
  for (int i = 0; i < 6; i++) {
    stop = i >= 3;
    pthread_join(threads[i], NULL);
  }
}

// mov rax, target; sub rsp, 8; call rax; add rsp, 8; ret: a function without rows, symbol or file.
static void code(void) {
  unsigned char* page =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static const unsigned char call[] = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd0,
                                       0x48, 0x83, 0xc4, 0x08, 0xc3};
  void* targets[] = {(void*)malloc, (void*)strdup, (void*)free};
  for (int i = 0; i < 3; i++) {
    unsigned char* at = page + i * 64;
    at[0] = 0x48;
    at[1] = 0xb8;
    memcpy(at + 2, &targets[i], 8);
    memcpy(at + 10, call, sizeof call);
  }
  if (mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0) {
    return;
  }
  void* (*allocate)(size_t) = NULL;
  *(void**)&allocate = page;
  char* (*copy)(const char*) = NULL;
  *(void**)&copy = page + 64;
  void (*release)(void*) = NULL;
  *(void**)&release = page + 128;
  for (int i = 0; i < 1000; i++) {
    release(allocate(43210));
    release(copy("a string from nowhere"));
  }
  munmap(page, 4096);
}

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "";
  argument = argc > 2 ? argv[2] : "";

  static const struct {
    const char* name;
    void (*function)(void);
  } modes[] = {{"cancel", cancel},         {"timers", timers},
               {"coroutines", coroutines}, {"longjmp", jump},
               {"late-keys", late_keys},   {"dlopen", load_and_unload},
               {"loader", loader},         {"code", code}};

  if (strcmp(mode, "title") == 0) {
    set_title(argv);
  } else if (strcmp(mode, "atexit") == 0) {
    atexit(at_exit);
  } else {
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
      if (strcmp(modes[i].name, mode) == 0) {
        modes[i].function();
      }
    }
  }
  puts("good");
  return 0;
}
