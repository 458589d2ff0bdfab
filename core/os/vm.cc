#include "core/os/vm.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "core/os/syscall.h"

#ifndef MREMAP_DONTUNMAP
#  define MREMAP_DONTUNMAP 4
#endif

namespace heaptag::os {

namespace {

long mmap_raw(void* at, size_t size_bytes, int protection, int flags) {
  return raw_syscall(SYS_mmap, reinterpret_cast<long>(at), static_cast<long>(size_bytes),
                     protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

}  // namespace

void* reserve(size_t size_bytes) {
  const long result = mmap_raw(nullptr, size_bytes, PROT_NONE, MAP_NORESERVE);
  return is_error(result) ? nullptr : reinterpret_cast<void*>(result);
}

bool commit(void* address, size_t size_bytes) {
  // A fresh mapping rather than mprotect: sandboxes that programs set up for themselves allow mmap.
  return !is_error(mmap_raw(address, size_bytes, PROT_READ | PROT_WRITE, MAP_FIXED));
}

void* map_pages(size_t size_bytes) {
  const long result = mmap_raw(nullptr, size_bytes, PROT_READ | PROT_WRITE, 0);
  return is_error(result) ? nullptr : reinterpret_cast<void*>(result);
}

void unmap(void* address, size_t size_bytes) {
  raw_syscall(SYS_munmap, reinterpret_cast<long>(address), static_cast<long>(size_bytes));
}

bool purge(void* address, size_t size_bytes) {
  return !is_error(raw_syscall(SYS_madvise, reinterpret_cast<long>(address),
                               static_cast<long>(size_bytes), MADV_DONTNEED));
}

bool move_pages(void* from, void* to, size_t size_bytes) {
  // DONTUNMAP keeps the old range ours: a hole could be filled by another thread's mmap.
  return !is_error(raw_syscall(SYS_mremap, reinterpret_cast<long>(from),
                               static_cast<long>(size_bytes), static_cast<long>(size_bytes),
                               MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
                               reinterpret_cast<long>(to)));
}

size_t address_space_limit() {
  rlimit limit{};
  if (is_error(raw_syscall(SYS_prlimit64, 0, RLIMIT_AS, 0, reinterpret_cast<long>(&limit)))) {
    return SIZE_MAX;
  }
  return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : limit.rlim_cur;
}

}  // namespace heaptag::os
