// An ELF file whose every byte is untrusted: truncated, corrupt, or made to hurt.
// Layer: core/elf.  Allocates: no.  Signals: safe.
// Invariant: nothing outside of [data, data + size) is ever read, whatever the bytes say. What the
// headers claim is checked when it is used, and never believed twice.
#pragma once

#include <elf.h>

#include <cstring>
#include <string_view>

#include "core/base/types.h"

namespace heaptag::elf {

/// Bytes of a file that are known to lie in it.
struct FileRange {
  const uint8_t* data = nullptr;
  size_t size_bytes = 0;

  bool is_empty() const { return size_bytes == 0; }
};

/// Reads 64-bit little-endian ELF. Borrows: the bytes, which the caller keeps mapped.
class ElfFile {
 public:
  ElfFile() = default;

  /// What is no ELF file of this kind, or has no usable section table, has no sections.
  ElfFile(const uint8_t* data, size_t size_bytes);

  bool is_elf() const { return is_elf_; }

  /// At most what the file has room for.
  uint64_t section_count() const { return section_count_; }

  /// The entry of a section; one of type SHT_NULL when there is none. What it says of the contents
  /// may lie outside of the file: ask for them.
  Elf64_Shdr section(uint64_t index) const;

  /// The contents of a section; empty when it has none in the file or lies outside of it.
  FileRange contents(const Elf64_Shdr& section) const;

  /// Cost: O(name), however long the name in the file is.
  bool has_name(const Elf64_Shdr& section, std::string_view name) const;

  /// The GNU build-id as raw bytes, lent as long as the file is mapped; empty when there is none.
  FileRange build_id() const;

 private:
  FileRange range(uint64_t offset, uint64_t size_bytes) const;

  FileRange file_;
  Elf64_Ehdr header_ = {};
  FileRange section_names_;
  uint64_t section_count_ = 0;
  bool is_elf_ = false;
};

/// Reads a structure at any address, aligned or not. Pre: range has it at `offset`.
template <class T>
T read_at(FileRange range, size_t offset) {
  T value;
  std::memcpy(&value, range.data + offset, sizeof value);
  return value;
}

/// The text at `offset` in a table of NUL-terminated strings; empty when it would leave the table.
std::string_view string_at(FileRange strings, uint64_t offset);

}  // namespace heaptag::elf
