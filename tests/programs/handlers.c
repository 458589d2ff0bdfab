// What a program sees of the handlers that it has set: every way to set and to ask, flags, masks,
// what handlers are told, where they run, and what they change. Prints a line for each; none may
// depend on who stands between the program and the kernel.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "signal_members.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // sigset, bsd_signal and others

extern __sighandler_t bsd_signal(int, __sighandler_t);

static volatile sig_atomic_t calls;
static volatile int last_number;
static volatile int depth;
static volatile int deepest;
static volatile int nested_calls;
static siginfo_t told;
static sigset_t mask_inside;
static volatile int was_on_stack;
static volatile uintptr_t where;
static sigjmp_buf back;

static void count(int number) {
  calls = calls + 1;
  last_number = number;
}

static void other(int number) {
  calls = calls + 100;
  last_number = number;
}

static void full(int number, siginfo_t* info, void* context) {
  stack_t now;
  count(number);
  told = *info;
  sigprocmask(SIG_BLOCK, NULL, &mask_inside);
  sigaltstack(NULL, &now);
  was_on_stack = now.ss_flags & SS_ONSTACK;
  where = (uintptr_t)&now;
  ucontext_t* saved = context;
  if (number == SIGILL) {
    saved->uc_mcontext.gregs[REG_RIP] += 2;
  }
  if (number == SIGUSR2) {
    sigaddset(&saved->uc_sigmask, SIGHUP);
  }
}

static void nested(int number) {
  depth++;
  deepest = depth > deepest ? depth : deepest;
  if (++nested_calls < 4) {
    raise(number);
  }
  depth--;
}

static void jumps(int number) {
  siglongjmp(back, number);
}

static const char* name_of(void (*handler)(int)) {
  return handler == SIG_DFL                          ? "default"
         : handler == SIG_IGN                        ? "ignored"
         : handler == SIG_ERR                        ? "error"
         : handler == count                          ? "count"
         : handler == other                          ? "other"
         : handler == nested                         ? "nested"
         : handler == jumps                          ? "jumps"
         : handler == (void (*)(int))(uintptr_t)full ? "full"
                                                     : "a stranger";
}

static struct sigaction ask(int number) {
  struct sigaction now;
  memset(&now, 0, sizeof now);
  const int result = sigaction(number, NULL, &now);
  printf("  ask %d: %d %s flags %x mask%s\n", number, result,
         now.sa_flags & SA_SIGINFO ? now.sa_sigaction == full ? "full" : "a stranger"
                                   : name_of(now.sa_handler),
         (unsigned)now.sa_flags, members(&now.sa_mask));
  return now;
}

static void set(int number, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  sigaddset(&action.sa_mask, SIGTERM);
  struct sigaction old;
  memset(&old, 0, sizeof old);
  const int result = sigaction(number, &action, &old);
  printf("set %d: %d was %s flags %x\n", number, result, name_of(old.sa_handler),
         (unsigned)old.sa_flags);
}

static void set_full(int number, int flags) {
  struct sigaction action = {.sa_sigaction = full, .sa_flags = SA_SIGINFO | flags};
  sigaddset(&action.sa_mask, SIGTERM);
  printf("set full %d: %d\n", number, sigaction(number, &action, NULL));
  ask(number);
}

static void send_and_say(int number) {
  calls = 0;
  last_number = 0;
  raise(number);
  printf("  raised %d: calls %d number %d\n", number, (int)calls, last_number);
}

static void ways_to_set(void) {
  set(SIGUSR1, count, 0);
  ask(SIGUSR1);
  send_and_say(SIGUSR1);
  set(SIGUSR1, other, SA_RESTART | SA_NODEFER);
  ask(SIGUSR1);
  send_and_say(SIGUSR1);
  printf("signal: %s\n", name_of(signal(SIGUSR1, count)));
  ask(SIGUSR1);
  send_and_say(SIGUSR1);
  printf("bsd_signal: %s\n", name_of(bsd_signal(SIGUSR1, other)));
  ask(SIGUSR1);
  printf("sysv_signal: %s\n", name_of(sysv_signal(SIGUSR1, count)));
  ask(SIGUSR1);
  send_and_say(SIGUSR1);
  ask(SIGUSR1);  // sysv_signal: it was for once
  printf("sigset: %s\n", name_of(sigset(SIGUSR1, count)));
  ask(SIGUSR1);
  send_and_say(SIGUSR1);
  printf("ssignal: %s\n", name_of(ssignal(SIGUSR1, other)));
  printf("siginterrupt: %d\n", siginterrupt(SIGUSR1, 1));
  ask(SIGUSR1);
  printf("sigignore: %d\n", sigignore(SIGUSR1));
  ask(SIGUSR1);
  send_and_say(SIGUSR1);
  printf("back to default: %s\n", name_of(signal(SIGUSR1, SIG_DFL)));
  ask(SIGUSR1);
}

static void errors(void) {
  const int numbers[] = {0, -1, SIGKILL, SIGSTOP, 32, 33, 65, 1000};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action = {.sa_handler = count};
    errno = 0;
    const int result = sigaction(numbers[i], &action, NULL);
    const int error = errno;
    errno = 0;
    const char* name = name_of(signal(numbers[i], count));
    printf("number %d: %d %s, signal %s %s\n", numbers[i], result, strerror(error), name,
           strerror(errno));
  }
}

