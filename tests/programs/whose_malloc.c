// Prints the object that malloc, free and posix_memalign come from.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void say(const char* name) {
  Dl_info info;
  void* address = dlsym(RTLD_DEFAULT, name);
  if (address == NULL || dladdr(address, &info) == 0) {
    printf("%s: not found\n", name);
    exit(1);
  }
  printf("%s: %s\n", name, info.dli_fname);
}

int main(void) {
  say("malloc");
  say("free");
  say("posix_memalign");
  return 0;
}
