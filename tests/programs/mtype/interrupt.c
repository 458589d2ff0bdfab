/* Interrupt context: "A device driver must not call MALLOC in interrupt context with the flags
 * argument set to M_WAITOK." Its messages are the test's business. */
#define _GNU_SOURCE
#include <heaptag/mtype.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>

#include "../old_systems/cases.h"

MALLOC_TYPE_DECLARE(M_INTR);
MALLOC_TYPE_DEFINE(M_INTR, "intr", 0);

static struct heaptag_mtype_stats stats(void) {
  struct heaptag_mtype_stats now;
  CHECK(heaptag_mtype_get_stats(M_INTR, &now) == 0);
  return now;
}

static void* try_to_allocate(unsigned long size, int flags) {
  char* block = (char*)1;
  MALLOC(block, char*, size, M_INTR, flags);
  return block;
}

static void b5_waitok(void) {
  osf_intr_enter();
  CHECK(try_to_allocate(100, M_WAITOK) == NULL);
  osf_intr_leave();
  CHECK_EQUAL(stats().failed, 1);
  CHECK_EQUAL(stats().inuse, 0);
}

static void b5_waitok_zero(void) {
  osf_intr_enter();
  CHECK(try_to_allocate(100, M_WAITOK | M_ZERO) == NULL);
  osf_intr_leave();
}

static void b5_large_nowait(void) {
  osf_intr_enter();
  CHECK(try_to_allocate(16385, M_NOWAIT) == NULL);
  osf_intr_leave();
}

static void b5_large_waitok(void) {
  osf_intr_enter();
  CHECK(try_to_allocate(16385, M_WAITOK) == NULL);
  osf_intr_leave();
}

// "A kernel module can allocate the memory in interrupt and process contexts."
static void b5_allowed(void) {
  char* before = try_to_allocate(100, M_WAITOK);
  CHECK(osf_in_intr() == 0);
  osf_intr_enter();
  CHECK(osf_in_intr() == 1);
  char* block = try_to_allocate(100, M_NOWAIT);
  char* largest = try_to_allocate(16384, M_NOWAIT | M_ZERO);
  CHECK(before != NULL && block != NULL && largest != NULL);
  osf_intr_enter();
  CHECK(osf_in_intr() == 1);
  FREE(before, M_INTR);
  osf_intr_leave();
  CHECK(osf_in_intr() == 1);
  FREE(largest, M_INTR);
  osf_intr_leave();
  CHECK(osf_in_intr() == 0);
  FREE(block, M_INTR);
  block = try_to_allocate(100, M_WAITOK);
  CHECK(block != NULL);
  FREE(block, M_INTR);
  CHECK_EQUAL(stats().inuse, 0);
  CHECK_EQUAL(stats().failed, 0);
}

static void* in_thread(void* unused) {
  CHECK(osf_in_intr() == 0);
  char* block = try_to_allocate(100, M_WAITOK);
  CHECK(block != NULL);
  FREE(block, M_INTR);
  return unused;
}

static void b5_other_threads(void) {
  osf_intr_enter();
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  osf_intr_leave();
}

// In a handler: 1 for those that HEAPTAG_OSF_INTR_SIGNALS=1 makes interrupts.
static volatile int was_in_intr = -1;
static void* volatile got;

static void handler(int signal) {
  was_in_intr = osf_in_intr();
  if (signal == SIGUSR1) {
    got = try_to_allocate(100, M_WAITOK);
  }
}

static void handler_with_info(int signal, siginfo_t* info, void* context) {
  (void)info;
  (void)context;
  handler(signal);
}

static void handle(int signal, int how) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  if (how == 0) {
    action.sa_handler = handler;
    CHECK(sigaction(signal, &action, NULL) == 0);
  } else if (how == 1) {
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = handler_with_info;
    CHECK(sigaction(signal, &action, NULL) == 0);
  } else {
    CHECK(__sysv_signal(signal, handler) != SIG_ERR);
  }
  struct sigaction installed;
  CHECK(sigaction(signal, NULL, &installed) == 0);  // the program sees its own
  CHECK(how == 1 ? installed.sa_sigaction == handler_with_info : installed.sa_handler == handler);
}

static void b5_signals(void) {
  const int are_interrupts = strcmp(argument, "interrupts") == 0;
  for (int how = 0; how < 3; how++) {
    handle(SIGUSR2, how);
    was_in_intr = -1;
    CHECK(raise(SIGUSR2) == 0);
    CHECK_EQUAL(was_in_intr, are_interrupts);
    CHECK(osf_in_intr() == 0);
  }
  handle(SIGUSR1, 0);
  CHECK(raise(SIGUSR1) == 0);
  CHECK((got == NULL) == are_interrupts);
  FREE(got, M_INTR);
  CHECK(osf_in_intr() == 0);
}

static const struct test_case cases[] = {
    {"B5_waitok", b5_waitok},
    {"B5_waitok_zero", b5_waitok_zero},
    {"B5_large_nowait", b5_large_nowait},
    {"B5_large_waitok", b5_large_waitok},
    {"B5_allowed", b5_allowed},
    {"B5_other_threads", b5_other_threads},
    {"B5_signals", b5_signals},
};

MAIN(cases)
