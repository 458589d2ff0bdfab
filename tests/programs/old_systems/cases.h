// For programs that are tables of cases: `PROGRAM CASE [ARGUMENT]` runs one, prints "ok" and ends
// with 0; `PROGRAM list` prints their names. What does not hold is printed, and the status is 1.
#pragma once

#include <heaptag/panic.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct test_case {
  const char* name;
  void (*run)(void);
};

// The command line's second argument, or "".
static const char* argument = "";

#define CHECK(condition)                                               \
  do {                                                                 \
    if (!(condition)) {                                                \
      printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      fflush(stdout);                                                  \
      _exit(1);                                                        \
    }                                                                  \
  } while (0)

#define CHECK_EQUAL(left, right)                                                                   \
  do {                                                                                             \
    const unsigned long long left_ = (unsigned long long)(left);                                   \
    const unsigned long long right_ = (unsigned long long)(right);                                 \
    if (left_ != right_) {                                                                         \
      printf("%s:%d: %s is %llu, %s is %llu\n", __FILE__, __LINE__, #left, left_, #right, right_); \
      fflush(stdout);                                                                              \
      _exit(1);                                                                                    \
    }                                                                                              \
  } while (0)

__attribute__((unused)) static jmp_buf before_panic;
__attribute__((unused)) static char panic_text[512];

__attribute__((unused)) static void leave_by_longjmp(const char* message) {
  snprintf(panic_text, sizeof panic_text, "%s", message);
  longjmp(before_panic, 1);
}

// The message that `call` panics with, or NULL: what a program sees that installs a hook.
__attribute__((unused, noinline)) static const char* panic_of(void (*call)(void)) {
  heaptag_panic_hook former = heaptag_set_panic_hook(leave_by_longjmp);
  if (setjmp(before_panic) != 0) {
    heaptag_set_panic_hook(former);
    return panic_text;
  }
  call();
  heaptag_set_panic_hook(former);
  return NULL;
}

__attribute__((unused)) static int run_cases(const struct test_case* cases,
                                             size_t count,
                                             int argc,
                                             char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 4096);
  argument = argc > 2 ? argv[2] : "";
  for (size_t i = 0; i < count; i++) {
    if (argc > 1 && strcmp(argv[1], "list") == 0) {
      puts(cases[i].name);
    } else if (argc > 1 && strcmp(argv[1], cases[i].name) == 0) {
      cases[i].run();
      puts("ok");
      return 0;
    }
  }
  return argc > 1 && strcmp(argv[1], "list") == 0 ? 0 : 2;
}

#define MAIN(cases)                                                          \
  int main(int argc, char** argv) {                                          \
    return run_cases(cases, sizeof(cases) / sizeof((cases)[0]), argc, argv); \
  }
