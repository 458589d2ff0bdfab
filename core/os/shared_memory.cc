#include "core/os/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstring>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/os/descriptor_guard.h"
#include "core/os/file.h"
#include "core/os/syscall.h"
#include "core/os/vm.h"

#ifndef SYS_cachestat
#  define SYS_cachestat 451
#endif
#ifndef MADV_COLLAPSE
#  define MADV_COLLAPSE 25
#endif
#ifndef MFD_EXEC
#  define MFD_EXEC 0x10U
#endif

namespace heaptag::os {

namespace {

constexpr int kStatBlockBytes = 512;

template <typename T>
long address_of(T* object) {
  return reinterpret_cast<long>(object);
}

// Where the program neither counts on numbers nor closes them one by one.
int move_out_of_the_way(long fd) {
  if (is_error(fd)) {
    return static_cast<int>(fd);
  }
  const GuardedDescriptor high = guard_descriptor(static_cast<int>(fd));
  if (high.fd < 0) {
    return static_cast<int>(fd);
  }
  close_file(static_cast<int>(fd));
  return high.fd;
}

long fill_facts(long result, const struct stat& info, FileFacts* facts) {
  if (is_error(result)) {
    return result;
  }
  facts->device = info.st_dev;
  facts->inode = info.st_ino;
  facts->size_bytes = static_cast<uint64_t>(info.st_size);
  facts->memory_bytes = static_cast<uint64_t>(info.st_blocks) * kStatBlockBytes;
  facts->owner = info.st_uid;
  facts->links = static_cast<uint32_t>(info.st_nlink);
  facts->is_regular = S_ISREG(info.st_mode);
  facts->is_private = (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  return 0;
}

// The kernel's struct cachestat_range and cachestat, which older headers do not have.
struct CacheRange {
  uint64_t offset;
  uint64_t size_bytes;
};

struct CacheFigures {
  uint64_t cached;
  uint64_t dirty;
  uint64_t written_back;
  uint64_t evicted;
  uint64_t recently_evicted;
};

}  // namespace

int create_memory_file(const char* name) {
  long fd = raw_syscall(SYS_memfd_create, address_of(name), MFD_CLOEXEC | MFD_EXEC);
  if (fd == -EINVAL) {  // before Linux 6.3
    fd = raw_syscall(SYS_memfd_create, address_of(name), MFD_CLOEXEC);
  }
  return move_out_of_the_way(fd);
}

int open_shared_file(const char* path, bool is_in_proc) {
  const int follow = is_in_proc ? 0 : O_NOFOLLOW;
  return move_out_of_the_way(raw_syscall(SYS_openat, AT_FDCWD, address_of(path),
                                         O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | follow, 0));
}

int create_shared_file(const char* path) {
  return move_out_of_the_way(raw_syscall(SYS_openat, AT_FDCWD, address_of(path),
                                         O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

int create_unnamed_file(const char* folder) {
  return move_out_of_the_way(
      raw_syscall(SYS_openat, AT_FDCWD, address_of(folder), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

long publish_file(int fd, const char* path) {
  char own[32];
  BufferSink text(own, sizeof(own));
  text.sink().put("/proc/self/fd/");
  text.sink().put(format_decimal(static_cast<uint64_t>(fd)).view());
  return raw_syscall(SYS_linkat, AT_FDCWD, address_of(own), AT_FDCWD, address_of(path),
                     AT_SYMLINK_FOLLOW);
}

long read_facts(int fd, FileFacts* facts) {
  struct stat info {};

  return fill_facts(raw_syscall(SYS_fstat, fd, address_of(&info)), info, facts);
}

long read_facts_of_path(const char* path, bool follow, FileFacts* facts) {
  struct stat info {};

  return fill_facts(raw_syscall(SYS_newfstatat, AT_FDCWD, address_of(path), address_of(&info),
                                follow ? 0 : AT_SYMLINK_NOFOLLOW),
                    info, facts);
}

long set_file_size(int fd, size_t size_bytes) {
  return raw_syscall(SYS_ftruncate, fd, static_cast<long>(size_bytes));
}

void make_private(int fd) {
  raw_syscall(SYS_fchmod, fd, S_IRUSR | S_IWUSR);
}

long give_memory(int fd, size_t offset, size_t size_bytes) {
  return raw_syscall(SYS_fallocate, fd, 0, static_cast<long>(offset),
                     static_cast<long>(size_bytes));
}

long punch_hole(int fd, size_t offset, size_t size_bytes) {
  return raw_syscall(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                     static_cast<long>(offset), static_cast<long>(size_bytes));
}

long copy_memory_file(int from, int to, size_t size_bytes) {
  const long size = static_cast<long>(size_bytes);
  for (long at = 0; at < size;) {
    const long data = raw_syscall(SYS_lseek, from, at, SEEK_DATA);
    if (data == -ENXIO || data >= size) {
      return 0;
    }
    const long hole = is_error(data) ? data : raw_syscall(SYS_lseek, from, data, SEEK_HOLE);
    if (is_error(hole)) {
      return hole;
    }
    const long end = hole < size ? hole : size;
    long offset = data;
    if (is_error(raw_syscall(SYS_lseek, to, data, SEEK_SET))) {
      return -EIO;
    }
    while (offset < end) {
      const long copied = raw_syscall(SYS_sendfile, to, from, address_of(&offset), end - offset);
      if (is_error(copied) && copied != -EINTR) {
        return copied;
      }
      if (copied == 0) {
        return -EIO;
      }
    }
    at = end;
  }
  return 0;
}

bool count_cached(int fd, size_t size_bytes, uint64_t* resident_bytes, uint64_t* evicted_bytes) {
  const CacheRange range{0, size_bytes};
  CacheFigures figures{};
  if (!is_error(raw_syscall(SYS_cachestat, fd, address_of(&range), address_of(&figures), 0))) {
    *resident_bytes = figures.cached * kPageBytes;
    *evicted_bytes = figures.evicted * kPageBytes;
    return true;
  }
  FileFacts facts;
  *resident_bytes = is_error(read_facts(fd, &facts)) ? 0 : facts.memory_bytes;
  *evicted_bytes = 0;
  return false;
}

long map_shared(int fd, size_t size_bytes, uint32_t rights, void* at) {
  const long result = raw_syscall(SYS_mmap, address_of(at), static_cast<long>(size_bytes),
                                  static_cast<long>(rights),
                                  MAP_SHARED | (at == nullptr ? 0 : MAP_FIXED_NOREPLACE), fd, 0);
  if (at != nullptr && !is_error(result) && reinterpret_cast<void*>(result) != at) {
    unmap(reinterpret_cast<void*>(result), size_bytes);  // before Linux 4.17
    return -EEXIST;
  }
  return result;
}

long map_shared_over(int fd, size_t size_bytes, uint32_t rights, void* at) {
  return raw_syscall(SYS_mmap, address_of(at), static_cast<long>(size_bytes),
                     static_cast<long>(rights), MAP_SHARED | MAP_FIXED, fd, 0);
}

long grow_mapping(void* at, size_t old_bytes, size_t new_bytes) {
  return raw_syscall(SYS_mremap, address_of(at), static_cast<long>(old_bytes),
                     static_cast<long>(new_bytes), 0);
}

long protect(void* at, size_t size_bytes, uint32_t rights) {
  return raw_syscall(SYS_mprotect, address_of(at), static_cast<long>(size_bytes),
                     static_cast<long>(rights));
}

long lock_memory(void* at, size_t size_bytes, bool on_first_use) {
  return raw_syscall(SYS_mlock2, address_of(at), static_cast<long>(size_bytes),
                     on_first_use ? MLOCK_ONFAULT : 0);
}

void unlock_memory(void* at, size_t size_bytes) {
  raw_syscall(SYS_munlock, address_of(at), static_cast<long>(size_bytes));
}

long collapse(void* at, size_t size_bytes) {
  return raw_syscall(SYS_madvise, address_of(at), static_cast<long>(size_bytes), MADV_COLLAPSE);
}

uint64_t frame_of(const void* at) {
  constexpr uint64_t kPresent = uint64_t{1} << 63;
  constexpr uint64_t kFrame = (uint64_t{1} << 55) - 1;
  static constexpr char kPath[] = "/proc/self/pagemap";
  const long fd =
      raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(kPath), O_RDONLY | O_CLOEXEC, 0);
  if (is_error(fd)) {
    return 0;
  }
  uint64_t entry = 0;
  const long read =
      raw_syscall(SYS_pread64, fd, address_of(&entry), sizeof(entry),
                  static_cast<long>(reinterpret_cast<uintptr_t>(at) / kPageBytes * sizeof(entry)));
  close_file(static_cast<int>(fd));
  return read == static_cast<long>(sizeof(entry)) && (entry & kPresent) != 0 ? entry & kFrame : 0;
}

void leave_out_of_core(void* at, size_t size_bytes) {
  raw_syscall(SYS_madvise, address_of(at), static_cast<long>(size_bytes), MADV_DONTDUMP);
}

uint64_t machine_memory_bytes() {
  struct sysinfo info {};

  if (is_error(raw_syscall(SYS_sysinfo, address_of(&info)))) {
    return UINT64_MAX;
  }
  return (static_cast<uint64_t>(info.totalram) + info.totalswap) * info.mem_unit;
}

uint64_t available_memory_bytes() {
  constexpr std::string_view kField = "MemAvailable:";
  char text[2048];
  if (read_file("/proc/meminfo", text, sizeof(text)) <= 0) {
    return UINT64_MAX;
  }
  const char* at = std::strstr(text, kField.data());
  if (at == nullptr) {
    return UINT64_MAX;
  }
  at += kField.size();
  while (*at == ' ') {
    ++at;
  }
  uint64_t kib = 0;
  return read_leading_number(at, &kib) ? kib * 1024 : UINT64_MAX;
}

uint64_t room_beside(int fd) {
  struct statfs info {};

  if (is_error(raw_syscall(SYS_fstatfs, fd, address_of(&info))) || info.f_blocks == 0) {
    return UINT64_MAX;
  }
  return static_cast<uint64_t>(info.f_bavail) * static_cast<uint64_t>(info.f_bsize);
}

uint32_t effective_user() {
  return static_cast<uint32_t>(raw_syscall(SYS_geteuid));
}

uint64_t pid_namespace() {
  FileFacts facts;
  return is_error(read_facts_of_path("/proc/self/ns/pid", true, &facts)) ? 0 : facts.inode;
}

}  // namespace heaptag::os
