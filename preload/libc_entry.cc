// The C entry points: argument rules and errno as glibc 2.36 has them, then one call into
// core/allocator. Each reads its own return address, which is the call site: none may be inlined or
// tail-called by another.
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/allocator/allocator.h"
#include "core/allocator/checked.h"
#include "core/allocator/remote_free.h"
#include "core/heap/page_heap.h"
#include "preload/entry.h"
#include "preload/next.h"
#include "preload/own_names.h"

namespace heaptag {

namespace {

constexpr size_t kPage = 4096;

[[gnu::always_inline]] inline void* or_enomem(void* block) {
  if (unlikely(block == nullptr)) {
    errno = ENOMEM;
  }
  return block;
}

[[gnu::noinline]] void* allocate_or_enomem(size_t size, uintptr_t site, allocator::Slot* slot) {
  if (allocator::stands_aside()) {
    return call_next<"malloc", void*>(size);
  }
  return or_enomem(allocator::allocate_slow(size, site, slot));
}

[[gnu::noinline]] void free_slow(void* block, heap::Span* span) {
  if (allocator::free_into_batch(block, span)) {
    return;
  }
  if (allocator::is_checked(span)) {
    return allocator::deallocate_checked(block, span, HEAPTAG_CALLER(), safety::Family::kMalloc);
  }
  if (allocator::stands_aside()) {
    return call_next<"free", void>(block);
  }
  allocator::deallocate_slow(block, {HEAPTAG_CALLER(), safety::Family::kMalloc});
}

void* fail_enomem(uintptr_t site) {
  allocator::count_failure(site);
  errno = ENOMEM;
  return nullptr;
}

// glibc rounds an alignment that is no power of two up, and fails beyond PTRDIFF_MAX.
void* memalign_at(size_t alignment, size_t size, uintptr_t site) {
  if (alignment > size_t{PTRDIFF_MAX} + 1) {
    errno = EINVAL;
    return nullptr;
  }
  size_t power = allocator::kMinAlignment;
  while (power < alignment) {
    power *= 2;
  }
  if (size > PTRDIFF_MAX) {
    return fail_enomem(site);
  }
  return or_enomem(allocator::allocate_aligned(power, size, site));
}

// Of a block that there is. Reached by a tail call only: the frame is the entry point's.
[[gnu::noinline]] void* realloc_block(void* block, size_t size) {
  if (allocator::stands_aside()) {
    return call_next<"realloc", void*>(block, size);
  }
  if (size == 0) {
    const uintptr_t pc = HEAPTAG_FRAME()->caller_pc;
    allocator::deallocate_or(block, [=](heap::Span* /*span*/) {
      allocator::deallocate_slow(block, {pc, safety::Family::kMalloc});
    });
    return nullptr;
  }
  const uintptr_t site = HEAPTAG_SITE();
  if (size > PTRDIFF_MAX) {
    return fail_enomem(site);
  }
  return or_enomem(allocator::reallocate(block, size, site, HEAPTAG_FRAME()->caller_pc));
}

// Of an entry point that has no frame.
[[gnu::always_inline]] inline void* malloc_for(size_t size, uintptr_t caller) {
  return allocator::allocate<allocate_or_enomem,
                             allocator::allocate_for_caller<allocate_or_enomem>>(size, caller);
}

[[gnu::always_inline]] inline void free_block(void* block) {
  allocator::deallocate_or(block, [=](heap::Span* span) { free_slow(block, span); });
}

// For what the C library does not have (any more, or yet): there is nobody behind us, so it is what
// everybody calls free.
[[gnu::noinline]] void free_bound_slow(void* block, size_t size) {
  if (allocator::stands_aside()) {
    return ::free(block);
  }
  allocator::deallocate_slow(block, {HEAPTAG_CALLER(), safety::Family::kMalloc, size});
}

[[gnu::always_inline]] inline void free_bound(void* block, size_t size = 0) {
  allocator::deallocate_or(block, [=](heap::Span* /*span*/) { free_bound_slow(block, size); });
}

// Where it is nobody's we may stand aside.
[[gnu::noinline]] size_t rare_usable_size(void* block) {
  const size_t bytes = allocator::usable_size(block);
  return bytes == 0 && allocator::stands_aside() ? call_next<"malloc_usable_size", size_t>(block)
                                                 : bytes;
}

[[gnu::noinline, gnu::cold]] void* calloc_failed(size_t count, size_t size) {
  if (allocator::stands_aside()) {
    return call_next<"calloc", void*>(count, size);
  }
  return or_enomem(nullptr);
}

}  // namespace

}  // namespace heaptag

