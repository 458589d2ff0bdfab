#include "tools/program/elf_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace heaptag::tools {
namespace {

/// What allocators that were linked in under another name than malloc are called by.
bool is_allocator_function(std::string_view name) {
  constexpr std::string_view kNames[] = {"je_malloc", "_rjem_malloc", "mi_malloc", "_mi_malloc",
                                         "tc_malloc", "rpmalloc",     "sn_malloc", "scudo_malloc",
                                         "mallocx",   "rallocx",      "sdallocx",  "dallocx",
                                         "mi_free",   "_rjem_mallocx"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

/// By which the runtime of a sanitizer shows itself; gcc's static ones do not export it.
bool is_sanitizer_function(std::string_view name) {
  return name == "__asan_init" || name == "__tsan_init" || name == "__lsan_init" ||
         name == "__msan_init" || name == "__hwasan_init";
}

/// "GLIBC_2.34" is 34, GLIBC_PRIVATE and all else 0.
unsigned glibc_minor(const char* version) {
  constexpr std::string_view kPrefix = "GLIBC_2.";
  unsigned minor = 0;
  if (version != nullptr && std::strncmp(version, kPrefix.data(), kPrefix.size()) == 0) {
    const char* digits = version + kPrefix.size();
    std::from_chars(digits, digits + std::strlen(digits), minor);
  }
  return minor;
}

class FactReader {
 public:
  explicit FactReader(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    elf_version(EV_CURRENT);
    elf_ = fd_ < 0 ? nullptr : elf_begin(fd_, ELF_C_READ_MMAP, nullptr);
  }

  ~FactReader() {
    elf_end(elf_);
    if (fd_ >= 0) {
      close(fd_);
    }
  }

  FactReader(const FactReader&) = delete;
  FactReader& operator=(const FactReader&) = delete;

  ElfFacts read() {
    read_extent();
    GElf_Ehdr header;
    if (elf_ == nullptr || elf_kind(elf_) != ELF_K_ELF || gelf_getehdr(elf_, &header) == nullptr) {
      return facts_;
    }
    facts_.is_64_bit = header.e_ident[EI_CLASS] == ELFCLASS64;
    facts_.machine = header.e_machine;
    facts_.type = header.e_type;
    facts_.is_x86_64 = header.e_machine == EM_X86_64 && facts_.is_64_bit;
    read_segments();
    size_t names = 0;
    if (elf_getshdrstrndx(elf_, &names) == 0) {
      for (Elf_Scn* section = elf_nextscn(elf_, nullptr); section != nullptr;
           section = elf_nextscn(elf_, section)) {
        GElf_Shdr head;
        if (gelf_getshdr(section, &head) != nullptr) {
          read_section(section, head, elf_strptr(elf_, names, head.sh_name));
        }
      }
    }
    // libc.so.6 can be executed, and says its version.
    facts_.is_library = header.e_type == ET_DYN && !is_pie_ &&
                        (facts_.loader.empty() ? header.e_entry == 0 || !facts_.soname.empty()
                                               : facts_.soname.starts_with("lib"));
    return std::move(facts_);
  }

 private:
  /// Read here, since libelf knows nothing of a file that was cut off.
  void read_extent() {
    struct stat status = {};
    Elf64_Ehdr header = {};
    if (fd_ < 0 || fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode) ||
        pread(fd_, &header, sizeof header, 0) < SELFMAG ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
      return;
    }
    facts_.is_elf = true;
    facts_.file_bytes = static_cast<uint64_t>(status.st_size);
    if (header.e_ident[EI_CLASS] == ELFCLASS32 || header.e_ident[EI_DATA] == ELFDATA2MSB) {
      return;
    }
    facts_.used_bytes = sizeof header;
    if (facts_.file_bytes < sizeof header || header.e_phentsize != sizeof(Elf64_Phdr)) {
      return;
    }
    const uint64_t table_bytes = uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
    facts_.used_bytes = std::max<uint64_t>(sizeof header, header.e_phoff + table_bytes);
    std::vector<Elf64_Phdr> segments(header.e_phnum);
    const ssize_t got =
        pread(fd_, segments.data(), table_bytes, static_cast<off_t>(header.e_phoff));
    segments.resize(got < 0 ? 0 : static_cast<size_t>(got) / sizeof(Elf64_Phdr));
    for (const Elf64_Phdr& segment : segments) {
      if (segment.p_filesz != 0 && (segment.p_type == PT_LOAD || segment.p_type == PT_INTERP)) {
        facts_.used_bytes = std::max(facts_.used_bytes, segment.p_offset + segment.p_filesz);
      }
    }
  }

  void read_segments() {
    size_t count = 0;
    if (elf_getphdrnum(elf_, &count) != 0) {
      return;
    }
    for (size_t i = 0; i < count; ++i) {
      GElf_Phdr segment;
      if (gelf_getphdr(elf_, static_cast<int>(i), &segment) == nullptr ||
          segment.p_type != PT_INTERP || segment.p_filesz > 4096) {
        continue;
      }
      facts_.loader.resize(segment.p_filesz);
      if (pread(fd_, facts_.loader.data(), facts_.loader.size(),
                static_cast<off_t>(segment.p_offset)) < 0) {
        facts_.loader.clear();
      }
      facts_.loader = facts_.loader.c_str();  // without its NUL
    }
  }

  void read_section(Elf_Scn* section, const GElf_Shdr& head, const char* name) {
    const std::string_view called = name == nullptr ? "" : name;
    facts_.is_go = facts_.is_go || called == ".go.buildinfo" || called == ".note.go.buildid";
    facts_.has_debug_lines =
        facts_.has_debug_lines ||
        (head.sh_type != SHT_NOBITS && (called == ".debug_line" || called == ".zdebug_line"));
    switch (head.sh_type) {
      case SHT_SYMTAB:
        facts_.has_symbols = true;
        read_symbols(section, head);
        break;
      case SHT_DYNSYM:
        read_symbols(section, head);
        break;
      case SHT_DYNAMIC:
        read_dynamic(section, head);
        break;
      case SHT_NOTE:
        read_notes(section);
        break;
      case SHT_GNU_verneed:
        read_versions_needed(section, head);
        break;
      case SHT_GNU_verdef:
        read_versions_defined(section, head);
        break;
      default:
        break;
    }
  }

  void read_symbols(Elf_Scn* section, const GElf_Shdr& head) {
    Elf_Data* data = elf_getdata(section, nullptr);
    const size_t count =
        data == nullptr || head.sh_entsize == 0 ? 0 : data->d_size / head.sh_entsize;
    for (size_t i = 1; i < count; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) {
        return;
      }
      const char* name = elf_strptr(elf_, head.sh_link, symbol.st_name);
      const int type = GELF_ST_TYPE(symbol.st_info);
      if (name == nullptr) {
        continue;
      }
      // A program that takes the address of malloc has it undefined, with an address.
      if (symbol.st_shndx == SHN_UNDEF) {
        if (is_allocator_function(name)) {
          facts_.foreign.insert(name);
        }
        continue;
      }
      if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_OBJECT) {
        continue;
      }
      if (head.sh_type == SHT_DYNSYM && GELF_ST_BIND(symbol.st_info) != STB_LOCAL) {
        facts_.exports.insert(name);
      }
      if (is_allocator_function(name)) {
        facts_.allocators.insert(name);
      }
      facts_.has_sanitizer = facts_.has_sanitizer || is_sanitizer_function(name);
    }
  }

