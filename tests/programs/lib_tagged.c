// A library whose memory a rule may name. Each call allocates one block of 71 bytes.
#include <stdlib.h>

void* tagged_make(void) {
  void* block = malloc(71);
  __asm__ volatile("" ::: "memory");
  return block;
}