extern "C" {

HEAPTAG_EXPORT void* malloc(size_t size) {
  return heaptag::malloc_for(size, HEAPTAG_CALLER());
}

HEAPTAG_EXPORT void free(void* block) {
  heaptag::free_block(block);
}

HEAPTAG_EXPORT void* calloc(size_t count, size_t size) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX) {
    return heaptag::fail_enomem(HEAPTAG_SITE());
  }
  void* block = heaptag::allocator::allocate_zeroed(bytes, HEAPTAG_FRAME());
  return heaptag::likely(block != nullptr) ? block : heaptag::calloc_failed(count, size);
}

HEAPTAG_EXPORT void* realloc(void* block, size_t size) {
  return block == nullptr ? heaptag::malloc_for(size, HEAPTAG_CALLER())
                          : heaptag::realloc_block(block, size);
}

HEAPTAG_EXPORT void* reallocarray(void* block, size_t count, size_t size) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"reallocarray", void*>(block, count, size);
  }
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    bytes = SIZE_MAX;  // more than there can be: it fails as such
  }
  return block == nullptr ? heaptag::malloc_for(bytes, HEAPTAG_CALLER())
                          : heaptag::realloc_block(block, bytes);
}

HEAPTAG_EXPORT void* memalign(size_t alignment, size_t size) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"memalign", void*>(alignment, size);
  }
  return heaptag::memalign_at(alignment, size, HEAPTAG_SITE());
}

HEAPTAG_EXPORT void* aligned_alloc(size_t alignment, size_t size) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"aligned_alloc", void*>(alignment, size);
  }
  return heaptag::memalign_at(alignment, size, HEAPTAG_SITE());
}

HEAPTAG_EXPORT int posix_memalign(void** result, size_t alignment, size_t size) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"posix_memalign", int>(result, alignment, size);
  }
  if (!heaptag::is_power_of_two(alignment) || alignment % sizeof(void*) != 0) {
    return EINVAL;
  }
  void* block = size > PTRDIFF_MAX ? heaptag::fail_enomem(HEAPTAG_SITE())
                                   : heaptag::memalign_at(alignment, size, HEAPTAG_SITE());
  if (block == nullptr) {
    errno = ENOMEM;  // as glibc, beside the return value
    return ENOMEM;
  }
  *result = block;
  return 0;
}

HEAPTAG_EXPORT void* valloc(size_t size) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"valloc", void*>(size);
  }
  return heaptag::memalign_at(heaptag::kPage, size, HEAPTAG_SITE());
}

HEAPTAG_EXPORT void* pvalloc(size_t size) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"pvalloc", void*>(size);
  }
  if (size > PTRDIFF_MAX - heaptag::kPage) {
    return heaptag::fail_enomem(HEAPTAG_SITE());
  }
  return heaptag::memalign_at(heaptag::kPage, heaptag::align_up(size, heaptag::kPage),
                              HEAPTAG_SITE());
}

HEAPTAG_EXPORT void cfree(void* block) {
  heaptag::free_bound(block);
}

HEAPTAG_EXPORT void free_sized(void* block, size_t size) {
  heaptag::free_bound(block, size);
}

HEAPTAG_EXPORT void free_aligned_sized(void* block, size_t /*alignment*/, size_t size) {
  heaptag::free_bound(block, size);
}

HEAPTAG_EXPORT size_t malloc_usable_size(void* block) {
  return heaptag::allocator::usable_size_or(block,
                                            [=] { return heaptag::rare_usable_size(block); });
}

HEAPTAG_EXPORT int malloc_trim(size_t keep_bytes) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"malloc_trim", int>(keep_bytes);
  }
  return heaptag::allocator::release_free_memory(keep_bytes) ? 1 : 0;
}

