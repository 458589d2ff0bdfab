#include "core/os/vm.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <cstring>

#include "core/base/text.h"
#include "core/os/file.h"
#include "core/os/syscall.h"

#ifdef __SANITIZE_THREAD__
#  include <sanitizer/tsan_interface.h>
#endif

#ifndef MREMAP_DONTUNMAP
#  define MREMAP_DONTUNMAP 4
#endif

namespace heaptag::os {

namespace {

// What one thread gives back comes before what another one gets at the same place. ThreadSanitizer
// does not see the kernel's part in that.
#ifdef __SANITIZE_THREAD__
char kernel;

void gives_to_kernel() {
  __tsan_release(&kernel);
}

void gets_from_kernel() {
  __tsan_acquire(&kernel);
}
#else
void gives_to_kernel() {}

void gets_from_kernel() {}
#endif

long mmap_raw(void* at, size_t size_bytes, int protection, int flags) {
  const long result =
      raw_syscall(SYS_mmap, reinterpret_cast<long>(at), static_cast<long>(size_bytes), protection,
                  MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  gets_from_kernel();
  return result;
}

}  // namespace

void* reserve(size_t size_bytes) {
  // Not MAP_NORESERVE: nothing is charged for PROT_NONE, and what is committed later has to be.
  const long result = mmap_raw(nullptr, size_bytes, PROT_NONE, 0);
  return is_error(result) ? nullptr : reinterpret_cast<void*>(result);
}

void* reserve_uncharged(size_t size_bytes) {
  const long result = mmap_raw(nullptr, size_bytes, PROT_NONE, MAP_NORESERVE);
  if (is_error(result)) {
    return nullptr;
  }
  raw_syscall(SYS_madvise, result, static_cast<long>(size_bytes), MADV_DONTDUMP);
  return reinterpret_cast<void*>(result);
}

bool reserve_at(void* address, size_t size_bytes) {
  const long result = mmap_raw(address, size_bytes, PROT_NONE, MAP_FIXED_NOREPLACE);
  if (is_error(result)) {
    return false;
  }
  if (reinterpret_cast<void*>(result) != address) {  // kernels before 4.17 take it for a wish
    unmap(reinterpret_cast<void*>(result), size_bytes);
    return false;
  }
  return true;
}

bool commit(void* address, size_t size_bytes) {
  // Not a new mapping in its place: kernels before 6.12 have taken the old one away when they
  // refuse.
  return !is_error(raw_syscall(SYS_mprotect, reinterpret_cast<long>(address),
                               static_cast<long>(size_bytes), PROT_READ | PROT_WRITE));
}

void* map_pages(size_t size_bytes) {
  const long result = mmap_raw(nullptr, size_bytes, PROT_READ | PROT_WRITE, 0);
  return is_error(result) ? nullptr : reinterpret_cast<void*>(result);
}

void unmap(void* address, size_t size_bytes) {
  gives_to_kernel();
  raw_syscall(SYS_munmap, reinterpret_cast<long>(address), static_cast<long>(size_bytes));
}

bool purge(void* address, size_t size_bytes) {
  return !is_error(raw_syscall(SYS_madvise, reinterpret_cast<long>(address),
                               static_cast<long>(size_bytes), MADV_DONTNEED));
}

bool hide(void* address, size_t size_bytes) {
  return !is_error(raw_syscall(SYS_mprotect, reinterpret_cast<long>(address),
                               static_cast<long>(size_bytes), PROT_NONE));
}

long lock_pages(void* address, size_t size_bytes) {
  return raw_syscall(SYS_mlock, reinterpret_cast<long>(address), static_cast<long>(size_bytes));
}

namespace {
constinit bool all_locked = false;
}

void note_all_locked(bool is_locked) {
  __atomic_store_n(&all_locked, is_locked, __ATOMIC_RELAXED);
}

bool is_all_locked() {
  return __atomic_load_n(&all_locked, __ATOMIC_RELAXED);
}

void unlock_pages(void* address, size_t size_bytes) {
  raw_syscall(SYS_munlock, reinterpret_cast<long>(address), static_cast<long>(size_bytes));
}

void put_in_core(void* address, size_t size_bytes) {
  raw_syscall(SYS_madvise, reinterpret_cast<long>(address), static_cast<long>(size_bytes),
              MADV_DODUMP);
}

bool wipe_on_fork(void* address, size_t size_bytes) {
  return !is_error(raw_syscall(SYS_madvise, reinterpret_cast<long>(address),
                               static_cast<long>(size_bytes), MADV_WIPEONFORK));
}

namespace {

long remap_raw(void* from, size_t size_bytes, int flags, void* to) {
  return raw_syscall(SYS_mremap, reinterpret_cast<long>(from), static_cast<long>(size_bytes),
                     static_cast<long>(size_bytes), flags, reinterpret_cast<long>(to));
}

}  // namespace

Moved move_pages(void* from, void* to, size_t size_bytes) {
  // DONTUNMAP keeps the old range ours: a hole could be filled by another thread's mmap. In two
  // steps, because a move to a fixed place unmaps that place before it finds out that the source is
  // more than one mapping.
  const long between = remap_raw(from, size_bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, nullptr);
  if (is_error(between)) {
    return Moved::kNo;
  }
  void* pages = reinterpret_cast<void*>(between);
  if (!is_error(remap_raw(pages, size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to))) {
    return Moved::kYes;
  }
  // Back by a copy: that cannot be refused, and another move could leave a hole here, too.
  std::memcpy(from, pages, size_bytes);
  unmap(pages, size_bytes);
  return is_error(mmap_raw(to, size_bytes, PROT_READ | PROT_WRITE, MAP_FIXED)) ? Moved::kNoAndHole
                                                                               : Moved::kNo;
}

namespace {

size_t limit_of(int resource) {
  rlimit limit{};
  if (is_error(raw_syscall(SYS_prlimit64, 0, resource, 0, reinterpret_cast<long>(&limit)))) {
    return SIZE_MAX;
  }
  return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : limit.rlim_cur;
}

constexpr size_t kUsualMappings = 65530;

// A number in /proc; `otherwise` where there is none.
size_t read_number(const char* path, size_t otherwise) {
  char text[32];
  uint64_t number = 0;
  return read_file(path, text, sizeof(text)) > 0 && read_leading_number(text, &number) ? number
                                                                                       : otherwise;
}

}  // namespace

size_t address_space_limit() {
  return limit_of(RLIMIT_AS);
}

size_t locked_memory_limit() {
  return limit_of(RLIMIT_MEMLOCK);
}

size_t mapping_limit() {
  static constinit size_t known = 0;
  if (known == 0) {
    known = read_number("/proc/sys/vm/max_map_count", kUsualMappings);
  }
  return known;
}

bool is_always_charged() {
  static constinit int known = -1;
  if (known < 0) {
    known = read_number("/proc/sys/vm/overcommit_memory", 0) == 2 ? 1 : 0;
  }
  return known != 0;
}

}  // namespace heaptag::os
