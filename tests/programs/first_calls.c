// Makes one call of an entry point before any other use of the heap: first_calls WHEN [NAME]
//   list                names, one a line
//   main | constructor | preinit     NAME is the process's first; at the place that WHEN says.
//   (lib_first.so and lib_first_of_all.so make it in their own constructors)
//   thread              each is the first of a thread of its own
//   fork | _Fork | vfork | raw | clone     each is the first of a child of its own
// Status 0 when it worked, or 7 of _exit; says which did not.
#include "first_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void say(const char* text, const char* name) {
  char line[200];
  const int length = snprintf(line, sizeof line, "%s%s\n", text, name);
  if (write(1, line, (size_t)length) != length) {
    _exit(9);
  }
}

// ---- before main: what is to be called is in the environment, which the loader has ready ----

static const char* asked_in(const char* when, char** environment) {
  const char prefix[] = "FIRST_CALL=";
  for (; environment != NULL && *environment != NULL; environment++) {
    if (strncmp(*environment, prefix, sizeof prefix - 1) == 0) {
      const char* value = *environment + sizeof prefix - 1;
      const size_t length = strlen(when);
      return strncmp(value, when, length) == 0 && value[length] == ':' ? value + length + 1 : NULL;
    }
  }
  return NULL;
}

static int early_result = -1;

static void call_early(const char* when, char** environment) {
  const char* name = asked_in(when, environment);
  if (name != NULL) {
    early_result = make_first_call(name);
  }
}

static void preinit(int argc, char** argv, char** environment) {
  (void)argc, (void)argv;
  call_early("preinit", environment);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const in_preinit)(int, char**, char**) = preinit;

__attribute__((constructor)) static void construct(int argc, char** argv, char** environment) {
  (void)argc, (void)argv;
  call_early("constructor", environment);
}

// ---- after that ----

static void* thread_body(void* name) {
  return (void*)(intptr_t)make_first_call(name);
}

static int in_thread(const char* name) {
  pthread_t thread;
  void* result = NULL;
  if (pthread_create(&thread, NULL, thread_body, (void*)(uintptr_t)name) != 0) {
    return 8;
  }
  pthread_join(thread, &result);
  return (int)(intptr_t)result;
}

static int clone_body(void* name) {
  _exit(make_first_call(name));
}

static pid_t make_child(const char* how, const char* name) {
  static char stack[256 << 10] __attribute__((aligned(16)));
  if (strcmp(how, "fork") == 0) {
    return fork();
  }
  if (strcmp(how, "_Fork") == 0) {
    return _Fork();
  }
  if (strcmp(how, "raw") == 0) {
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  }
  return clone(clone_body, stack + sizeof stack, SIGCHLD, (void*)(uintptr_t)name);
}

static int status_of(pid_t pid) {
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) {
    return 90;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static int in_child(const char* how, const char* name) {
  if (strcmp(how, "vfork") == 0) {
    const pid_t pid = vfork();
    if (pid == 0) {
      _exit(make_first_call(name));
    }
    return status_of(pid);
  }
  const pid_t pid = make_child(how, name);
  if (pid == 0) {
    alarm(20);
    _exit(make_first_call(name));
  }
  return status_of(pid);
}

// Limits and handlers are for the whole process and stay: only children try them.
static int is_for_processes(const char* name) {
  return strstr(name, "limit") != NULL || strstr(name, "sig") != NULL ||
         strcmp(name, "_exit") == 0 || strcmp(name, "_Exit") == 0;
}

int main(int argc, char** argv) {
  if (argc < 2) {
    return 2;
  }
  const char* when = argv[1];
  if (strcmp(when, "list") == 0) {
    for (int i = 0; i < kFirstCalls; i++) {
      say("", first_calls[i].name);
    }
    return 0;
  }
  if (strcmp(when, "main") == 0 && argc == 3) {
    return make_first_call(argv[2]);
  }
  if (strcmp(when, "early") == 0) {
    return early_result >= 0 ? early_result : 6;
  }
  if (strcmp(when, "library") == 0) {
    return use_the_heap();
  }
  int wrong = 0;
  for (int i = 0; i < kFirstCalls; i++) {
    const char* name = first_calls[i].name;
    const int is_thread = strcmp(when, "thread") == 0;
    if (is_thread && is_for_processes(name)) {
      continue;
    }
    const int expected = strcmp(name, "_exit") == 0 || strcmp(name, "_Exit") == 0 ? 7 : 0;
    if ((is_thread ? in_thread(name) : in_child(when, name)) != expected) {
      say("wrong: ", name);
      wrong++;
    }
  }
  return wrong != 0;
}
