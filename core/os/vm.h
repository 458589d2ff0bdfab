// Address space and memory from the kernel.
// Layer: core/os.  Allocates: no.  Locks: none.  Signals: safe.  errno: never touched.
// Pre-conditions of all: sizes and addresses are multiples of the page size (4096 bytes).
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

inline constexpr size_t kPageBytes = 4096;

/// Address space without memory (PROT_NONE, not charged). Returns null when the kernel refuses.
void* reserve(size_t size_bytes);

/// The same at a place that is free. False when it is not.
bool reserve_at(void* address, size_t size_bytes);

/// Address space whose memory is never charged, where the kernel allows that: what is committed and
/// hidden again is as it was before. Not in core files, until put_in_core.
void* reserve_uncharged(size_t size_bytes);

/// Makes reserved address space readable and writable, and charges it; it reads as zero. False when
/// the kernel refuses: then nothing has changed.
bool commit(void* address, size_t size_bytes);

/// Readable, writable, zeroed memory of its own. Returns null when the kernel refuses.
void* map_pages(size_t size_bytes);

/// Gives the address space back.
void unmap(void* address, size_t size_bytes);

/// Gives the memory back and keeps the address space, which reads as zero afterwards. False when
/// refused.
bool purge(void* address, size_t size_bytes);

/// Nobody may touch the pages any more; what is in them stays. False when refused.
bool hide(void* address, size_t size_bytes);

/// The pages are in memory from now on, and stay there / may leave it again. 0, or a negative
/// errno.
long lock_pages(void* address, size_t size_bytes);
void unlock_pages(void* address, size_t size_bytes);

/// The program has locked all of its memory (mlockall), or does so no more.
void note_all_locked(bool is_locked);
bool is_all_locked();

/// What is in the pages is written to core files.
void put_in_core(void* address, size_t size_bytes);

/// A forked child finds zeros there. False before Linux 4.14.
bool wipe_on_fork(void* address, size_t size_bytes);

enum class Moved { kYes, kNo, kNoAndHole };

/// Moves the pages at `from` to `to` (both mapped, same size) without copying; `from` reads as zero
/// afterwards. When the kernel refuses, the content is where it was; kNoAndHole: and `to` may not
/// be mapped any more.
Moved move_pages(void* from, void* to, size_t size_bytes);

/// The limit on address space (RLIMIT_AS) in bytes; SIZE_MAX without one.
size_t address_space_limit();

/// The same for memory that may be locked (RLIMIT_MEMLOCK).
size_t locked_memory_limit();

/// How many mappings the process may have.
size_t mapping_limit();

/// Is memory charged when it is committed, whatever was asked for (vm.overcommit_memory is 2)?
bool is_always_charged();

}  // namespace heaptag::os
