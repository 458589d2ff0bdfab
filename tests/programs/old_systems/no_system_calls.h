// Runs a function in a thread that may make no system call: the kernel kills the process (SIGSYS)
// at the first one. Only the end of the thread is allowed, and the return from a handler.
#pragma once

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cases.h"

static void forbid_system_calls(void) {
  struct sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {.len = sizeof steps / sizeof steps[0], .filter = steps};
  CHECK(syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0);
}

// Ends by the bare system call: pthread's way makes others.
static void* confined(void* function) {
  void (*call)(void);
  memcpy(&call, &function, sizeof call);
  forbid_system_calls();
  call();
  syscall(SYS_exit, 0);
  return NULL;
}

// `call` must not CHECK: it could not print. It leaves what it has seen in variables.
static void without_system_calls(void (*call)(void)) {
  pthread_t thread;
  void* function;
  memcpy(&function, &call, sizeof function);
  CHECK(pthread_create(&thread, NULL, confined, function) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}