HEAPTAG_EXPORT int mallopt(int parameter, int value) {
  return heaptag::allocator::stands_aside() ? heaptag::call_next<"mallopt", int>(parameter, value)
                                            : 1;
}

HEAPTAG_EXPORT struct mallinfo2 mallinfo2(void) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"mallinfo2", struct mallinfo2>();
  }
  const heaptag::heap::PageHeapFigures figures = heaptag::heap::page_heap_figures();

  struct mallinfo2 info {};

  info.arena = figures.used_bytes + figures.dirty_bytes;
  info.uordblks = figures.used_bytes;
  info.fordblks = figures.dirty_bytes;
  info.keepcost = figures.dirty_bytes;
  return info;
}

HEAPTAG_EXPORT struct mallinfo mallinfo(void) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"mallinfo", struct mallinfo>();
  }
  const heaptag::heap::PageHeapFigures figures = heaptag::heap::page_heap_figures();

  struct mallinfo info {};

  info.arena = static_cast<int>(figures.used_bytes + figures.dirty_bytes);
  info.uordblks = static_cast<int>(figures.used_bytes);
  info.fordblks = static_cast<int>(figures.dirty_bytes);
  info.keepcost = info.fordblks;
  return info;
}

// The next two write to streams of the program because it asked for that.
HEAPTAG_EXPORT void malloc_stats(void) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"malloc_stats", void>();
  }
  const heaptag::heap::PageHeapFigures figures = heaptag::heap::page_heap_figures();
  const size_t system_bytes = figures.used_bytes + figures.dirty_bytes;
  // glibc's lines, which scripts look for.
  fprintf(stderr, "Arena 0:\nsystem bytes     = %10zu\nin use bytes     = %10zu\n", system_bytes,
          figures.used_bytes);
  fprintf(stderr, "Total (incl. mmap):\nsystem bytes     = %10zu\nin use bytes     = %10zu\n",
          system_bytes, figures.used_bytes);
  fprintf(stderr, "max mmap regions = %10u\nmax mmap bytes   = %10u\n", 0U, 0U);
}

HEAPTAG_EXPORT int malloc_info(int options, FILE* stream) {
  if (heaptag::allocator::stands_aside()) {
    return heaptag::call_next<"malloc_info", int>(options, stream);
  }
  if (options != 0) {
    return EINVAL;
  }
  const heaptag::heap::PageHeapFigures figures = heaptag::heap::page_heap_figures();
  fprintf(
      stream,
      "<malloc version=\"heaptag-1\">\n<heap nr=\"0\">\n"
      "<system type=\"current\" size=\"%zu\"/>\n<total type=\"rest\" count=\"1\" size=\"%zu\"/>\n"
      "</heap>\n<system type=\"current\" size=\"%zu\"/>\n</malloc>\n",
      figures.used_bytes + figures.dirty_bytes, figures.dirty_bytes,
      figures.used_bytes + figures.dirty_bytes);
  return 0;
}

// Asked for before anything of ours is made: are these the functions that everybody is bound to?
void* heaptag_own_malloc(size_t size) __attribute__((alias("malloc")));
void heaptag_own_free(void* block) __attribute__((alias("free")));
void* heaptag_own_calloc(size_t count, size_t size) __attribute__((alias("calloc")));
void* heaptag_own_realloc(void* block, size_t size) __attribute__((alias("realloc")));

// Old binaries and libraries call libc's own names.
HEAPTAG_EXPORT void* __libc_malloc(size_t size) __attribute__((alias("malloc")));
HEAPTAG_EXPORT void __libc_free(void* block) __attribute__((alias("free")));
HEAPTAG_EXPORT void* __libc_calloc(size_t count, size_t size) __attribute__((alias("calloc")));
HEAPTAG_EXPORT void* __libc_realloc(void* block, size_t size) __attribute__((alias("realloc")));
HEAPTAG_EXPORT void* __libc_memalign(size_t alignment, size_t size)
    __attribute__((alias("memalign")));
HEAPTAG_EXPORT void* __libc_valloc(size_t size) __attribute__((alias("valloc")));
HEAPTAG_EXPORT void* __libc_pvalloc(size_t size) __attribute__((alias("pvalloc")));

}  // extern "C"
