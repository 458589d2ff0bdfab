// fork in a program whose threads allocate all the time. Children allocate, free what the parent
// allocated, and exit; some fork again, some exec. Prints how many came back well.
// fork_threads THREADS FORKS [handlers]: with handlers, pthread_atfork handlers allocate too.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kBlocks = 200 };

static atomic_int stop;
static atomic_long handler_calls;
static void* parents[kBlocks];

static void work(unsigned* x, int rounds) {
  void* kept[64] = {NULL};
  for (int i = 0; i < rounds; i++) {
    *x = *x * 1664525u + 1013904223u;
    void** slot = &kept[*x >> 26];
    if ((*x >> 10) % 5 == 0) {
      *slot = realloc(*slot, (*x >> 12) % 3000 + 1);
    } else {
      free(*slot);
      *slot = malloc((*x >> 8) % ((*x >> 5) % 100 == 0 ? 300000 : 700));
    }
  }
  for (int i = 0; i < 64; i++) {
    free(kept[i]);
  }
}

static void* busy(void* seed) {
  unsigned x = (unsigned)(long)seed;
  while (!stop) {
    work(&x, 200);
    usleep(x % 2000);  // leaves processor time to the forks
  }
  return NULL;
}

static void handler(void) {
  void* p = malloc(100 + (size_t)handler_calls++ % 3000);
  memset(p, 1, 100);
  free(p);
  free(malloc(200000));
}

static void* child_thread(void* unused) {
  unsigned x = 7;
  work(&x, 300);
  return unused;
}

static int child(int number) {
  unsigned x = (unsigned)number;
  work(&x, 300);
  for (int i = 0; i < kBlocks; i++) {
    free(parents[i]);
  }
  free(malloc(1000000));
  if (number % 7 == 0) {
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      work(&x, 100);
      _exit(3);
    }
    int status;
    if (waitpid(grandchild, &status, 0) != grandchild || WEXITSTATUS(status) != 3) {
      return 1;
    }
  }
  if (number % 5 == 0) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, child_thread, NULL) != 0) {
      return 1;
    }
    pthread_join(thread, NULL);
  }
  if (number % 11 == 0) {
    execl("/bin/sh", "sh", "-c", "exit 0", (char*)NULL);
    return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    return 2;
  }
  if (argc > 3) {
    pthread_atfork(handler, handler, handler);
  }
  const int threads = atoi(argv[1]);
  const int forks = atoi(argv[2]);
  pthread_t ids[64];
  for (long t = 0; t < threads && t < 64; t++) {
    pthread_create(&ids[t], NULL, busy, (void*)(t + 1));
  }
  int good = 0;
  for (int n = 0; n < forks; n++) {
    for (int i = 0; i < kBlocks; i++) {
      parents[i] = malloc((size_t)(i * 37 % 5000));
    }
    const pid_t pid = fork();
    if (pid == 0) {
      exit(child(n));
    }
    int status = -1;
    waitpid(pid, &status, 0);
    good += status == 0;
    for (int i = 0; i < kBlocks; i++) {
      free(parents[i]);
    }
  }
  stop = 1;
  for (int t = 0; t < threads && t < 64; t++) {
    pthread_join(ids[t], NULL);
  }
  printf("%d of %d good\n", good, forks);
  return 0;
}
