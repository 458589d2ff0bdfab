// What a program sees of its own handling of faults, whoever looks at them first: how handlers are
// set and asked for, what they are told, what is blocked in them, how its children die. Prints a
// line for each.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "signal_members.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // sigset and others

static char* forbidden;  // two pages
static long page;
static volatile int calls;
static volatile int depth;
static volatile int deepest;
static siginfo_t told;
static sigset_t mask_inside;
static sigjmp_buf back;
static volatile int was_on_stack;

static void jumps(int number) {
  siglongjmp(back, number);
}

static void once(int number) {
  calls = calls + 1;
  mprotect(forbidden, page, PROT_READ | PROT_WRITE);
  sigprocmask(SIG_BLOCK, NULL, &mask_inside);
  (void)number;
}

static void full(int number, siginfo_t* info, void* context) {
  stack_t now;
  told = *info;
  sigaltstack(NULL, &now);
  was_on_stack = now.ss_flags & SS_ONSTACK;
  sigaddset(&((ucontext_t*)context)->uc_sigmask, SIGHUP);
  once(number);
}

// Meets another fault of the same kind.
static void nested(int number) {
  depth = depth + 1;
  deepest = depth > deepest ? depth : deepest;
  if (depth < 3) {
    *(volatile char*)(forbidden + page) = 1;
  }
  depth = depth - 1;
  mprotect(forbidden, 2 * page, PROT_READ | PROT_WRITE);
  (void)number;
}

static const char* name_of(void (*handler)(int)) {
  return handler == SIG_DFL                          ? "default"
         : handler == SIG_IGN                        ? "ignored"
         : handler == SIG_ERR                        ? "error"
         : handler == SIG_HOLD                       ? "hold"
         : handler == once                           ? "once"
         : handler == nested                         ? "nested"
         : handler == jumps                          ? "jumps"
         : handler == (void (*)(int))(uintptr_t)full ? "full"
                                                     : "a stranger";
}

static void ask(int number) {
  struct sigaction now;
  memset(&now, 0, sizeof now);
  const int result = sigaction(number, NULL, &now);
  printf("  ask %d: %d %s flags %x mask%s\n", number, result, name_of(now.sa_handler),
         (unsigned)now.sa_flags, members(&now.sa_mask));
}

static void set(int number, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  sigaddset(&action.sa_mask, SIGTERM);
  sigaddset(&action.sa_mask, SIGKILL);
  struct sigaction old;
  memset(&old, 0, sizeof old);
  const int result = sigaction(number, &action, &old);
  printf("set %d: %d was %s flags %x\n", number, result, name_of(old.sa_handler),
         (unsigned)old.sa_flags);
  ask(number);
}

static void fault(void) {
  mprotect(forbidden, 2 * page, PROT_NONE);
  calls = 0;
  *(volatile char*)(forbidden + 5) = 1;
  mprotect(forbidden, 2 * page, PROT_NONE);
  sigset_t after;
  sigprocmask(SIG_BLOCK, NULL, &after);
  printf("  fault: calls %d inside%s", calls, members(&mask_inside));
  printf(" after%s\n", members(&after));
  sigemptyset(&after);
  sigprocmask(SIG_SETMASK, &after, NULL);
}

static void ways_to_set(void) {
  ask(SIGSEGV);
  ask(SIGBUS);
  set(SIGSEGV, once, 0);
  fault();
  set(SIGSEGV, once, SA_NODEFER | SA_RESTART);
  fault();
  set(SIGSEGV, once, (int)SA_RESETHAND);
  fault();
  ask(SIGSEGV);
  printf("signal: %s\n", name_of(signal(SIGSEGV, once)));
  ask(SIGSEGV);
  fault();
  printf("sysv_signal: %s\n", name_of(sysv_signal(SIGSEGV, once)));
  ask(SIGSEGV);
  fault();
  ask(SIGSEGV);
  printf("sigset: %s\n", name_of(sigset(SIGSEGV, once)));
  ask(SIGSEGV);
  fault();
  printf("hold: %s\n", name_of(sigset(SIGSEGV, SIG_HOLD)));
  printf("hold again: %s\n", name_of(sigset(SIGSEGV, SIG_HOLD)));
  printf("let go: %s\n", name_of(sigset(SIGSEGV, once)));
  ask(SIGSEGV);
  errno = 0;
  printf("error: %s", name_of(signal(SIGSEGV, SIG_ERR)));
  printf(" %s\n", strerror(errno));
  ask(SIGSEGV);
  printf("ignored: %s\n", name_of(signal(SIGBUS, SIG_IGN)));
  ask(SIGBUS);
  printf("  and sent: %d\n", raise(SIGBUS));
}

