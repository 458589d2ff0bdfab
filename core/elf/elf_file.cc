#include "core/elf/elf_file.h"

namespace heaptag::elf {
namespace {

// The build-id stands among the first notes. Without a bound, many sections that all claim to be
// the whole of a large file would be read whole, each.
constexpr size_t kMaxNoteBytes = 64 * 1024;

constexpr char kNoteOwner[] = "GNU";  // with its NUL, as in the file

/// Where the next part of a note begins, or the size of the notes when it would lie behind them.
uint64_t skip_aligned(uint64_t at, uint64_t size_bytes, uint64_t end) {
  const uint64_t next = at + ((size_bytes + 3) & ~uint64_t{3});
  return next < at || next > end ? end : next;
}

FileRange find_build_id(FileRange notes) {
  notes.size_bytes = notes.size_bytes < kMaxNoteBytes ? notes.size_bytes : kMaxNoteBytes;
  uint64_t at = 0;
  while (notes.size_bytes - at >= sizeof(Elf64_Nhdr)) {
    const Elf64_Nhdr note = read_at<Elf64_Nhdr>(notes, at);
    const uint64_t name = at + sizeof note;
    const uint64_t description = skip_aligned(name, note.n_namesz, notes.size_bytes);
    const bool fits =
        note.n_namesz <= notes.size_bytes - name && note.n_descsz <= notes.size_bytes - description;
    if (!fits) {
      return {};
    }
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof kNoteOwner &&
        std::memcmp(notes.data + name, kNoteOwner, sizeof kNoteOwner) == 0) {
      return {notes.data + description, note.n_descsz};
    }
    at = skip_aligned(description, note.n_descsz, notes.size_bytes);
  }
  return {};
}

}  // namespace

ElfFile::ElfFile(const uint8_t* data, size_t size_bytes) : file_{data, size_bytes} {
  if (data == nullptr || size_bytes < sizeof header_) {
    return;
  }
  header_ = read_at<Elf64_Ehdr>(file_, 0);
  is_elf_ = std::memcmp(header_.e_ident, ELFMAG, SELFMAG) == 0 &&
            header_.e_ident[EI_CLASS] == ELFCLASS64 && header_.e_ident[EI_DATA] == ELFDATA2LSB;
  if (!is_elf_ || header_.e_shentsize != sizeof(Elf64_Shdr) || header_.e_shoff == 0 ||
      range(header_.e_shoff, sizeof(Elf64_Shdr)).is_empty()) {
    return;
  }
  // With 0xff00 sections or more, the counts that do not fit stand in section 0.
  section_count_ = 1;
  const Elf64_Shdr first = section(0);
  const uint64_t claimed = header_.e_shnum != 0 ? header_.e_shnum : first.sh_size;
  const uint64_t names = header_.e_shstrndx != SHN_XINDEX ? header_.e_shstrndx : first.sh_link;
  const uint64_t room = (size_bytes - header_.e_shoff) / sizeof(Elf64_Shdr);
  section_count_ = claimed < room ? claimed : room;
  section_names_ = contents(section(names));
}

FileRange ElfFile::range(uint64_t offset, uint64_t size_bytes) const {
  if (offset > file_.size_bytes || size_bytes > file_.size_bytes - offset) {
    return {};
  }
  return {file_.data + offset, static_cast<size_t>(size_bytes)};
}

Elf64_Shdr ElfFile::section(uint64_t index) const {
  if (index >= section_count_) {
    return {};
  }
  // The count was limited to what the file has room for.
  return read_at<Elf64_Shdr>(file_, header_.e_shoff + index * sizeof(Elf64_Shdr));
}

FileRange ElfFile::contents(const Elf64_Shdr& section) const {
  const uint32_t type = section.sh_type;
  if (type == SHT_NULL || type == SHT_NOBITS) {
    return {};
  }
  return range(section.sh_offset, section.sh_size);
}

bool ElfFile::has_name(const Elf64_Shdr& section, std::string_view name) const {
  const uint64_t at = section.sh_name;
  return at < section_names_.size_bytes && name.size() < section_names_.size_bytes - at &&
         std::memcmp(section_names_.data + at, name.data(), name.size()) == 0 &&
         section_names_.data[at + name.size()] == 0;
}

FileRange ElfFile::build_id() const {
  for (uint64_t i = 0; i < section_count_; ++i) {
    const Elf64_Shdr notes = section(i);
    if (notes.sh_type == SHT_NOTE) {
      const FileRange id = find_build_id(contents(notes));
      if (!id.is_empty()) {
        return id;
      }
    }
  }
  if (!is_elf_ || header_.e_phentsize != sizeof(Elf64_Phdr)) {
    return {};
  }
  for (uint64_t i = 0; i < header_.e_phnum; ++i) {
    const FileRange entry = range(header_.e_phoff + i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr));
    if (entry.is_empty()) {
      break;
    }
    const Elf64_Phdr segment = read_at<Elf64_Phdr>(entry, 0);
    if (segment.p_type == PT_NOTE) {
      const FileRange id = find_build_id(range(segment.p_offset, segment.p_filesz));
      if (!id.is_empty()) {
        return id;
      }
    }
  }
  return {};
}

std::string_view string_at(FileRange strings, uint64_t offset) {
  if (offset >= strings.size_bytes) {
    return {};
  }
  const char* text = reinterpret_cast<const char*>(strings.data + offset);
  const void* end = std::memchr(text, '\0', strings.size_bytes - offset);
  return end == nullptr ? std::string_view{} : std::string_view{text};
}

}  // namespace heaptag::elf
