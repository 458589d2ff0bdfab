/* What all programs of areas share: cases by name, two processes, expected faults.
 * Each program: `PROGRAM list`, `PROGRAM CASE`. Status 0: held; 1: did not, with the line on
 * stderr; 77: cannot be tried here, with the reason on stdout. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <heaptag/area.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)B_PAGE_SIZE)
#define RW (B_READ_AREA | B_WRITE_AREA)
#define NOWHERE 100000000 /* an id that nobody has */

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                      \
    }                                                                               \
  } while (0)

/* Two numbers that have to be equal; both are shown. */
#define SAME(got, wanted)                                                                   \
  do {                                                                                      \
    const long long got_ = (long long)(got), wanted_ = (long long)(wanted);                 \
    if (got_ != wanted_) {                                                                  \
      fprintf(stderr, "%s:%d: %s is %lld, not %s = %lld\n", __FILE__, __LINE__, #got, got_, \
              #wanted, wanted_);                                                            \
      exit(1);                                                                              \
    }                                                                                       \
  } while (0)

#define SKIP(reason) \
  do {               \
    puts(reason);    \
    exit(77);        \
  } while (0)

struct named {
  const char* name;
  void (*run)(void);
};

/* Two tables per program, each ended by a row of nulls. */
extern const struct named cases[];
extern const struct named roles[];

static inline area_id make(const char* name, void** at, size_t size) {
  const area_id id = create_area(name, at, B_ANY_ADDRESS, size, B_NO_LOCK, RW);
  CHECK(id > 0);
  return id;
}

static inline area_info info_of(area_id id) {
  area_info info;
  SAME(get_area_info(id, &info), B_OK);
  return info;
}

/* A free range of addresses, far from where the system puts mappings by itself. */
static inline char* free_range(size_t size) {
  static char* next = (char*)((uintptr_t)16 << 40);
  char* const at = next;
  next += (size_t)1 << 40;
  CHECK(mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == at);
  CHECK(munmap(at, size) == 0);
  return at;
}

/* The signal that an access gives; 0: none. */
static sigjmp_buf after_fault;

static inline void on_fault(int number) {
  siglongjmp(after_fault, number);
}

static inline int access_gives(volatile char* at, int writes) {
  struct sigaction action, old_segv, old_bus;
  memset(&action, 0, sizeof(action));
  action.sa_handler = on_fault;
  sigaction(SIGSEGV, &action, &old_segv);
  sigaction(SIGBUS, &action, &old_bus);
  const int number = sigsetjmp(after_fault, 1);
  if (number == 0) {
    if (writes) {
      *at = *at == 'w' ? 'v' : 'w';
    } else {
      (void)*at;
    }
  }
  sigaction(SIGSEGV, &old_segv, NULL);
  sigaction(SIGBUS, &old_bus, NULL);
  return number;
}

#define READS(at) SAME(access_gives((volatile char*)(at), 0), 0)
#define WRITES(at) SAME(access_gives((volatile char*)(at), 1), 0)
#define READ_FAULTS(at) CHECK(access_gives((volatile char*)(at), 0) != 0)
#define WRITE_FAULTS(at) CHECK(access_gives((volatile char*)(at), 1) != 0)

/* Another process that runs a role of this program: not a fork of us, it has no area. It talks
 * through its standard input and output. */
struct peer {
  pid_t pid;
  int to, from;
};

static inline void tell_to(int fd, long value) {
  CHECK(write(fd, &value, sizeof(value)) == (ssize_t)sizeof(value));
}

static inline long hear_from(int fd) {
  long value = 0;
  CHECK(read(fd, &value, sizeof(value)) == (ssize_t)sizeof(value));
  return value;
}

#define TELL(value) tell_to(STDOUT_FILENO, (long)(value)) /* in a role */
#define HEAR() hear_from(STDIN_FILENO)

static inline struct peer start_peer(const char* role) {
  int to[2], from[2];
  CHECK(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
  struct peer peer = {vfork(), to[1], from[0]};
  CHECK(peer.pid >= 0);
  if (peer.pid == 0) {
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    execl("/proc/self/exe", "peer", "role", role, (char*)NULL);
    _exit(126);
  }
  close(to[0]);
  close(from[1]);
  return peer;
}

/* Returns what waitpid says. */
static inline int wait_for(struct peer peer) {
  int status = 0;
  CHECK(waitpid(peer.pid, &status, 0) == peer.pid);
  close(peer.to);
  close(peer.from);
  return status;
}

static inline void end_well(struct peer peer) {
  SAME(wait_for(peer), 0);
}

static inline void end_by_kill(struct peer peer) {
  kill(peer.pid, SIGKILL);
  const int status = wait_for(peer);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* For a fork: the child's checks count. */
static inline void wait_for_child(pid_t pid) {
  int status = 0;
  CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
  SAME(status, 0);
}

/* Bytes of a field of /proc/self/status that is in kB. */
static inline size_t status_bytes(const char* field) {
  char line[256];
  size_t kib = 0;
  FILE* file = fopen("/proc/self/status", "r");
  CHECK(file != NULL);
  while (fgets(line, sizeof(line), file) != NULL) {
    if (strncmp(line, field, strlen(field)) == 0) {
      kib = strtoul(line + strlen(field) + 1, NULL, 10);
    }
  }
  fclose(file);
  return kib * 1024;
}

/* Gives up every privilege; false where that cannot be done. */
static inline int drop_privileges(void) {
  struct {
    unsigned version;
    int pid;
  } header = {0x20080522, 0};

  struct {
    unsigned effective, permitted, inheritable;
  } none[2];

  memset(none, 0, sizeof(none));
  return syscall(SYS_capset, &header, none) == 0;
}

static inline int run_named(const struct named* rows, const char* name) {
  for (; rows->name != NULL; ++rows) {
    if (strcmp(rows->name, name) == 0) {
      rows->run();
      return 0;
    }
  }
  fprintf(stderr, "no %s\n", name);
  return 2;
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "role") == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return run_named(roles, argv[2]);
  }
  if (argc != 2) {
    return 2;
  }
  if (strcmp(argv[1], "list") == 0) {
    for (const struct named* row = cases; row->name != NULL; ++row) {
      puts(row->name);
    }
    return 0;
  }
  return run_named(cases, argv[1]);
}

#endif
