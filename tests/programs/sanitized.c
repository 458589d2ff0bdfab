// Allocates in every way, in threads and a child, with nothing wrong: for builds with sanitizers,
// which the tests make. With an argument it then writes one byte too many, for them to find.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void* work(void* seed) {
  char* all[100] = {NULL};
  long sum = 0;
  for (long i = 0; i < 3000; i++) {
    const size_t size = (size_t)(i * 37 % 1000 + (long)seed + 1);
    char** slot = &all[i % 100];
    *slot = realloc(*slot, size);
    (*slot)[size - 1] = (char)i;
    sum += (*slot)[size - 1];
    free(calloc(1, size));
  }
  for (int i = 0; i < 100; i++) {
    free(all[i]);
  }
  void* p = NULL;
  if (posix_memalign(&p, 256, 1000) == 0) {
    free(p);
  }
  free(strdup("copied"));
  return (void*)sum;
}

static volatile size_t behind = 24;

int main(int argc, char** argv) {
  (void)argv;
  pthread_t threads[2];
  for (long i = 0; i < 2; i++) {
    if (pthread_create(&threads[i], NULL, work, (void*)i) != 0) {
      return 2;
    }
  }
  long sums[2];
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], (void**)&sums[i]);
  }
  const pid_t child = fork();
  if (child == 0) {
    work((void*)2);
    _exit(3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("%ld %ld child %d\n", sums[0], sums[1], WEXITSTATUS(status));
  fflush(stdout);
  if (argc > 1) {
    char* volatile p = malloc(24);
    p[behind] = 1;
    free(p);
  }
  return 0;
}
