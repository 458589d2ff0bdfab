// Makes figures move: spans count thousands of calls each, become empty and are given up, so that
// what they counted moves to their owner, ten thousand times a second.
// folds THREADS            says "ready", then works until it is killed
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SITE __attribute__((noinline, noclone)) static

enum { kBlocks = 400, kRounds = 20 };

SITE void* fold_one_size(void) {
  char* p = malloc(48);
  p[0] = 1;
  return p;
}

SITE void* fold_many_sizes(unsigned i) {
  char* p = malloc(i % 30 + 81);
  p[0] = 1;
  return p;
}

static void* work(void* unused) {
  void* one[kBlocks] = {0};
  void* many[kBlocks] = {0};
  for (;;) {
    for (unsigned round = 0; round < kRounds; round++) {
      for (unsigned i = 0; i < kBlocks; i++) {
        free(one[i]);
        one[i] = fold_one_size();
        free(many[i]);
        many[i] = fold_many_sizes(i + round);
      }
    }
    for (unsigned i = 0; i < kBlocks; i++) {
      free(one[i]);
      free(many[i]);
      one[i] = many[i] = NULL;
    }
  }
  return unused;
}

int main(int argc, char** argv) {
  pthread_t id;
  for (int threads = argc == 2 ? atoi(argv[1]) : 1; threads > 0; threads--) {
    if (pthread_create(&id, NULL, work, NULL) != 0) {
      return 3;
    }
  }
  if (write(1, "ready\n", 6) != 6) {
    return 4;
  }
  pthread_join(id, NULL);
  return 0;
}
