// Makes the call that FIRST_CALL=library:NAME names in its constructor, and stops the process when
// it fails. lib_first_of_all.so is the same with -z initfirst: where it is preloaded behind
// heaptag, the loader starts it instead of heaptag first of all; it also forks, starts a thread and
// registers fork handlers that allocate, before heaptag has registered its own.
#include "first_calls.h"

#include <sys/wait.h>

#ifdef FIRST_OF_ALL
static void handler(void) {
  free(malloc(100));
  free(malloc(100000));
}

static void* thread(void* unused) {
  free(malloc(1000));
  return unused;
}

static void try_everything(void) {
  pthread_atfork(handler, handler, handler);
  pthread_t id;
  if (pthread_create(&id, NULL, thread, NULL) != 0 || pthread_join(id, NULL) != 0) {
    _exit(21);
  }
  const pid_t pid = fork();
  if (pid == 0) {
    _exit(use_the_heap());
  }
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || status != 0) {
    _exit(22);
  }
}
#endif

__attribute__((constructor)) static void first(int argc, char** argv, char** environment) {
  (void)argc, (void)argv;
  const char prefix[] = "FIRST_CALL=library:";
  for (; *environment != NULL; environment++) {
    if (strncmp(*environment, prefix, sizeof prefix - 1) == 0) {
      const int result = make_first_call(*environment + sizeof prefix - 1);
      if (result != 0) {
        _exit(10 + result);
      }
    }
  }
#ifdef FIRST_OF_ALL
  try_everything();
#endif
}
