// An allocator of a program's own: blocks of a fixed area that are never used again, each behind a
// header, so that no other free can take one. OWN_MALLOC, OWN_FREE, OWN_CALLOC, OWN_REALLOC and
// OWN_REST say which functions there are; what is not theirs goes to libc's, by its other names.
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef OWN
#  define OWN __attribute__((visibility("default"), noinline, noclone))
#endif

extern void __libc_free(void*);
extern void* __libc_realloc(void*, size_t);

struct Header {
  size_t size;
  size_t magic;
};

enum { kAreaBytes = 64 << 20, kMagic = 0x5eed };

static char area[kAreaBytes] __attribute__((aligned(4096)));
static size_t area_used;
static int mallocs, frees, callocs, reallocs, others, strangers;

static inline int is_own(const void* p) {
  return (const char*)p >= area && (const char*)p < area + kAreaBytes;
}

static inline size_t own_size(const void* p) {
  const struct Header* header = (const struct Header*)p - 1;
  if (header->magic != kMagic) {
    abort();
  }
  return header->size;
}

static inline void* take(size_t alignment, size_t size) {
  const size_t least = alignment < 16 ? 16 : alignment;
  size_t at =
      __atomic_fetch_add(&area_used, size + least + sizeof(struct Header) + 16, __ATOMIC_RELAXED);
  at = (at + sizeof(struct Header) + least - 1) / least * least;
  if (at + size > kAreaBytes) {
    errno = ENOMEM;
    return NULL;
  }
  struct Header* header = (struct Header*)(area + at) - 1;
  header->size = size;
  header->magic = kMagic;
  return area + at;
}

#ifdef OWN_MALLOC
OWN void* malloc(size_t size) {
  mallocs++;
  return take(16, size);
}
#endif

#ifdef OWN_FREE
OWN void free(void* p) {
  frees++;
  if (p == NULL) {
    return;
  }
  if (is_own(p)) {
    own_size(p);
    return;
  }
  strangers++;
  __libc_free(p);
}
#endif

#ifdef OWN_CALLOC
OWN void* calloc(size_t count, size_t size) {
  callocs++;
  return take(16, count * size);
}
#endif

#ifdef OWN_REALLOC
OWN void* realloc(void* p, size_t size) {
  reallocs++;
  if (p == NULL || is_own(p)) {
    void* q = take(16, size);
    if (p != NULL && q != NULL) {
      const size_t old = own_size(p);
      memcpy(q, p, old < size ? old : size);
    }
    return q;
  }
  strangers++;
  return __libc_realloc(p, size);
}
#endif

#ifdef OWN_REST
OWN void* memalign(size_t alignment, size_t size) {
  others++;
  return take(alignment, size);
}

OWN void* aligned_alloc(size_t alignment, size_t size) {
  others++;
  return take(alignment, size);
}

OWN int posix_memalign(void** result, size_t alignment, size_t size) {
  others++;
  *result = take(alignment, size);
  return *result == NULL ? ENOMEM : 0;
}

OWN void* valloc(size_t size) {
  others++;
  return take(4096, size);
}

OWN void* pvalloc(size_t size) {
  others++;
  return take(4096, (size + 4095) / 4096 * 4096);
}

OWN size_t malloc_usable_size(void* p) {
  others++;
  return p == NULL ? 0 : own_size(p);
}
#endif
