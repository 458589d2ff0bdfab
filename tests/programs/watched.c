/* Accesses beside a block by the program's own loops, and traps that are its own. Built as
 * watched (-O2) and watched_plain (-O0).
 *   watched probe                    0: the kernel gives watchpoints
 *   watched read|write|thread|child SIZE FROM   touches bytes FROM .. -1, ends with 3
 *   watched good SIZE                touches what is the program's, ends with 3
 *   watched trap HOW                 raise, int3, ignored, handler: ends with 5 if it can */
#define _GNU_SOURCE
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long sum;
static char* block;
static long from;

__attribute__((noinline)) char* the_allocator(size_t size) {
  char* made = malloc(size);
  memset(made, 1, size);
  return made;
}

__attribute__((noinline)) long the_reader(const char* bytes, long begin, long end) {
  long seen = 0;
  for (long i = begin; i < end; ++i) {
    seen = seen * 31 + bytes[i];
  }
  return seen;
}

__attribute__((noinline)) void the_writer(char* bytes, long begin, long end) {
  for (long i = begin; i < end; ++i) {
    bytes[i] = (char)(0x40 + (i & 7));
  }
}

__attribute__((noinline)) void* in_thread(void* argument) {
  (void)argument;
  sum = the_reader(block, from, 4);
  return NULL;
}

static long attempt_probe(void) {
  static long word;
  struct perf_event_attr event;
  memset(&event, 0, sizeof(event));
  event.type = PERF_TYPE_BREAKPOINT;
  event.size = sizeof(event);
  event.sample_period = 1;
  event.bp_type = HW_BREAKPOINT_W;
  event.bp_addr = (unsigned long)&word;
  event.bp_len = HW_BREAKPOINT_LEN_8;
  event.disabled = 1;
  event.exclude_kernel = 1;
  event.exclude_hv = 1;
  event.remove_on_exec = 1;
  event.sigtrap = 1;
  return syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static volatile int calls, code;

static void on_trap(int number, siginfo_t* info, void* context) {
  (void)number;
  (void)context;
  calls = calls + 1;
  code = info->si_code;
}

static int do_trap(const char* how) {
  struct sigaction action;
  struct sigaction old;
  if (strcmp(how, "raise") == 0) {
    raise(SIGTRAP);
  } else if (strcmp(how, "int3") == 0) {
    __asm__ volatile("int3");
  } else if (strcmp(how, "ignored") == 0) {
    signal(SIGTRAP, SIG_IGN);
    raise(SIGTRAP);
  } else {
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGTRAP, &action, &old);
    printf("default %d\n", old.sa_handler == SIG_DFL);
    raise(SIGTRAP);
    printf("calls %d code %d\n", calls, code);
    __asm__ volatile("int3");
    printf("calls %d code %d\n", calls, code);
    sigaction(SIGTRAP, NULL, &old);
    printf("kept %d\n", old.sa_sigaction == on_trap);
  }
  puts("end");
  return 5;
}

int main(int count, char** words) {
  const char* what = words[1];
  if (strcmp(what, "probe") == 0) {
    return attempt_probe() < 0;
  }
  if (strcmp(what, "trap") == 0) {
    return do_trap(words[2]);
  }
  const size_t size = strtoul(words[2], NULL, 10);
  from = count > 3 ? atol(words[3]) : 0;
  block = the_allocator(size);
  printf("block %p\n", (void*)block);
  if (strcmp(what, "read") == 0) {
    sum = the_reader(block, from, (long)size);
    sum = the_reader(block, from, (long)size);
  } else if (strcmp(what, "write") == 0) {
    the_writer(block, from, 0);
  } else if (strcmp(what, "thread") == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
  } else if (strcmp(what, "child") == 0) {
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < 100; ++i) {
        free(the_allocator(size));
      }
      _exit((int)(the_reader(block, from, 4) & 0) + 7);
    }
    waitpid(child, &status, 0);
    printf("child %d\n", status);
  } else {
    /* String functions read whole words beside the block. */
    for (int i = 0; i < 300; ++i) {
      char* other = the_allocator(size);
      other[size - 1] = 0;
      sum = the_reader(other, 0, (long)size) + (long)strlen(other) + (strchr(other, 7) != NULL);
      char* copy = strdup(other);
      sum += strcmp(copy, other) + (memchr(other, 9, size) != NULL);
      sum += memrchr(other, 9, size) != NULL;
      the_writer(other, 0, (long)size);
      free(copy);
      other = realloc(other, size * 2);
      sum += the_reader(other, 0, (long)size);
      free(other);
    }
  }
  free(block);
  puts("end");
  return 3;
}
