// A library with constructors and destructors of every priority that allocate, fork and start
// threads: they run before and after those of other libraries.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void* early;
static void* from_thread;

static void* allocate_in_thread(void* unused) {
  (void)unused;
  return malloc(4000);
}

__attribute__((noinline, noclone)) static void* hook_allocates(size_t size) {
  void* p = malloc(size);
  memset(p, 1, size);
  return p;
}

__attribute__((constructor(101))) static void first(void) {
  early = hook_allocates(3001);
  pthread_t thread;
  if (pthread_create(&thread, NULL, allocate_in_thread, NULL) == 0) {
    pthread_join(thread, &from_thread);
  }
  const pid_t pid = fork();
  if (pid == 0) {
    free(early);
    free(hook_allocates(100));
    _exit(0);
  }
  int status;
  if (waitpid(pid, &status, 0) != pid || status != 0) {
    abort();
  }
}

__attribute__((destructor(101))) static void last(void) {
  free(early);
  free(from_thread);
  void* p = hook_allocates(3002);  // stays in use
  memset(p, 1, 3002);
}

__attribute__((constructor)) static void second(void) {
  free(hook_allocates(3003));
}

__attribute__((destructor)) static void before_last(void) {
  free(hook_allocates(3004));
}
