// A library that stands before libc's mmap, munmap, open, write and others, and allocates in each
// of them, as recorders and sandboxes do.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void* next(const char* name) {
  free(malloc(48));
  void* function = dlsym(RTLD_NEXT, name);
  if (dlsym(RTLD_NEXT, "no_such_function") != NULL) {  // a failed dlsym allocates
    abort();
  }
  return function;
}

void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  void* (*function)(void*, size_t, int, int, int, off_t) = NULL;
  *(void**)&function = next("mmap");
  return function(at, size, protection, flags, fd, offset);
}

int munmap(void* at, size_t size) {
  int (*function)(void*, size_t) = NULL;
  *(void**)&function = next("munmap");
  return function(at, size);
}

int madvise(void* at, size_t size, int advice) {
  int (*function)(void*, size_t, int) = NULL;
  *(void**)&function = next("madvise");
  return function(at, size, advice);
}

int mprotect(void* at, size_t size, int protection) {
  int (*function)(void*, size_t, int) = NULL;
  *(void**)&function = next("mprotect");
  return function(at, size, protection);
}

int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = va_arg(list, mode_t);
  va_end(list);
  int (*function)(const char*, int, ...) = NULL;
  *(void**)&function = next("open");
  return function(path, flags, mode);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  ssize_t (*function)(int, const void*, size_t) = NULL;
  *(void**)&function = next("write");
  return function(fd, bytes, size);
}

int close(int fd) {
  int (*function)(int) = NULL;
  *(void**)&function = next("close");
  return function(fd);
}

pid_t getpid(void) {
  pid_t (*function)(void) = NULL;
  *(void**)&function = next("getpid");
  return function();
}
