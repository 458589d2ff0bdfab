// Prints what a process can see of itself: environment, open descriptors, signal dispositions and
// mask, limits, threads, working directory, umask, dumpable flag, timers.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern char** environ;

static int count_entries(const char* path) {
  int count = 0;
  DIR* folder = opendir(path);
  while (folder != NULL && readdir(folder) != NULL) {
    count++;
  }
  if (folder != NULL) {
    closedir(folder);
  }
  return count;
}

int main(int argc, char** argv) {
  for (char** entry = environ; *entry != NULL; entry++) {
    if (strncmp(*entry, "LD_PRELOAD=", 11) != 0) {
      printf("environ %s\n", *entry);
    }
  }
  for (int i = 0; i < argc; i++) {
    printf("argv %s\n", argv[i]);
  }
  for (int fd = 0; fd < 256; fd++) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) {
      printf("open descriptor %d\n", fd);
    }
  }
  const int next = open("/dev/null", O_RDONLY);
  printf("next descriptor %d\n", next);
  close(next);
  for (int number = 1; number <= 64; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0) {
      printf("signal %d %s\n", number,
             action.sa_handler == SIG_DFL   ? "default"
             : action.sa_handler == SIG_IGN ? "ignored"
                                            : "caught");
    }
  }
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  for (int number = 1; number <= 64; number++) {
    if (sigismember(&mask, number) == 1) {
      printf("blocked %d\n", number);
    }
  }
  stack_t stack;
  sigaltstack(NULL, &stack);
  printf("sigaltstack %d\n", stack.ss_flags);
  for (int i = 0; i < RLIMIT_NLIMITS; i++) {
    struct rlimit limit;
    getrlimit(i, &limit);
    printf("limit %d %llu %llu\n", i, (unsigned long long)limit.rlim_cur,
           (unsigned long long)limit.rlim_max);
  }
  struct itimerval timer;
  getitimer(ITIMER_REAL, &timer);
  printf("timer %ld\n", (long)timer.it_value.tv_sec);
  printf("threads %d\n", count_entries("/proc/self/task"));
  printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
  char name[17] = "";
  prctl(PR_GET_NAME, name);
  printf("name %s\n", name);
  printf("keepcaps %d no_new_privs %d thp %d\n", prctl(PR_GET_KEEPCAPS),
         prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  const mode_t mode = umask(022);
  printf("umask %o\n", (unsigned)mode);
  pthread_key_t key;
  pthread_key_create(&key, NULL);
  printf("a key below 32: %d\n", key < 32);
  return 0;
}
