// Threads whose only allocations are made by a destructor of thread-specific data. Prints by how
// many KiB the resident memory grows over 5,000 of them.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_key_t key;

static void destroy(void* value) {
  (void)value;
  free(malloc(1000));
  free(malloc(40));
}

static void* thread(void* argument) {
  pthread_setspecific(key, &key);
  return argument;
}

static long resident_kib(void) {
  long size = 0;
  long resident = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%ld %ld", &size, &resident) != 2) {
    exit(3);
  }
  fclose(file);
  return resident * 4;
}

static void live_and_die(int count) {
  for (int i = 0; i < count; i++) {
    pthread_t id;
    if (pthread_create(&id, NULL, thread, NULL) != 0) {
      exit(2);
    }
    pthread_join(id, NULL);
  }
}

int main(void) {
  pthread_key_create(&key, destroy);
  live_and_die(200);
  const long before = resident_kib();
  live_and_die(5000);
  printf("%ld\n", resident_kib() - before);
  return 0;
}
