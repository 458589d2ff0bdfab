// Holds one block at most, for ever: says "ready", then allocates and frees at full speed.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(void) {
  if (write(1, "ready\n", 6) != 6) {
    return 1;
  }
  for (;;) {
    void* block = malloc(1000);
    __asm__ volatile("" : : "r"(block) : "memory");
    free(block);
  }
}
