// What a warm call of malloc and free executes. A child calls them, and this process steps through
// the calls:
//   uniform   one call site that always asks for one size
//   varied    one call site that asks for many sizes of one class
//   metered   a call site that has called a few times only
//   untabled  the same, with a size above those that have a table
// Prints for each of them "malloc KIND 0x... 0x..." and the same of free: the instructions of the
// library that malloc comes from, in their order, as offsets from where it is loaded. Of a few
// calls the shortest is taken: others take a sample, or fill a list. Status 4 when nothing can be
// traced.
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kStepped = 5, kMostSteps = 2000, kCannotTrace = 4 };

static const struct Kind {
  const char* name;
  size_t least, most;  // sizes that it asks for by turns
  int warm_calls;
} kinds[] = {
    {"uniform", 64, 64, 5000},
    {"varied", 33, 47, 5000},
    {"metered", 64, 64, 4},
    {"untabled", 2000, 2000, 4},
};

struct Path {
  int count;  // 0: none yet
  uint64_t offsets[kMostSteps];
};

static uint64_t load_base, code_begin, code_end;

static void fail(const char* what) {
  fprintf(stderr, "fast_paths: %s\n", what);
  exit(1);
}

// Of the library that malloc comes from.
static int find_code(struct dl_phdr_info* info, size_t size, void* data) {
  const uint64_t address = (uint64_t)&malloc;
  (void)size, (void)data;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)* part = &info->dlpi_phdr[i];
    const uint64_t begin = info->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_LOAD && address >= begin && address < begin + part->p_memsz) {
      load_base = info->dlpi_addr;
      code_begin = begin;
      code_end = begin + part->p_memsz;
      return 1;
    }
  }
  return 0;
}

static void stop_here(void) {
  __asm__ volatile("int3" : : : "memory");
}

// One call site for all, whether they are stepped through or not.
__attribute__((noinline, noclone)) static void* get(size_t size) {
  void* volatile block = malloc(size);
  return block;
}

// Stops before and after each call that is to be stepped through.
static void call_often(const struct Kind* kind) {
  size_t size = kind->least;
  for (int i = 0; i < kind->warm_calls + kStepped; i++) {
    const int is_stepped = i >= kind->warm_calls;
    if (is_stepped) {
      stop_here();
    }
    void* block = get(size);
    if (is_stepped) {
      stop_here();
    }
    free(block);
    if (is_stepped) {
      stop_here();
    }
    size = size == kind->most ? kind->least : size + 1;
  }
}

// Returns whether the child has stopped by itself, rather than after a step.
static int wait_for(pid_t child) {
  int status;
  siginfo_t info;
  if (waitpid(child, &status, 0) != child) {
    fail("no child");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannotTrace) {
    exit(kCannotTrace);
  }
  if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP ||
      ptrace(PTRACE_GETSIGINFO, child, NULL, &info) != 0) {
    fail("the child has ended");
  }
  return info.si_code == SI_KERNEL;
}

// Up to where the child stops by itself.
static void follow(pid_t child, struct Path* path) {
  path->count = 0;
  do {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, child, NULL, &registers) != 0) {
      fail("no registers");
    }
    if (registers.rip >= code_begin && registers.rip < code_end) {
      if (path->count < kMostSteps) {
        path->offsets[path->count] = registers.rip - load_base;
      }
      ++path->count;
    }
    ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
  } while (!wait_for(child));
}

static void follow_shortest(pid_t child, struct Path* shortest) {
  static struct Path path;
  follow(child, &path);
  if (shortest->count == 0 || path.count < shortest->count) {
    *shortest = path;
  }
}

static void print(const char* function, const struct Kind* kind, const struct Path* path) {
  if (path->count > kMostSteps) {
    fail("no fast path");
  }
  printf("%s %s", function, kind->name);
  for (int i = 0; i < path->count; i++) {
    printf(" 0x%llx", (unsigned long long)path->offsets[i]);
  }
  putchar('\n');
}

// In a process of its own: no other call site can be in the way.
static void step_through(const struct Kind* kind) {
  static struct Path of_malloc, of_free;
  of_malloc.count = of_free.count = 0;
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
      _exit(kCannotTrace);
    }
    call_often(kind);
    _exit(0);
  }
  for (int i = 0; i < kStepped; i++) {
    if (!wait_for(child)) {
      fail("the child has stopped too early");
    }
    ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL);
    follow_shortest(child, &of_malloc);
    follow_shortest(child, &of_free);
    ptrace(PTRACE_CONT, child, NULL, NULL);
  }
  waitpid(child, NULL, 0);
  print("malloc", kind, &of_malloc);
  print("free", kind, &of_free);
}

int main(void) {
  static char output[1 << 16];
  setvbuf(stdout, output, _IOFBF, sizeof output);  // not from malloc
  if (dl_iterate_phdr(find_code, NULL) == 0) {
    fail("whose malloc is it?");
  }
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    step_through(&kinds[i]);
  }
  return 0;
}
