// A bad neighbour: overwrites everything around its own blocks, as far as it is mapped: the rest of
// every page that one of them touches, `REACH` pages more on both sides, live and freed neighbours
// alike; then goes on freeing, allocating and resizing, and ends. Only blocks of its own are near.
// hostile SIZE REACH VALUE             VALUE: what is written, 0 to 255; 256: something of
// everything Prints "wrote" when it has done so (at least one byte beyond its blocks), and "done"
// at the end.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kBlocks = 300, kPage = 4096, kAny = 256, kRanges = 4096 };

struct Range {
  uintptr_t start;
  uintptr_t end;
};

static unsigned char* blocks[kBlocks];
static size_t size;
static int value;
static struct Range writable[kRanges];
static int range_count;

// /proc/self/maps, without an allocation: what is private, anonymous and may be written.
static void read_map(void) {
  static char text[1 << 20];
  const int fd = open("/proc/self/maps", O_RDONLY);
  size_t length = 0;
  ssize_t got;
  while (length < sizeof text - 1 &&
         (got = read(fd, text + length, sizeof text - 1 - length)) > 0) {
    length += (size_t)got;
  }
  close(fd);
  text[length] = 0;
  for (char* line = text; *line != 0 && range_count < kRanges;) {
    char* end = strchr(line, '\n');
    unsigned long from, to, inode;
    char rights[5];
    if (end == NULL) {
      break;
    }
    *end = 0;
    if (sscanf(line, "%lx-%lx %4s %*x %*s %lu", &from, &to, rights, &inode) == 4 &&
        strcmp(rights, "rw-p") == 0 && inode == 0) {
      writable[range_count++] = (struct Range){from, to};
    }
    line = end + 1;
  }
}

static int can_write(uintptr_t page) {
  for (int i = 0; i < range_count; i++) {
    if (page >= writable[i].start && page < writable[i].end) {
      return 1;
    }
  }
  return 0;
}

static void overwrite(uintptr_t page) {
  volatile unsigned char* at = (volatile unsigned char*)page;
  for (int i = 0; i < kPage; i++) {
    at[i] = (unsigned char)(value == kAny ? i * 37 + (int)(page >> 12) : value);
  }
}

// From `page` on in steps of `step` pages, up to where nothing is mapped.
static void walk(uintptr_t page, long step, int pages) {
  for (; pages > 0 && can_write(page); pages--, page += (uintptr_t)(step * kPage)) {
    overwrite(page);
  }
}

// Large blocks are overwritten at their ends only, which is where others are.
static void overwrite_around(const unsigned char* block, int reach) {
  const uintptr_t first = (uintptr_t)block & ~(uintptr_t)(kPage - 1);
  const uintptr_t last = ((uintptr_t)block + size - 1) & ~(uintptr_t)(kPage - 1);
  walk(first, -1, reach + 1);
  walk(last, 1, reach + 1);
}

int main(int argc, char** argv) {
  static char out[1024];
  setvbuf(stdout, out, _IOLBF, sizeof out);
  if (argc != 4) {
    return 2;
  }
  size = strtoul(argv[1], NULL, 10);
  value = atoi(argv[3]);
  for (int i = 0; i < kBlocks; i++) {
    blocks[i] = malloc(size);
    memset(blocks[i], 7, size);
  }
  for (int i = 0; i < kBlocks; i += 3) {  // freed neighbours
    free(blocks[i]);
    blocks[i] = NULL;
  }
  read_map();
  for (int i = 0; i < kBlocks; i++) {
    if (blocks[i] != NULL) {
      overwrite_around(blocks[i], atoi(argv[2]));
    }
  }
  puts("wrote");
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < kBlocks; i++) {
      if (i % 5 == 1) {
        blocks[i] = realloc(blocks[i], size + (size_t)round);
      } else {
        free(blocks[i]);
        blocks[i] = i % 5 == 2 ? calloc(1, size) : malloc(size);
      }
      if (blocks[i] == NULL) {
        puts("no memory");
        return 3;
      }
      memset(blocks[i], round, size);
    }
  }
  for (int i = 0; i < kBlocks; i += 2) {
    free(blocks[i]);
  }
  puts("done");
  return 0;
}
