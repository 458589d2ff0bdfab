// Makes system calls of the preloaded library fail, from outside of the program: a filter stops
// every mmap, munmap, mprotect, madvise and mremap of it and asks this process, which lets those
// that do not come from the library's code pass and counts the others.
// fault_at LIBRARY nth N PROGRAM ARGS...    the N-th of them fails with ENOMEM
// fault_at LIBRARY from N PROGRAM ARGS...   the N-th and all after it
// fault_at LIBRARY every N PROGRAM ARGS...  every N-th
// Until the program says that it is enough: madvise(FAULTS_END, 0, 0).
// Last line: "calls C failed F status S signal S". Status 0 whatever became of the program; 3 when
// it hangs (it is killed then), 4 when nothing can be injected here.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAULTS_END 0xfa0175000UL

enum { kPatienceMs = 60000 };

static void fail(const char* what) {
  fprintf(stderr, "fault_at: %s: %s\n", what, strerror(errno));
  _exit(4);
}

// From here on every such call of this process, and of its children, waits for an answer.
static int install_filter(void) {
  enum { kCount = 5 };

  static const uint32_t calls[kCount] = {SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise,
                                         SYS_mremap};
  struct sock_filter code[kCount + 3];
  code[0] =
      (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < kCount; i++) {
    code[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], kCount - i, 0);
  }
  code[kCount + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  code[kCount + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  const struct sock_fprog program = {kCount + 3, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    fail("no_new_privs");
  }
  const long listener =
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (listener < 0) {
    fail("seccomp");
  }
  return (int)listener;
}

union Message {
  struct cmsghdr header;
  char room[CMSG_SPACE(sizeof(int))];
};

static void send_descriptor(int socket, int fd) {
  char byte = 0;
  struct iovec part = {&byte, 1};
  union Message message;
  memset(&message, 0, sizeof message);
  struct msghdr all = {.msg_iov = &part, .msg_iovlen = 1};
  all.msg_control = &message;
  all.msg_controllen = sizeof message;
  message.header.cmsg_level = SOL_SOCKET;
  message.header.cmsg_type = SCM_RIGHTS;
  message.header.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&message.header), &fd, sizeof fd);
  if (sendmsg(socket, &all, 0) != 1) {
    fail("sendmsg");
  }
}

static int receive_descriptor(int socket) {
  char byte;
  struct iovec part = {&byte, 1};
  union Message message;
  struct msghdr all = {.msg_iov = &part, .msg_iovlen = 1};
  all.msg_control = &message;
  all.msg_controllen = sizeof message;
  int fd = -1;
  if (recvmsg(socket, &all, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&all) == NULL) {
    fail("recvmsg");
  }
  memcpy(&fd, CMSG_DATA(&message.header), sizeof fd);
  return fd;
}

static uint64_t code_begin;
static uint64_t code_end;

// The library lies at the same place in all forked children.
static int is_of_library(pid_t pid, uint64_t address, const char* library) {
  if (code_begin == 0) {
    char path[64];
    char line[4600];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE* maps = fopen(path, "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
      unsigned long begin;
      unsigned long end;
      char kind[5];
      line[strcspn(line, "\n")] = '\0';
      if (sscanf(line, "%lx-%lx %4s", &begin, &end, kind) == 3 && kind[2] == 'x' &&
          strstr(line, library) != NULL) {
        code_begin = begin;
        code_end = end;
      }
    }
    if (maps != NULL) {
      fclose(maps);
    }
  }
  return address >= code_begin && address < code_end;
}

int main(int argc, char** argv) {
  if (argc < 5) {
    return 2;
  }
  const char mode = argv[2][0];
  const long number = atol(argv[3]);
  char* library = realpath(argv[1], NULL);
  int sockets[2];
  if (library == NULL || number < 1 ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)) {
    fail(argv[1]);
  }
  const pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    setenv("LD_PRELOAD", library, 1);
    const int listener = install_filter();
    send_descriptor(sockets[1], listener);
    close(listener);
    execv(argv[4], argv + 4);
    fail(argv[4]);
  }
  close(sockets[1]);
  struct pollfd listener = {receive_descriptor(sockets[0]), POLLIN, 0};
  long calls = 0;
  long failed = 0;
  int is_over = 0;
  int hangs = 0;
  while (!hangs) {
    hangs = poll(&listener, 1, kPatienceMs) == 0;
    if ((listener.revents & POLLIN) == 0) {
      break;  // nobody is left who could ask
    }
    struct seccomp_notif asked;
    memset(&asked, 0, sizeof asked);
    if (ioctl(listener.fd, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) {
      continue;
    }
    struct seccomp_notif_resp answer = {asked.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    if (asked.data.nr == SYS_madvise && asked.data.args[0] == FAULTS_END) {
      is_over = 1;
    } else if (is_of_library((pid_t)asked.pid, asked.data.instruction_pointer, library)) {
      calls++;
      if (!is_over && (mode == 'n'   ? calls == number
                       : mode == 'f' ? calls >= number
                                     : calls % number == 0)) {
        failed++;
        answer.flags = 0;
        answer.error = -ENOMEM;
        if (getenv("FAULT_SHOW") != NULL) {
          fprintf(stderr, "fault: call %ld, %d at +0x%lx\n", calls, asked.data.nr,
                  (unsigned long)(asked.data.instruction_pointer - code_begin));
        }
      }
    }
    ioctl(listener.fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
  if (hangs) {
    kill(-child, SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("calls %ld failed %ld status %d signal %d\n", calls, failed,
         WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  return hangs ? 3 : 0;
}