  void read_dynamic(Elf_Scn* section, const GElf_Shdr& head) {
    Elf_Data* data = elf_getdata(section, nullptr);
    const size_t count =
        data == nullptr || head.sh_entsize == 0 ? 0 : data->d_size / head.sh_entsize;
    for (size_t i = 0; i < count; ++i) {
      GElf_Dyn entry;
      if (gelf_getdyn(data, static_cast<int>(i), &entry) == nullptr || entry.d_tag == DT_NULL) {
        return;
      }
      is_pie_ = is_pie_ || (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_PIE) != 0);
      const char* name = entry.d_tag == DT_NEEDED || entry.d_tag == DT_SONAME
                             ? elf_strptr(elf_, head.sh_link, entry.d_un.d_val)
                             : nullptr;
      if (name != nullptr && entry.d_tag == DT_SONAME) {
        facts_.soname = name;
      } else if (name != nullptr) {
        facts_.needed.emplace_back(name);
      }
    }
  }

  void read_notes(Elf_Scn* section) {
    Elf_Data* data = elf_getdata(section, nullptr);
    GElf_Nhdr note;
    size_t name = 0;
    size_t content = 0;
    for (size_t at = 0; data != nullptr && at < data->d_size;) {
      at = gelf_getnote(data, at, &note, &name, &content);
      if (at == 0) {
        return;
      }
      const auto* bytes = static_cast<const unsigned char*>(data->d_buf);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof ELF_NOTE_GNU &&
          std::memcmp(bytes + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0) {
        facts_.build_id.clear();
        for (size_t i = 0; i < note.n_descsz; ++i) {
          facts_.build_id += fmt::format("{:02x}", bytes[content + i]);
        }
      }
    }
  }

  void read_versions_needed(Elf_Scn* section, const GElf_Shdr& head) {
    Elf_Data* data = elf_getdata(section, nullptr);
    GElf_Verneed file;
    for (int at = 0; data != nullptr && gelf_getverneed(data, at, &file) != nullptr;
         at += static_cast<int>(file.vn_next)) {
      GElf_Vernaux version;
      for (int aux = at + static_cast<int>(file.vn_aux);
           gelf_getvernaux(data, aux, &version) != nullptr;
           aux += static_cast<int>(version.vna_next)) {
        facts_.glibc_minor_needed =
            std::max(facts_.glibc_minor_needed,
                     glibc_minor(elf_strptr(elf_, head.sh_link, version.vna_name)));
        if (version.vna_next == 0) {
          break;
        }
      }
      if (file.vn_next == 0) {
        break;
      }
    }
  }

  void read_versions_defined(Elf_Scn* section, const GElf_Shdr& head) {
    Elf_Data* data = elf_getdata(section, nullptr);
    GElf_Verdef version;
    for (int at = 0; data != nullptr && gelf_getverdef(data, at, &version) != nullptr;
         at += static_cast<int>(version.vd_next)) {
      GElf_Verdaux name;
      if (gelf_getverdaux(data, at + static_cast<int>(version.vd_aux), &name) != nullptr) {
        facts_.glibc_minor_defined = std::max(
            facts_.glibc_minor_defined, glibc_minor(elf_strptr(elf_, head.sh_link, name.vda_name)));
      }
      if (version.vd_next == 0) {
        break;
      }
    }
  }

  int fd_;
  Elf* elf_ = nullptr;
  bool is_pie_ = false;
  ElfFacts facts_;
};

}  // namespace

ElfFacts read_elf_facts(const std::string& path) {
  return FactReader(path).read();
}

}  // namespace heaptag::tools
