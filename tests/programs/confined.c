// A program that gives up rights after it has started, and allocates on: confined HOW. Two threads
// were started before, and allocate as well. Prints "good" and ends with status 5.
//   kill     seccomp kills it for any call but mmap munmap madvise futex mremap mprotect, and
//   write,
//            exit and exit_group for itself
//   refuse   the same calls are refused with EPERM instead
//   least    madvise and mremap are refused, too, with ENOSYS, as all others are
//   setuid   becomes nobody, and says whether /proc/self belongs to it still
//   undump   may not be dumped
//   chroot   makes an empty folder (its argument) its root
//   userns   makes a user namespace of its own, which a process with another thread may not
//   mdwe     memory may not be both writable and executable, ever
//   cwd      removes the folder that it runs in
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#  define PR_SET_MDWE 65
#endif

static atomic_int confined;
static atomic_int working;
static atomic_int wrong;

static void work(void) {
  static const size_t sizes[] = {1, 24, 100, 1000, 5000, 33000, 200000, 3000000, 20000000};
  char* kept[300] = {NULL};
  for (int i = 0; i < 3000; i++) {
    const size_t size = sizes[i % (i % 50 == 0 ? 9 : 6)] + (size_t)i % 13;
    char** slot = &kept[i % 300];
    if (i % 4 == 0) {
      *slot = realloc(*slot, size);
    } else {
      free(*slot);
      *slot = i % 4 == 1 ? calloc(1, size) : malloc(size);
    }
    if (*slot == NULL) {
      wrong++;
      return;
    }
    (*slot)[0] = (*slot)[size - 1] = (char)i;
  }
  for (int i = 0; i < 300; i++) {
    free(kept[i]);
  }
}

static void* thread(void* unused) {
  free(malloc(10));
  working++;
  while (!confined) {
    usleep(1000);
  }
  work();
  working--;
  for (;;) {
    pause();
  }
  return unused;
}

static void* waits_quietly(void* unused) {
  working++;
  while (!confined) {
    free(malloc(100));  // no call of the system while it waits
  }
  work();
  working--;
  for (;;) {
    __builtin_ia32_pause();
  }
  return unused;
}

#define ALLOW(name)                                       \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int filter(unsigned otherwise, int least) {
  struct sock_filter most_of_it[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ALLOW(mmap),
      ALLOW(munmap),
      ALLOW(futex),
      ALLOW(write),
      ALLOW(exit),
      ALLOW(exit_group),
      ALLOW(mprotect),
      ALLOW(madvise),
      ALLOW(mremap),
      BPF_STMT(BPF_RET | BPF_K, otherwise),
  };
  const size_t length = sizeof most_of_it / sizeof *most_of_it;
  struct sock_filter* last = &most_of_it[length - 1];
  if (least) {
    last = &most_of_it[length - 1 - 4];  // without the last two
    *last = most_of_it[length - 1];
  }
  const struct sock_fprog program = {(unsigned short)(last - most_of_it + 1), most_of_it};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

static int become_nobody(void) {
  if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0) {
    return 0;
  }
  struct stat status;
  return stat("/proc/self/mem", &status) == 0 && status.st_uid == 0;
}

static int confine(const char* how, const char* argument) {
  if (strcmp(how, "kill") == 0) {
    return filter(SECCOMP_RET_KILL_PROCESS, 0);
  }
  if (strcmp(how, "refuse") == 0) {
    return filter(SECCOMP_RET_ERRNO | EPERM, 0);
  }
  if (strcmp(how, "least") == 0) {
    return filter(SECCOMP_RET_ERRNO | ENOSYS, 1);
  }
  if (strcmp(how, "setuid") == 0) {
    return become_nobody();
  }
  if (strcmp(how, "undump") == 0) {
    return prctl(PR_SET_DUMPABLE, 0) == 0;
  }
  if (strcmp(how, "chroot") == 0) {
    return chroot(argument) == 0 && chdir("/") == 0 && access("/proc", F_OK) != 0;
  }
  if (strcmp(how, "userns") == 0) {
    return unshare(CLONE_NEWUSER) == 0;
  }
  if (strcmp(how, "mdwe") == 0) {
    return prctl(PR_SET_MDWE, 1, 0, 0, 0) == 0;
  }
  if (strcmp(how, "cwd") == 0) {
    char path[4096];
    return getcwd(path, sizeof path) != NULL && rmdir(path) == 0;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 2) {
    return 2;
  }
  const int has_threads = strcmp(argv[1], "userns") != 0;
  pthread_t ids[2];
  if (has_threads) {
    pthread_create(&ids[0], NULL, waits_quietly, NULL);
    const int is_seccomp = strlen(argv[1]) < 7 && strchr("krl", argv[1][0]) != NULL;
    pthread_create(&ids[1], NULL, is_seccomp ? waits_quietly : thread, NULL);
    while (working < 2) {
      free(malloc(100));
    }
  }
  if (!confine(argv[1], argc > 2 ? argv[2] : "")) {
    perror(argv[1]);
    return 3;
  }
  confined = 1;
  work();
  while (working > 0) {
    free(malloc(100));
  }
  const char* text = wrong == 0 ? "good\n" : "bad\n";
  if (write(1, text, strlen(text)) < 0) {
    return 4;
  }
  exit(5);
}
