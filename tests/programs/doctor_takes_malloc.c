// Takes the addresses of malloc and free without being position-independent: they are undefined in
// it, with an address of its own. It has no malloc.
#include <stdlib.h>

void* (*volatile allocate)(size_t) = malloc;
void (*volatile release)(void*) = free;

int main(void) {
  void* block = allocate(100);
  release(block);
  return block == NULL;
}
