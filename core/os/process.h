// The process itself: ids, usage, exits, limits of privilege.
// Layer: core/os.  Allocates: no.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

uint32_t process_id();
uint32_t parent_id();

/// Loaded with more rights than whoever started it (setuid, file capabilities)?
bool is_privileged();

/// Is there a filter of system calls (seccomp)? Then a file may not be opened without danger.
bool is_sandboxed();

/// Is a debugger there, or another tracer, which is shown every signal first?
bool is_traced();

/// The path that the kernel executed: where /proc is missing. May be relative.
const char* program_path();

/// Only one thread has ever been there.
bool is_single_threaded();

/// The most memory that was ever resident, in bytes.
uint64_t max_resident_bytes();

/// Node name, kernel release: copied, NUL-terminated.
void host_name(char* buffer, size_t capacity);
void kernel_release(char* buffer, size_t capacity);

/// "2.36"
const char* libc_version();

/// Runs `handler(status)` at exit() after every destructor of the program, if registered before any
/// of them; and at quick_exit().
void at_process_end(void (*handler)(int status));

/// Ends the process by SIGABRT; a handler of the program's is called first.
[[noreturn]] void abort_process();

/// Ends it at once: no handler is called.
[[noreturn]] void exit_process(int status);

/// Copies what can be read at an address of ours; nothing where nothing is mapped.
void read_own_memory(const void* from, void* to, size_t size_bytes);

/// Ends it by SIGKILL, as others may at any instruction.
[[noreturn]] void kill_process();

/// Writes out what stdio streams hold.
void flush_streams();

/// Frees what the C and C++ libraries keep for themselves until the end, as Valgrind has them do
/// before it counts. Flushes stdio. Only for a process that is in exit() with one thread.
void free_library_memory();

}  // namespace heaptag::os
