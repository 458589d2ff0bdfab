// A signal between any two instructions of a call: signal_steps CALL ACTION [STRIDE [count]]
//   CALL    malloc free calloc realloc memalign large fresh (a size that was never asked for)
//   ACTION  of the handler, after it has allocated and freed: return; jump (out of it); nest (it
//           sends itself another signal, whose handler allocates, three deep)
// The call is executed step by step, with the processor's trap flag, as often as it has steps (or
// each STRIDE-th); the handler comes one step later each time. All blocks that are in use have to
// be different and keep what was written to them. Prints "good".
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { kBlocks = 512, kTrapFlag = 0x100, kMostSteps = 60000 };

static struct {
  unsigned char* bytes;
  size_t size;
} blocks[kBlocks];

static volatile int count;
static volatile long step, signal_at;
static volatile int stepping, depth;
static const char* action;
static sigjmp_buf back;

static void fail(const char* what) {
  printf("%s at step %ld\n", what, signal_at);
  exit(1);
}

static void keep(void* block, size_t size) {
  if (block == NULL) {
    fail("no memory");
  }
  memset(block, count % 250 + 1, size);
  blocks[count].bytes = block;
  blocks[count].size = size;
  ++count;
}

static void release_all(void) {
  for (int i = 0; i < count; i++) {
    for (size_t j = 0; j < blocks[i].size; j += 7) {
      if (blocks[i].bytes[j] != i % 250 + 1) {
        fail("a block was given twice");
      }
    }
  }
  for (int i = 0; i < count; i++) {
    free(blocks[i].bytes);
  }
  count = 0;
}

// One call site for all: it has pools of its own.
__attribute__((noinline, noclone)) static void* get(size_t size) {
  void* volatile block = malloc(size);
  return block;
}

static void send_to_myself(int number) {
  syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
}

static void handler(int number) {
  static const size_t sizes[] = {40, 40, 100, 700, 5000, 40};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    keep(get(sizes[i]), sizes[i]);
  }
  free(get(40));
  if (strcmp(action, "nest") == 0 && number < SIGRTMIN + 3) {
    send_to_myself(number + 1);
  }
  if (strcmp(action, "jump") == 0) {
    siglongjmp(back, 1);
  }
}

static void on_trap(int number, siginfo_t* info, void* context) {
  greg_t* flags = &((ucontext_t*)context)->uc_mcontext.gregs[REG_EFL];
  (void)number, (void)info;
  if (!stepping || ++step >= signal_at) {
    *flags &= ~(greg_t)kTrapFlag;
    if (stepping) {
      stepping = 0;
      send_to_myself(SIGRTMIN);
    }
  }
}

static void set_trap_flag(void) {
  __asm__ volatile("pushfq\n orq $0x100, (%%rsp)\n popfq" : : : "memory", "cc");
}

static void clear_trap_flag(void) {
  __asm__ volatile("pushfq\n andq $~0x100, (%%rsp)\n popfq" : : : "memory", "cc");
}

static size_t next_size = 20;

// One call, stepped through. Returns whether the signal came in it.
static int call(const char* name) {
  void* volatile old = get(40);
  void* volatile result = NULL;
  volatile size_t size = 40;
  const char first = name[0], second = name[1];
  if (strcmp(name, "fresh") == 0) {
    size = next_size += 16;
  } else if (strcmp(name, "large") == 0) {
    size = 60000;
  } else if (strcmp(name, "realloc") == 0) {
    size = 300;
  }
  step = 0;
  stepping = 1;
  if (sigsetjmp(back, 1) == 0) {
    set_trap_flag();
    if (first == 'c') {
      result = calloc(1, size);
    } else if (first == 'r') {
      result = realloc(old, size);
    } else if (first == 'm' && second == 'e') {
      result = memalign(256, size);
    } else if (first == 'f' && second == 'r' && size == 40) {
      free(old);
    } else {
      result = get(size);
    }
    clear_trap_flag();
    if (result != NULL) {
      keep(result, size);
    }
  }
  const int came = !stepping;
  stepping = 0;
  for (int i = 0; i < 40; i++) {
    keep(get(40), 40);
  }
  release_all();
  return came;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    return 2;
  }
  action = argv[2];
  const long stride = argc > 3 ? atol(argv[3]) : 1;
  // The C library's own: what comes between two steps is not the program's.
  int (*set)(int, const struct sigaction*, struct sigaction*) =
      (int (*)(int, const struct sigaction*, struct sigaction*))dlsym(dlopen("libc.so.6", RTLD_NOW),
                                                                      "sigaction");
  struct sigaction trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
  for (int i = 0; i <= 3; i++) {
    sigaddset(&trap.sa_mask, SIGRTMIN + i);  // it comes when the step is done
  }
  set(SIGTRAP, &trap, NULL);
  for (int i = 0; i <= 3; i++) {
    struct sigaction act = {.sa_handler = handler};
    sigaction(SIGRTMIN + i, &act, NULL);
  }
  signal_at = 1;
  while (call(argv[1])) {
    if ((signal_at += stride) > kMostSteps) {
      fail("no end");
    }
  }
  if (signal_at < 10) {
    fail("no steps");
  }
  if (argc > 4) {
    printf("%ld steps\n", signal_at);
  }
  puts("good");
  return 0;
}
