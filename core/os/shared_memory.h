// Memory that processes share: files without a name (memfd) or in /dev/shm, and their mappings.
// Layer: core/os.  Allocates: no.  Signals: safe.  errno: never touched.
// Functions that return a long or an int give a negative errno when the kernel refuses.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// What a mapping allows; the values are the kernel's.
inline constexpr uint32_t kMayRead = 1;
inline constexpr uint32_t kMayWrite = 2;
inline constexpr uint32_t kMayExecute = 4;

struct FileFacts {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;
  uint64_t memory_bytes = 0;  // pages that it has, in memory or swapped out
  uint32_t owner = 0;
  uint32_t links = 0;
  bool is_regular = false;
  bool is_private = false;  // no rights for group and others
};

/// A file without a name, that lives as long as a descriptor or a mapping of it. `name` shows in
/// /proc/PID/maps. The descriptor is close-on-exec and out of the way of the program.
int create_memory_file(const char* name);

/// Opens for reading and writing; never follows a symbolic link, unless it is one of /proc.
int open_shared_file(const char* path, bool is_in_proc);

/// A new file in /dev/shm, 0600.
int create_shared_file(const char* path);

/// A file that has no name until publish_file gives it one: nobody sees it half made.
int create_unnamed_file(const char* folder);
long publish_file(int fd, const char* path);

long read_facts(int fd, FileFacts* facts);
long read_facts_of_path(const char* path, bool follow, FileFacts* facts);

long set_file_size(int fd, size_t size_bytes);

/// 0600, whatever the umask.
void make_private(int fd);

/// So that touching it later cannot fail for want of memory.
long give_memory(int fd, size_t offset, size_t size_bytes);

/// Gives the memory of a range back; it reads as zero. The size stays.
long punch_hole(int fd, size_t offset, size_t size_bytes);

/// What has memory in `from` is copied to the same place in `to`, holes stay holes.
long copy_memory_file(int from, int to, size_t size_bytes);

/// Bytes of the file that are in memory now, and bytes that have been pushed out. False where only
/// an estimate of the first is to be had.
bool count_cached(int fd, size_t size_bytes, uint64_t* resident_bytes, uint64_t* evicted_bytes);

/// Where: anywhere (null), or at a place that has to be free (-EEXIST else).
long map_shared(int fd, size_t size_bytes, uint32_t rights, void* at);

/// In the place of whatever is there.
long map_shared_over(int fd, size_t size_bytes, uint32_t rights, void* at);

/// In place; the range must be one mapping.
long grow_mapping(void* at, size_t old_bytes, size_t new_bytes);

long protect(void* at, size_t size_bytes, uint32_t rights);

/// Keeps pages in memory: all of them from now on, or each from its first use on.
long lock_memory(void* at, size_t size_bytes, bool on_first_use);
void unlock_memory(void* at, size_t size_bytes);

/// Makes one large page of each aligned 2 MiB. -EINVAL where the kernel cannot.
inline constexpr size_t kLargePageBytes = size_t{2} << 20;
long collapse(void* at, size_t size_bytes);

/// The physical page behind an address; 0: not known to whoever asks.
uint64_t frame_of(const void* at);

void leave_out_of_core(void* at, size_t size_bytes);

/// Memory and swap of the machine, and how much of its memory could be had now.
uint64_t machine_memory_bytes();
uint64_t available_memory_bytes();

/// Room in the file system that the file is in.
uint64_t room_beside(int fd);

uint32_t effective_user();

/// A number that is this process's PID namespace.
uint64_t pid_namespace();

}  // namespace heaptag::os
