// Exits while detached threads allocate and free as fast as they can.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int started;

static void* spin(void* seed) {
  unsigned x = (unsigned)(long)seed;
  void* kept[32] = {malloc(1)};
  started++;
  for (;;) {
    x = x * 1664525u + 1013904223u;
    free(kept[x >> 27]);
    kept[x >> 27] = malloc((x >> 8) % 5000);
  }
  return NULL;
}

int main(void) {
  for (long t = 0; t < 8; t++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, spin, (void*)(t + 1)) != 0) {
      return 3;
    }
    pthread_detach(thread);
  }
  while (started < 8) {
    usleep(1000);
  }
  usleep(10000);
  puts("leaving");
  return 6;
}