static void what_handlers_are_told(void) {
  static char stack[64 << 10];
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  printf("sigaltstack: %d\n", sigaltstack(&alternate, NULL));
  const int flags[] = {SA_SIGINFO, SA_SIGINFO | SA_ONSTACK};
  for (int i = 0; i < 2; i++) {
    set(SIGSEGV, (void (*)(int))(uintptr_t)full, flags[i]);
    fault();
    printf("  number %d code %d offset %ld on stack %d\n", told.si_signo, told.si_code,
           (long)((char*)told.si_addr - forbidden), was_on_stack);
    sigqueue(getpid(), SIGSEGV, (union sigval){.sival_int = 4711});
    printf("  sent: code %d value %d\n", told.si_code, told.si_value.sival_int);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void nest_and_jump(void) {
  set(SIGSEGV, nested, SA_NODEFER);
  fault();
  printf("  deepest %d\n", deepest);
  set(SIGSEGV, jumps, 0);
  volatile int round = 0;
  const int number = sigsetjmp(back, 1);
  round = round + 1;
  if (round < 4) {
    *(volatile char*)forbidden = 1;
  }
  printf("  jumped out of %d, round %d\n", number, round);
}

static void* fault_often(void* argument) {
  volatile int round = 0;
  for (int i = 0; i < 200; i++) {
    volatile char* own = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *own = 7;
    round = round + *own;
    munmap((void*)own, page);
  }
  *(int*)argument = round;
  return NULL;
}

static void opens(int number, siginfo_t* info, void* context) {
  mprotect((void*)((uintptr_t)info->si_addr & -(uintptr_t)page), page, PROT_READ | PROT_WRITE);
  (void)number;
  (void)context;
}

static void in_threads(void) {
  struct sigaction action = {.sa_sigaction = opens, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  pthread_t threads[4];
  int sums[4];
  int sum = 0;
  for (int i = 0; i < 4; i++) {
    pthread_create(&threads[i], NULL, fault_often, &sums[i]);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    sum += sums[i];
  }
  printf("threads: %d\n", sum);
}

static void touch(void) {
  mprotect(forbidden, 2 * page, PROT_NONE);
  *(volatile char*)forbidden = 1;
}

static void sends(void) {
  kill(getpid(), SIGSEGV);
}

static void sends_bus(void) {
  raise(SIGBUS);
}

static void jumps_to_nowhere(void) {
  ((void (*)(void))(uintptr_t)0x1234)();
}

static void asks_what_no_address_is(void) {
  *(volatile char*)(uintptr_t)0x123456789abcdef0 = 1;
}

static void file_is_too_short(void) {
  const int fd = memfd_create("short", 0);
  *(volatile char*)mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) = 1;
}

static int recurse(int n) {
  volatile char room[4096];
  room[n % 4096] = (char)n;
  return n == 0 ? 0 : recurse(n + 1) + room[1];
}

static void overflows_the_stack(void) {
  recurse(1);
}

static void blocked(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  touch();
}

static void ways_to_die(void) {
  static const struct {
    const char* name;
    void (*dies)(void);
  } ways[] = {{"touch", touch},
              {"kill", sends},
              {"raise bus", sends_bus},
              {"nowhere", jumps_to_nowhere},
              {"no address", asks_what_no_address_is},
              {"short file", file_is_too_short},
              {"stack", overflows_the_stack},
              {"blocked", blocked}};

  void (*const actions[])(int) = {SIG_DFL, SIG_IGN, once};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    for (size_t j = 0; j < 3; j++) {
      fflush(stdout);
      const pid_t child = fork();
      if (child == 0) {
        alarm(20);
        signal(SIGSEGV, actions[j]);
        signal(SIGBUS, actions[j]);
        if (j == 2) {  // for one time: then it dies
          sysv_signal(SIGSEGV, actions[j]);
          sysv_signal(SIGBUS, actions[j]);
        }
        ways[i].dies();
        _exit(3);
      }
      int status = 0;
      waitpid(child, &status, 0);
      printf("%s, %s: exit %d signal %d\n", ways[i].name, name_of(actions[j]),
             WIFEXITED(status) ? WEXITSTATUS(status) : -1,
             WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
  }
}

// A child of vfork changes its own actions, and nobody else's.
static void vfork_child(void) {
  set(SIGSEGV, once, 0);
  fflush(stdout);
  static struct sigaction seen;
  const pid_t child = vfork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    sigaction(SIGSEGV, NULL, &seen);
    signal(SIGBUS, SIG_DFL);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  printf("vfork: the child's %s\n", name_of(seen.sa_handler));
  ask(SIGSEGV);
  fault();
}

static void executed_child(const char* self) {
  fflush(stdout);
  if (fork() == 0) {
    execl(self, self, "child", (char*)NULL);
    _exit(9);
  }
  wait(NULL);
}

int main(int argc, char** argv) {
  page = sysconf(_SC_PAGESIZE);
  forbidden = mmap(NULL, 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (argc > 1) {
    ask(SIGSEGV);
    set(SIGSEGV, once, 0);
    fault();
    return 0;
  }
  ways_to_set();
  what_handlers_are_told();
  nest_and_jump();
  in_threads();
  vfork_child();
  executed_child(argv[0]);
  ways_to_die();
  return 0;
}
