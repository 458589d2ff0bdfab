// Runs one program and reports what it used, as one JSON line.
//
//   measure [--maps FILE] RESULT -- PROGRAM ARGS…      (the environment is passed on as it is)
//
// Why not from Python: Linux starts a process's ru_maxrss at the peak of the address space that
// called exec, so a child of a 15 MB interpreter can never show less than 15 MB. This program is
// linked statically and stays below 1 MB.
//
// user, sys, faults: sums over the process and all descendants that were waited for.
// maxrss: the largest single process among them, not their sum.
// --maps: follow the whole tree with ptrace and append to FILE, for each process that ends, its
// command name and the files that it has mapped. Slows the program down: not for measurements.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kCannotRun = 125 };

static const long kTraceOptions = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC |
                                  PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL;

static void die(const char* what) {
  fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
  exit(kCannotRun);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double seconds(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

// Copies "comm" and the paths of /proc/PID/maps to `out`, one line each, an empty line at the end.
static void save_maps(pid_t pid, FILE* out) {
  char path[64];
  char line[4096];
  snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
  FILE* comm = fopen(path, "re");
  if (comm != NULL && fgets(line, sizeof line, comm) != NULL) {
    fputs(line, out);
  }
  if (comm != NULL) {
    fclose(comm);
  }
  snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
  FILE* maps = fopen(path, "re");
  if (maps == NULL) {
    return;
  }
  char last[4096] = "";
  while (fgets(line, sizeof line, maps) != NULL) {
    const char* file = strchr(line, '/');
    if (file != NULL && strcmp(file, last) != 0) {
      strcpy(last, file);
      fputs(file, out);
    }
  }
  fclose(maps);
  fputc('\n', out);
}

// Lets the stopped process `pid` go on; passes on what is a signal and not a stop of ours.
static void go_on(pid_t pid, int status) {
  const int event = status >> 16;
  const int signal = WSTOPSIG(status);
  // A process that was forked under ptrace begins with a SIGSTOP that nobody sent.
  const int pass_on = event == 0 && signal != SIGTRAP && signal != SIGSTOP ? signal : 0;
  ptrace(PTRACE_CONT, pid, NULL, (void*)(long)pass_on);
}

static int wait_traced(pid_t child, const char* maps_path, struct rusage* usage) {
  FILE* out = fopen(maps_path, "we");
  if (out == NULL) {
    die(maps_path);
  }
  int status;
  int child_status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
    die("the program did not start");
  }
  if (ptrace(PTRACE_SETOPTIONS, child, NULL, (void*)kTraceOptions) != 0) {
    die("ptrace");
  }
  go_on(child, status);
  for (;;) {
    struct rusage used;
    const pid_t pid = wait4(-1, &status, __WALL, &used);
    if (pid < 0) {
      break;
    }
    if (!WIFSTOPPED(status)) {
      if (pid == child) {
        child_status = status;
        *usage = used;
      }
      continue;
    }
    if (status >> 16 == PTRACE_EVENT_EXIT) {
      save_maps(pid, out);
    }
    go_on(pid, status);
  }
  if (fclose(out) != 0) {
    die(maps_path);
  }
  return child_status;
}

int main(int argc, char** argv) {
  const char* maps_path = NULL;
  int at = 1;
  if (argc > at + 1 && strcmp(argv[at], "--maps") == 0) {
    maps_path = argv[at + 1];
    at += 2;
  }
  if (argc < at + 3 || strcmp(argv[at + 1], "--") != 0) {
    fprintf(stderr, "usage: measure [--maps FILE] RESULT -- PROGRAM ARGS...\n");
    return kCannotRun;
  }
  const char* result_path = argv[at];
  char** program = argv + at + 2;

  // Static and small, so that LD_PRELOAD concerns the program only, and fork costs next to nothing.
  const double start = now();
  const pid_t child = fork();
  if (child < 0) {
    die("fork");
  }
  if (child == 0) {
    if (maps_path != NULL && ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
      die("ptrace");
    }
    execv(program[0], program);
    die(program[0]);
  }
  struct rusage usage;
  int status = 0;
  memset(&usage, 0, sizeof usage);
  if (maps_path != NULL) {
    status = wait_traced(child, maps_path, &usage);
  } else if (wait4(child, &status, 0, &usage) != child) {
    die("wait4");
  }
  const double wall = now() - start;

  FILE* result = fopen(result_path, "we");
  if (result == NULL) {
    die(result_path);
  }
  fprintf(result,
          "{\"exit\": %d, \"signal\": %d, \"wall\": %.6f, \"user\": %.6f, \"sys\": %.6f, "
          "\"maxrss_kib\": %ld, \"minor_faults\": %ld, \"major_faults\": %ld, "
          "\"preempted\": %ld}\n",
          WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
          wall, seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss, usage.ru_minflt,
          usage.ru_majflt, usage.ru_nivcsw);
  if (fclose(result) != 0) {
    die(result_path);
  }
  return 0;
}
