// Takes the addresses of malloc and free without being position-independent: they are undefined in
// it, with addresses of stubs of its own. It has no malloc.
#include <stdlib.h>

static void* (*volatile allocate)(size_t);
static void (*volatile release)(void*);

int main(void) {
  allocate = malloc;
  release = free;
  void* block = allocate(100);
  release(block);
  return block == NULL;
}
