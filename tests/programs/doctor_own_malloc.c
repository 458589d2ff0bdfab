// Has a malloc of its own, which the loader takes before that of any library.
#include <stddef.h>
#include <string.h>

static char room[1 << 20] __attribute__((aligned(16)));
static size_t used_bytes;

void* malloc(size_t size_bytes) {
  size_t rounded = (size_bytes + 15) & ~(size_t)15;
  if (rounded > sizeof room - used_bytes) {
    return NULL;
  }
  used_bytes += rounded;
  return room + used_bytes - rounded;
}

void free(void* block) {
  (void)block;
}

void* calloc(size_t count, size_t size_bytes) {
  return malloc(count * size_bytes);
}

void* realloc(void* block, size_t size_bytes) {
  void* moved = malloc(size_bytes);
  if (moved != NULL && block != NULL) {
    memmove(moved, block, size_bytes);  // what lies behind it is room, too
  }
  return moved;
}

int main(void) {
  void* block = malloc(100);
  free(block);
  return block == NULL;
}
