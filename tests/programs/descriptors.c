// A program that is rough with descriptors: descriptors MODE FOLDER. In FOLDER it writes files
// named after their numbers, each full of "NUMBER\n"; whatever else is in them was written by a
// stranger.
//   daemon        becomes one: forks twice, closes all that there may be, opens 0 to 9 anew
//   closefrom | close_range      closes everything from 3 on that way, then opens 10 files
//   all           puts a file of its own on every number up to the limit
//   sockets       the same with socket pairs, the other ends of which are read
//   null          0 to 2 closed, reopened as /dev/null, closed again; then opens 3 files
// Allocates meanwhile, and ends with status 5.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char* folder;

static void work(int number) {
  static void* kept[64];
  for (int i = 0; i < 200; i++) {
    free(kept[i % 64]);
    kept[i % 64] = malloc((size_t)(number * 131 + i * 57) % 40000);
  }
}

static int open_file(int number) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%d", folder, number);
  return open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
}

static void write_number(int fd, int number) {
  char text[32];
  const int length = snprintf(text, sizeof text, "%d\n", number);
  for (int i = 0; i < 3; i++) {
    if (write(fd, text, (size_t)length) != length) {
      _exit(8);
    }
  }
}

static void open_anew(int first, int count) {
  for (int fd = first; fd < first + count; fd++) {
    if (open_file(fd) != fd) {
      _exit(7);
    }
    work(fd);
  }
  for (int fd = first; fd < first + count; fd++) {
    write_number(fd, fd);
  }
}

static int limit(void) {
  struct rlimit now;
  getrlimit(RLIMIT_NOFILE, &now);
  return now.rlim_cur > 2000 ? 2000 : (int)now.rlim_cur;
}

static void become_daemon(void) {
  if (fork() != 0) {
    wait(NULL);
    _exit(5);
  }
  setsid();
  if (fork() != 0) {
    wait(NULL);
    _exit(5);
  }
  umask(0);
  if (chdir("/") != 0) {
    _exit(6);
  }
  for (int fd = 0; fd < limit(); fd++) {
    close(fd);
  }
  open_anew(0, 10);
}

static void take_all(void) {
  for (int fd = 0; fd < limit(); fd++) {
    const int own = open_file(fd);
    if (own >= 0 && own != fd) {
      dup2(own, fd);
      close(own);
    }
    if (fd % 50 == 0) {
      work(fd);
    }
  }
  for (int fd = 0; fd < limit(); fd++) {
    if (fcntl(fd, F_GETFD) >= 0) {
      write_number(fd, fd);
    }
  }
}

static void take_all_with_sockets(void) {
  const int half = limit() / 2;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
    _exit(6);
  }
  for (int fd = 0; fd < half * 2; fd++) {
    if (fd != pair[0] && fd != pair[1]) {
      dup2(pair[0], fd);
    }
  }
  work(half);
  // All numbers but one lead to it: what comes out there was written by a stranger.
  shutdown(pair[1], SHUT_WR);
  fcntl(pair[1], F_SETFL, O_NONBLOCK);
  char byte;
  if (read(pair[1], &byte, 1) >= 0 || errno != EAGAIN) {
    _exit(9);
  }
}

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  folder = argv[2];
  work(1);
  const char* mode = argv[1];
  if (strcmp(mode, "daemon") == 0) {
    become_daemon();
  } else if (strcmp(mode, "closefrom") == 0) {
    closefrom(3);
    open_anew(3, 10);
  } else if (strcmp(mode, "close_range") == 0) {
    close_range(3, ~0u, 0);
    open_anew(3, 10);
  } else if (strcmp(mode, "all") == 0) {
    take_all();
  } else if (strcmp(mode, "sockets") == 0) {
    take_all_with_sockets();
  } else if (strcmp(mode, "null") == 0) {
    for (int fd = 0; fd < 3; fd++) {
      close(fd);
    }
    for (int fd = 0; fd < 3; fd++) {
      if (open("/dev/null", O_RDWR) != fd) {
        return 6;
      }
    }
    for (int fd = 0; fd < 3; fd++) {
      close(fd);
    }
    open_anew(0, 3);
  }
  work(2);
  exit(5);
}
