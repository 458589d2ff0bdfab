/* Linked to nothing, like by_dlsym.c: the library is opened, and malloc is libc's. A signal handler
 * FREEs blocks with pages of their own while MALLOC and FREE are under way. Prints "ok". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#define DEVBUF 2
#define LARGE 100000ul
#define ROOM 64
#define SIGNALS 1500

static void* (*type_malloc)(unsigned long, int, int);
static void (*type_free)(void*, int);

// From the program to its handler.
static void* volatile handed[ROOM];
static volatile unsigned put, taken;
static volatile int signals;

static void free_one(int number) {
  (void)number;
  signals++;
  if (taken != put) {
    type_free(handed[taken % ROOM], DEVBUF);
    taken++;
  }
}

static int find(void* library, const char* name, void* pointer) {
  void* found = dlsym(library, name);
  memcpy(pointer, &found, sizeof found);
  return found != NULL;
}

int main(int argc, char** argv) {
  void* library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (library == NULL || !find(library, "heaptag_mtype_malloc", &type_malloc) ||
      !find(library, "heaptag_mtype_free", &type_free)) {
    printf("%s\n", dlerror());
    return 1;
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = free_one;
  sigaction(SIGALRM, &action, NULL);
  struct itimerval timer = {{0, 150}, {0, 150}};
  setitimer(ITIMER_REAL, &timer, NULL);
  while (signals < SIGNALS) {
    void* large = type_malloc(LARGE, DEVBUF, 0);
    void* small = type_malloc(200, DEVBUF, 0);
    if (large == NULL || small == NULL) {
      puts("no memory");
      return 1;
    }
    if (put - taken < ROOM) {
      handed[put % ROOM] = large;
      put++;
    } else {
      type_free(large, DEVBUF);
    }
    type_free(small, DEVBUF);
  }
  memset(&timer, 0, sizeof timer);
  setitimer(ITIMER_REAL, &timer, NULL);
  while (taken != put) {
    free_one(0);
  }
  puts("ok");
  return 0;
}
