// Ends in the way that the first argument names, with status 7 where there is one; before that it
// allocates 10 blocks of 123 bytes.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((noinline, noclone)) static void leave_blocks(int count) {
  for (int i = 0; i < count; i++) {
    void* p = malloc(123);
    memset(p, 1, 123);
  }
}

static const char* mode;

__attribute__((destructor)) static void last_words(void) {
  if (mode != NULL && strcmp(mode, "in-destructor") == 0) {
    leave_blocks(5);
    _exit(7);
  }
}

static void* exit_here(void* unused) {
  exit(7);
  return unused;
}

static void* quit_thread(void* unused) {
  pthread_join(*(pthread_t*)unused, NULL);
  return NULL;
}

static void late(void) {
  leave_blocks(3);
}

int main(int argc, char** argv) {
  leave_blocks(10);
  mode = argc > 1 ? argv[1] : "return";
  if (strcmp(mode, "return") == 0) {
    return 7;
  }
  if (strcmp(mode, "exit") == 0) {
    exit(7);
  }
  if (strcmp(mode, "_exit") == 0) {
    _exit(7);
  }
  if (strcmp(mode, "_Exit") == 0) {
    _Exit(7);
  }
  if (strcmp(mode, "quick_exit") == 0) {
    quick_exit(7);
  }
  if (strcmp(mode, "at_quick_exit") == 0) {
    at_quick_exit(late);
    quick_exit(7);
  }
  if (strcmp(mode, "atexit") == 0) {
    atexit(late);
    exit(7);
  }
  if (strcmp(mode, "in-destructor") == 0) {
    exit(0);
  }
  if (strcmp(mode, "thread") == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, exit_here, NULL);
    pthread_join(thread, NULL);
    return 1;
  }
  if (strcmp(mode, "main-thread-ends-first") == 0) {
    pthread_t thread;
    static pthread_t main_thread;
    main_thread = pthread_self();
    pthread_create(&thread, NULL, quit_thread, &main_thread);
    pthread_exit(NULL);
  }
  if (strcmp(mode, "abort") == 0) {
    abort();
  }
  if (strcmp(mode, "kill") == 0) {
    raise(SIGKILL);
  }
  if (strcmp(mode, "term") == 0) {
    raise(SIGTERM);
  }
  if (strcmp(mode, "segv") == 0) {
    raise(SIGSEGV);
  }
  if (strcmp(mode, "exec") == 0) {
    execl("/bin/true", "true", (char*)NULL);
  }
  if (strcmp(mode, "exit_group") == 0) {
    syscall(SYS_exit_group, 7);
  }
  return 2;
}
