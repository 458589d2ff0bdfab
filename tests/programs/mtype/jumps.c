/* HEAPTAG_OSF_INTR_SIGNALS=1, and handlers that leave by siglongjmp: interrupt context ends there,
 * wherever the stack is afterwards. */
#define _GNU_SOURCE
#include <heaptag/mtype.h>
#include <signal.h>
#include <stdint.h>

#include "../old_systems/cases.h"

static sigjmp_buf outside, in_outer_handler;

static int can_wait(void) {
  char* block;
  MALLOC(block, char*, 64, M_DEVBUF, M_WAITOK);
  FREE(block, M_DEVBUF);
  return block != NULL;
}

// At another depth than where the handler was.
__attribute__((noinline)) static void expect_process_context(int depth) {
  volatile char room[3000];
  room[0] = 1;
  CHECK(osf_in_intr() == 0);
  CHECK(can_wait());
  if (depth != 0) {
    expect_process_context(depth - 1);
  }
  CHECK(room[0] == 1);
}

static void handle(int number, void (*handler)(int), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  CHECK(sigaction(number, &action, NULL) == 0);
}

__attribute__((noinline)) static void raise_deep(int number, int depth) {
  volatile char room[3000];
  room[0] = 1;
  if (depth == 0) {
    raise(number);
  } else {
    raise_deep(number, depth - 1);
  }
  CHECK(room[0] == 1);
}

static void leave(int number) {
  (void)number;
  CHECK(osf_in_intr() == 1);
  siglongjmp(outside, 1);
}

static void leave_again_and_again(int flags) {
  handle(SIGUSR1, leave, flags);
  for (volatile int i = 0; i < 50; i++) {
    if (sigsetjmp(outside, 1) == 0) {
      raise_deep(SIGUSR1, i % 5);
      CHECK(0);
    }
    expect_process_context(3);
  }
}

static void to_where_the_stack_is(void) {
  leave_again_and_again(0);
}

static void from_an_alternate_stack(void) {
  static char room[1 << 16];
  const stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
  CHECK(sigaltstack(&stack, NULL) == 0);
  leave_again_and_again(SA_ONSTACK);
}

// From a handler into the one that it has interrupted, which is one still.
static void leave_for_the_outer(int number) {
  (void)number;
  CHECK(osf_in_intr() == 1);
  siglongjmp(in_outer_handler, 1);
}

static volatile int came_back;

static void outer(int number) {
  (void)number;
  if (sigsetjmp(in_outer_handler, 1) == 0) {
    raise(SIGUSR2);
    CHECK(0);
  }
  came_back = 1;
  CHECK(osf_in_intr() == 1);
}

static void into_the_outer_handler(void) {
  handle(SIGUSR1, outer, 0);
  handle(SIGUSR2, leave_for_the_outer, 0);
  for (int i = 0; i < 20; i++) {
    came_back = 0;
    raise(SIGUSR1);
    CHECK(came_back);
    expect_process_context(1);
  }
}

static void raise_next(int number) {
  CHECK(osf_in_intr() == 1);
  raise(number + 1);
  CHECK(0);
}

// Deeper than is kept track of.
static void out_of_many_handlers(void) {
  const int first = SIGRTMIN, last = SIGRTMIN + 11;
  for (int i = first; i < last; i++) {
    handle(i, raise_next, 0);
  }
  handle(last, leave, 0);
  for (volatile int i = 0; i < 20; i++) {
    if (sigsetjmp(outside, 1) == 0) {
      raise(last - i % 12);
      CHECK(0);
    }
    expect_process_context(1);
  }
}

// The twin: handlers that return.
static volatile int was_in_interrupt;

static void do_nothing(int number) {
  was_in_interrupt = osf_in_intr();
  if (number < SIGRTMIN + 11 && number >= SIGRTMIN) {
    raise(number + 1);
    CHECK(osf_in_intr() == 1);
  }
}

static void by_return(void) {
  for (int i = SIGRTMIN; i <= SIGRTMIN + 11; i++) {
    handle(i, do_nothing, 0);
  }
  for (int i = SIGRTMIN; i <= SIGRTMIN + 11; i++) {
    was_in_interrupt = 0;
    raise(i);
    CHECK(was_in_interrupt);
    expect_process_context(1);
  }
}

static const struct test_case cases[] = {
    {"to_where_the_stack_is", to_where_the_stack_is},
    {"from_an_alternate_stack", from_an_alternate_stack},
    {"into_the_outer_handler", into_the_outer_handler},
    {"out_of_many_handlers", out_of_many_handlers},
    {"by_return", by_return},
};

MAIN(cases)