static void what_handlers_are_told(void) {
  set_full(SIGRTMIN + 1, 0);
  sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 4711});
  printf("  queued: number %d code %d value %d from us %d mask%s\n", told.si_signo, told.si_code,
         told.si_value.sival_int, told.si_pid == getpid(), members(&mask_inside));
  set_full(SIGUSR2, SA_NODEFER);
  pthread_kill(pthread_self(), SIGUSR2);
  printf("  pthread_kill: code %d mask%s\n", told.si_code, members(&mask_inside));
  sigset_t after;
  sigprocmask(SIG_BLOCK, NULL, &after);
  printf("  afterwards the handler's own choice is blocked:%s\n", members(&after));
  sigemptyset(&after);
  sigprocmask(SIG_SETMASK, &after, NULL);
}

static void faults(void) {
  set_full(SIGILL, 0);
  __asm__ volatile("ud2");
  printf("  ud2: code %d, and on\n", told.si_code);
  set_full(SIGTRAP, 0);
  __asm__ volatile("int3");
  printf("  int3: code %d, and on\n", told.si_code);
  set(SIGSEGV, jumps, 0);
  volatile int round = 0;
  const int number = sigsetjmp(back, 1);
  round = round + 1;
  if (round < 4) {
    *(volatile int*)(uintptr_t)(round * 64) = 1;
  }
  printf("  jumped out of %d, round %d\n", number, round);
}

static void alternate_stack(void) {
  static char stack[64 << 10];
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  printf("sigaltstack: %d\n", sigaltstack(&alternate, NULL));
  set_full(SIGUSR1, SA_ONSTACK);
  raise(SIGUSR1);
  printf("  on it: %d, %d\n", was_on_stack,
         where >= (uintptr_t)stack && where < (uintptr_t)stack + sizeof stack);
  set_full(SIGUSR1, 0);
  raise(SIGUSR1);
  printf("  not on it: %d\n", was_on_stack);
}

static void flags(void) {
  set(SIGUSR1, nested, SA_NODEFER);
  raise(SIGUSR1);
  printf("  nested: %d\n", deepest);
  deepest = 0;
  nested_calls = 0;
  set(SIGUSR1, nested, 0);
  raise(SIGUSR1);  // the next ones wait for the end of the one before
  printf("  one after the other: %d\n", deepest);
  set(SIGUSR1, count, SA_RESETHAND);
  send_and_say(SIGUSR1);
  ask(SIGUSR1);
}

static void* interrupt_later(void* reader) {
  usleep(20000);
  pthread_kill(*(pthread_t*)reader, SIGUSR1);
  return NULL;
}

static void interrupted_calls(void) {
  int ends[2];
  if (pipe(ends) != 0) {
    return;
  }
  set(SIGUSR1, count, 0);
  pthread_t self = pthread_self();
  pthread_t sender;
  pthread_create(&sender, NULL, interrupt_later, &self);
  char byte = 0;
  errno = 0;
  const ssize_t got = read(ends[0], &byte, 1);
  printf("  read: %zd %s\n", got, strerror(errno));
  pthread_join(sender, NULL);
}

static void without_handlers(void) {
  sigset_t wait_for;
  sigemptyset(&wait_for);
  sigaddset(&wait_for, SIGUSR2);
  sigaddset(&wait_for, SIGRTMIN + 2);
  sigprocmask(SIG_BLOCK, &wait_for, NULL);
  raise(SIGUSR2);
  int number = 0;
  sigwait(&wait_for, &number);
  printf("sigwait: %d\n", number);
  sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 5});
  siginfo_t info;
  number = sigtimedwait(&wait_for, &info, &(struct timespec){5, 0});
  printf("sigtimedwait: %d value %d\n", number, info.si_value.sival_int);
  const int fd = signalfd(-1, &wait_for, 0);
  raise(SIGUSR2);
  struct signalfd_siginfo record;
  const ssize_t got = read(fd, &record, sizeof record);
  printf("signalfd: %d number %u\n", got == (ssize_t)sizeof record, record.ssi_signo);
  close(fd);
  sigprocmask(SIG_UNBLOCK, &wait_for, NULL);
}

static void children(void) {
  set(SIGUSR1, count, 0);
  signal(SIGUSR2, SIG_IGN);
  fflush(stdout);
  if (fork() == 0) {
    ask(SIGUSR1);
    send_and_say(SIGUSR1);
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
  fflush(stdout);
  if (vfork() == 0) {
    execl("/bin/sh", "sh", "-c", "exec grep -E '^Sig(Ign|Cgt|Blk)' /proc/self/status", (char*)NULL);
    _exit(9);
  }
  wait(NULL);
}

static void as_the_kernel_has_it(void) {
  FILE* file = fopen("/proc/self/status", "r");
  char line[200];
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "Sig", 3) == 0 && strncmp(line, "SigQ", 4) != 0) {
      fputs(line, stdout);
    }
  }
  fclose(file);
}

int main(void) {
  as_the_kernel_has_it();
  ways_to_set();
  errors();
  what_handlers_are_told();
  faults();
  alternate_stack();
  flags();
  interrupted_calls();
  without_handlers();
  children();
  as_the_kernel_has_it();
  return 0;
}
