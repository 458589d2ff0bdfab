#include "core/os/process.h"

#include <gnu/libc-version.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include <cstring>

#include "core/os/file.h"
#include "core/os/kernel_sigaction.h"
#include "core/os/syscall.h"

extern "C" {
// The C library hands the exit status to such handlers as a second argument.
int __cxa_atexit(void (*)(void*, int), void*, void*);
int __cxa_at_quick_exit(void (*)(void*, int), void*);
void __libc_freeres() __attribute__((weak));
}

namespace __gnu_cxx {

void __freeres() __attribute__((weak));

}  // namespace __gnu_cxx

namespace heaptag::os {

namespace {

using Handler = void (*)(int status);
constinit Handler process_end = nullptr;

void at_exit(void* /*argument*/, int status) {
  process_end(status);
}

void copy_field(const char* from, char* buffer, size_t capacity) {
  const size_t length = std::strlen(from);
  const size_t kept = length < capacity ? length : capacity - 1;
  std::memcpy(buffer, from, kept);
  buffer[kept] = '\0';
}

}  // namespace

uint32_t process_id() {
  return static_cast<uint32_t>(raw_syscall(SYS_getpid));
}

uint32_t parent_id() {
  return static_cast<uint32_t>(raw_syscall(SYS_getppid));
}

bool is_privileged() {
  return getauxval(AT_SECURE) != 0;
}

bool is_sandboxed() {
  return raw_syscall(SYS_prctl, PR_GET_SECCOMP) != 0;
}

bool is_traced() {
  constexpr char kNobody[] = "\nTracerPid:\t0\n";
  char status[4096];
  return read_file("/proc/self/status", status, sizeof(status)) > 0 &&
         std::strstr(status, kNobody) == nullptr;
}

const char* program_path() {
  const auto* path = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  return path == nullptr ? "" : path;
}

bool is_single_threaded() {
  return __libc_single_threaded != 0;
}

uint64_t max_resident_bytes() {
  rusage usage{};
  raw_syscall(SYS_getrusage, RUSAGE_SELF, reinterpret_cast<long>(&usage));
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

void host_name(char* buffer, size_t capacity) {
  utsname name{};
  raw_syscall(SYS_uname, reinterpret_cast<long>(&name));
  copy_field(name.nodename, buffer, capacity);
}

void kernel_release(char* buffer, size_t capacity) {
  utsname name{};
  raw_syscall(SYS_uname, reinterpret_cast<long>(&name));
  copy_field(name.release, buffer, capacity);
}

const char* libc_version() {
  return gnu_get_libc_version();
}

void at_process_end(void (*handler)(int status)) {
  process_end = handler;
  __cxa_atexit(at_exit, nullptr, nullptr);
  __cxa_at_quick_exit(at_exit, nullptr);
}

void abort_process() {
  const uint64_t only_abort = bit_of(SIGABRT);
  const KernelSigaction by_default{};
  for (int attempt = 0; attempt < 2; ++attempt) {
    raw_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, reinterpret_cast<long>(&only_abort), 0,
                sizeof(only_abort));
    raw_syscall(SYS_tgkill, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid), SIGABRT);
    // A handler has come back, or the signal is ignored.
    change_action(SIGABRT, &by_default, nullptr);
  }
  // The first process of a container: the kernel spares it signals that it takes by default.
  for (;;) {
    raw_syscall(SYS_exit_group, 128 + SIGABRT);
  }
}

void exit_process(int status) {
  for (;;) {
    raw_syscall(SYS_exit_group, status);
  }
}

void read_own_memory(const void* from, void* to, size_t size_bytes) {
  const iovec local{to, size_bytes};
  const iovec remote{const_cast<void*>(from), size_bytes};
  raw_syscall(SYS_process_vm_readv, raw_syscall(SYS_getpid), reinterpret_cast<long>(&local), 1,
              reinterpret_cast<long>(&remote), 1);
}

void kill_process() {
  for (;;) {
    raw_syscall(SYS_kill, raw_syscall(SYS_getpid), SIGKILL);
  }
}

void flush_streams() {
  fflush(nullptr);
}

void free_library_memory() {
  if (__gnu_cxx::__freeres != nullptr) {
    __gnu_cxx::__freeres();
  }
  if (__libc_freeres != nullptr) {
    __libc_freeres();
  }
}

}  // namespace heaptag::os
