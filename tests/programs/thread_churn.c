// Many short threads, a few at a time; each leaves blocks that a later one frees, and some are
// detached. Prints by how many KiB the resident memory grew after the first fifth.
// thread_churn THREADS
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kBatch = 20, kLeft = 64 };

static void* _Atomic left[kLeft];
static atomic_int detached_done;

static void* life(void* number) {
  const long n = (long)number;
  void* own[30];
  for (int i = 0; i < 30; i++) {
    own[i] = malloc((size_t)((n * 31 + i * 97) % 2000) + 1);
    *(char*)own[i] = 1;
  }
  free(atomic_exchange(&left[n % kLeft], malloc(333)));
  free(calloc(1, (size_t)(n % 10) * 10000));
  for (int i = 0; i < 30; i++) {
    free(own[i]);
  }
  return NULL;
}

static void* detached_life(void* number) {
  life(number);
  detached_done++;
  return NULL;
}

static long resident_kib(void) {
  char text[4096];
  const int fd = open("/proc/self/status", O_RDONLY);
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) {
    return -1;
  }
  text[size] = '\0';
  const char* line = strstr(text, "VmRSS:");
  return line == NULL ? -1 : strtol(line + 6, NULL, 10);
}

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  const long count = atol(argv[1]);
  long after_first = 0;
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  int detached_started = 0;
  for (long n = 0; n < count; n += kBatch) {
    pthread_t ids[kBatch];
    for (long i = 0; i < kBatch - 1; i++) {
      if (pthread_create(&ids[i], NULL, life, (void*)(n + i)) != 0) {
        return 3;
      }
    }
    if (pthread_create(&ids[kBatch - 1], &detached, detached_life, (void*)n) != 0) {
      return 3;
    }
    detached_started++;
    for (int i = 0; i < kBatch - 1; i++) {
      pthread_join(ids[i], NULL);
    }
    while (detached_done < detached_started - 5) {
      usleep(100);
    }
    if (after_first == 0 && n >= count / 5) {
      after_first = resident_kib();
    }
  }
  while (detached_done < detached_started) {
    usleep(100);
  }
  printf("%ld\n", resident_kib() - after_first);
  return 0;
}
