// Files, by raw system calls: reports, messages, and the little that is read from /proc.
// Layer: core/os.  Allocates: no.  Signals: safe.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// A whole file, mapped read-only. `data` is null when it could not be mapped.
struct MappedFile {
  const uint8_t* data = nullptr;
  size_t size_bytes = 0;
};

/// Maps a file. Owns: the caller, until unmap_file. The descriptor used is closed before it
/// returns.
MappedFile map_file(const char* path);

void unmap_file(MappedFile file);

/// Reads up to `capacity - 1` bytes of a file and ends them with NUL.
/// Returns the number of bytes, or a negative errno.
long read_file(const char* path, char* buffer, size_t capacity);

/// Opens a new file for writing (O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode 0600 by `mode`).
/// Returns the descriptor or a negative errno.
int create_file(const char* path, unsigned mode);

/// Opens a file for appending, creating it if need be. A pipe that nobody reads is an error, not a
/// reason to wait. Returns the descriptor or a negative errno.
int append_file(const char* path, unsigned mode);

/// A second descriptor for the same open file. Returns it or a negative errno.
int duplicate_file(int fd);

/// Writes everything, whatever write(2) returns in between. False on an error.
bool write_all(int fd, const void* data, size_t size_bytes);

void close_file(int fd);

/// Reads a symbolic link into `buffer`, NUL-terminated. Returns its length or a negative errno.
long read_link(const char* path, char* buffer, size_t capacity);

/// Gives a file another name in the same file system, one that nothing has. Returns 0 or a negative
/// errno: EEXIST when something has it.
long rename_new(const char* from, const char* to);

void remove_file(const char* path);

/// Is there anything by that name, be it a link to nowhere?
bool exists(const char* path);

/// Is there something that is neither a regular file nor a directory?
bool is_device_or_pipe(const char* path);

bool is_directory(const char* path);

/// The current directory, NUL-terminated. Returns a positive number, or a negative errno.
long current_directory(char* buffer, size_t capacity);

}  // namespace heaptag::os
