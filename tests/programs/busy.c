// Threads that allocate and free at full speed, for readers from outside.
//   busy THREADS SECONDS     works until then (0: for ever), then ends by exit
//   busy THREADS -ROUNDS     so many rounds each, says "done", then waits to be killed
// What it keeps is known: each thread keeps kKept blocks of kKeptBytes, made by keep_here, before
// it says "ready". Everything else comes and goes, some of it through another thread.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SITE __attribute__((noinline, noclone)) static

enum { kThreadsMax = 32, kKept = 100, kKeptBytes = 77, kWindow = 64, kBurst = 1000 };

static int threads;
static long rounds;
static atomic_int ready;
static atomic_bool stop;
static void* kept[kThreadsMax][kKept];
static void* _Atomic mailbox[kThreadsMax];

SITE void* keep_here(void) {
  char* p = malloc(kKeptBytes);
  p[0] = 1;
  return p;
}

SITE void* one_size(void) {
  char* p = malloc(48);
  p[0] = 1;
  return p;
}

SITE void* many_sizes(unsigned seed) {
  char* p = malloc(seed % 900 + 1);
  p[0] = 1;
  return p;
}

SITE void* burst_here(unsigned seed) {
  char* p = malloc(seed & 1 ? 80 : seed % 48 + 49);
  p[0] = 1;
  return p;
}

SITE void* large(unsigned seed) {
  char* p = malloc(100000 + seed % 100000);
  p[0] = 1;
  return p;
}

SITE void* send_here(unsigned seed) {
  char* p = malloc(seed % 60 + 1);
  p[0] = 1;
  return p;
}

static void* work(void* row) {
  const long own = (long)row;
  void* window[kWindow] = {0};
  unsigned seed = (unsigned)own + 1;
  for (int i = 0; i < kKept; i++) {
    kept[own][i] = keep_here();
  }
  ready++;
  for (long round = 0; rounds != 0 ? round < rounds : !stop; round++) {
    for (int i = 0; i < kWindow; i++) {
      seed = seed * 1103515245u + 12345u;
      free(window[i]);
      window[i] = seed >> 8 & 1 ? one_size() : many_sizes(seed >> 9);
    }
    if (round % 64 == 0) {
      free(large(seed >> 4));
    }
    if (round % 4 == 0) {
      // Empties whole spans: their figures move.
      void* burst[kBurst];
      for (int i = 0; i < kBurst; i++) {
        burst[i] = burst_here((unsigned)i);
      }
      for (int i = 0; i < kBurst; i++) {
        free(burst[i]);
      }
    }
    void* received = atomic_exchange(&mailbox[(own + 1) % threads], send_here(seed >> 7));
    free(received);
  }
  for (int i = 0; i < kWindow; i++) {
    free(window[i]);
  }
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  threads = atoi(argv[1]);
  const long seconds = atol(argv[2]);
  rounds = seconds < 0 ? -seconds : 0;
  if (threads < 1 || threads > kThreadsMax) {
    return 2;
  }
  static char line[32];  // stdout allocates nothing of its own then
  setvbuf(stdout, line, _IOLBF, sizeof line);
  pthread_t ids[kThreadsMax];
  for (long t = 0; t < threads; t++) {
    if (pthread_create(&ids[t], NULL, work, (void*)t) != 0) {
      return 3;
    }
  }
  while (ready < threads) {
    usleep(1000);
  }
  puts("ready");
  if (rounds == 0) {
    const time_t end = time(NULL) + seconds;
    while (seconds == 0 || time(NULL) < end) {
      usleep(10000);
    }
    stop = 1;
  }
  for (int t = 0; t < threads; t++) {
    pthread_join(ids[t], NULL);
  }
  if (rounds != 0) {
    puts("done");
    char end[16];
    return read(0, end, sizeof end) < 0;  // the reader's turn
  }
  return 0;
}
