// Makes children in every way that there is, each allocating; the parent's own blocks stay as they
// were. The function parent_keeps has 20 blocks of 50 bytes in use at exit.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static void* kept[20];

__attribute__((noinline, noclone)) static void parent_keeps(void) {
  for (int i = 0; i < 20; i++) {
    kept[i] = malloc(50);
    memset(kept[i], i, 50);
  }
}

__attribute__((noinline, noclone)) static void child_works(void) {
  for (int i = 0; i < 2000; i++) {
    free(malloc((size_t)(i * 13 % 4000)));
  }
  for (int i = 0; i < 10; i++) {
    free(kept[i]);
  }
  void* p = malloc(600000);
  memset(p, 1, 600000);
}

static void expect_status(const char* what, pid_t pid, int expected) {
  int status = -1;
  const int got =
      waitpid(pid, &status, __WALL) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  printf("%s: %s\n", what, got == expected ? "good" : "bad");
  fflush(stdout);
}

static int clone_body(void* unused) {
  (void)unused;
  child_works();
  _exit(4);
}

int main(void) {
  parent_keeps();

  pid_t pid = fork();
  if (pid == 0) {
    child_works();
    _exit(1);
  }
  expect_status("fork", pid, 1);

  pid = _Fork();
  if (pid == 0) {
    child_works();
    _exit(2);
  }
  expect_status("_Fork", pid, 2);

  pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) {
    child_works();
    _exit(3);
  }
  expect_status("raw clone", pid, 3);

  char* stack = malloc(256 << 10);
  expect_status("clone", clone(clone_body, stack + (256 << 10), SIGCHLD, NULL), 4);
  free(stack);

  pid = vfork();
  if (pid == 0) {
    execl("/bin/sh", "sh", "-c", "exit 5", (char*)NULL);
    _exit(99);
  }
  expect_status("vfork", pid, 5);

  char* arguments[] = {"sh", "-c", "exit 6", NULL};
  if (posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, environ) != 0) {
    pid = -1;
  }
  expect_status("posix_spawn", pid, 6);

  printf("system: %s\n", WEXITSTATUS(system("exit 7")) == 7 ? "good" : "bad");
  FILE* pipe = popen("echo piped; exit 8", "r");
  char text[20] = "";
  const char* line = fgets(text, sizeof text, pipe);
  printf("popen: %s", line == NULL ? "bad\n" : line);
  printf("pclose: %s\n", WEXITSTATUS(pclose(pipe)) == 8 ? "good" : "bad");

  for (int i = 0; i < 20; i++) {
    if (((char*)kept[i])[49] != i) {
      puts("a block has changed");
    }
  }
  return 0;
}
