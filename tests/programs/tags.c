// Memory of several kinds, so that rules have something to tell apart.
//   tags WHAT    all | threads | push | plugin FOLDER
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "heaptag/heaptag.h"

#define NOINLINE __attribute__((noinline, noclone))
#define BARRIER() __asm__ volatile("" ::: "memory")

NOINLINE void* conn_new(size_t size) {
  void* block = malloc(size);
  BARRIER();
  return block;
}

NOINLINE void* conn_buffer(size_t size) {
  void* block = calloc(1, size);
  BARRIER();
  return block;
}

NOINLINE void* cache_insert(size_t size) {
  void* block = malloc(size);
  BARRIER();
  return block;
}

static void all_kinds(void) {
  for (int i = 0; i < 100; ++i) {
    void* freed = conn_new(50);
    conn_buffer(60);
    cache_insert(10 * (i + 1));  // 10 to 1000
    free(freed);
  }
  cache_insert(200000);
}

static pthread_barrier_t steps;

static void* worker(void* name) {
  pthread_barrier_wait(&steps);  // named by main in between
  pthread_barrier_wait(&steps);
  for (int i = 0; i < 10; ++i) {
    cache_insert(32);
  }
  if (name != NULL) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
  }
  for (int i = 0; i < 5; ++i) {
    cache_insert(32);
  }
  pthread_barrier_wait(&steps);  // renamed by main in between
  pthread_barrier_wait(&steps);
  for (int i = 0; i < 3; ++i) {
    cache_insert(32);
  }
  return NULL;
}

static void* successor(void* name) {
  prctl(PR_SET_NAME, name, 0, 0, 0);
  for (int i = 0; i < 10; ++i) {
    cache_insert(32);
  }
  return NULL;
}

static void successors(void) {
  static const char* const names[] = {"first-1", "second-1", "nobody", "second-2", "first-2"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    pthread_t one;
    pthread_create(&one, NULL, successor, (void*)names[i]);
    pthread_join(one, NULL);
  }
}

static void threads(void) {
  pthread_t one;
  pthread_barrier_init(&steps, NULL, 2);
  pthread_create(&one, NULL, worker, (void*)"second-1");
  pthread_barrier_wait(&steps);
  pthread_setname_np(one, "first-1");
  pthread_barrier_wait(&steps);
  pthread_barrier_wait(&steps);
  pthread_setname_np(one, "third-1");
  pthread_barrier_wait(&steps);
  pthread_join(one, NULL);
  for (int i = 0; i < 7; ++i) {
    cache_insert(32);  // of the main thread, which is called like the program
  }
}

static void* pushing_thread(void* unused) {
  heaptag_tag_push("of-thread");
  cache_insert(80);
  heaptag_tag_pop();
  heaptag_tag_pop();  // nothing is pushed any more
  cache_insert(81);
  return unused;
}

static void push(void) {
  void* kept = NULL;
  cache_insert(20);
  heaptag_tag_push("outer");
  for (int i = 0; i < 30; ++i) {
    cache_insert(24);
    kept = conn_new(70);
  }
  heaptag_tag_push("inner");
  for (int i = 0; i < 30; ++i) {
    cache_insert(24);
  }
  kept = realloc(kept, 7000);  // now inner's
  heaptag_tag_push("");        // inner goes on
  cache_insert(26);
  heaptag_tag_pop();
  heaptag_tag_pop();
  cache_insert(25);
  heaptag_tag_pop();
  free(kept);  // charged to inner
  for (int i = 0; i < 200; ++i) {
    heaptag_tag_push("deep");
  }
  cache_insert(27);
  for (int i = 0; i < 200; ++i) {
    heaptag_tag_pop();
  }
  cache_insert(21);
  pthread_t other;
  pthread_create(&other, NULL, pushing_thread, NULL);
  pthread_join(other, NULL);
}

static int plugin(const char* folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/lib_tagged.so", folder);
  for (int round = 0; round < 2; ++round) {
    void* library = dlopen(path, RTLD_NOW);
    if (library == NULL) {
      return 1;
    }
    void* (*make)(void) = (void* (*)(void))dlsym(library, "tagged_make");
    for (int i = 0; i < 9; ++i) {
      make();
    }
    dlclose(library);
  }
  return 0;
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "all";
  if (strcmp(what, "threads") == 0) {
    threads();
  } else if (strcmp(what, "successors") == 0) {
    successors();
  } else if (strcmp(what, "push") == 0) {
    push();
  } else if (strcmp(what, "plugin") == 0) {
    return plugin(argv[2]);
  } else {
    all_kinds();
  }
  return 0;
}
