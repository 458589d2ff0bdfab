#include "tools/live/find_descriptor.h"

#include <elf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <vector>

#include "tools/live/live_error.h"
#include "tools/live/proc_files.h"
#include "tools/program/elf_facts.h"
#include "tools/program/own_malloc.h"

namespace heaptag::tools {
namespace {

constexpr const char* kLibrary = "libheaptag.so";
constexpr const char* kSymbol = "heaptag_descriptor";
constexpr double kStartSeconds = 1;  // no process takes that long to load its libraries

double seconds_since_start(pid_t pid) {
  timespec up = {};
  clock_gettime(CLOCK_BOOTTIME, &up);
  return static_cast<double>(up.tv_sec) -
         static_cast<double>(start_ticks(pid)) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

bool is_our_library(const Mapping& mapping) {
  const std::string name = mapping.path.substr(mapping.path.find_last_of('/') + 1);
  return mapping.file_offset == 0 && name.starts_with(kLibrary);
}

uint32_t gnu_hash(const char* name) {
  uint32_t hash = 5381;
  for (; *name != '\0'; ++name) {
    hash = hash * 33 + static_cast<uint8_t>(*name);
  }
  return hash;
}

/// The dynamic symbols of one loaded object, in the memory of the process.
class RemoteObject {
 public:
  RemoteObject(RemoteMemory& memory, uint64_t begin) : memory_(memory), begin_(begin) {}

  std::optional<uint64_t> address_of(const char* name) {
    if (!read_tables()) {
      return std::nullopt;
    }
    // GNU hash table: four words, a filter, first symbol of each bucket, then hashes of symbols,
    // the last of a bucket with bit 0 set.
    uint32_t head[4];
    memory_.read(hash_, head, sizeof head);
    const auto [buckets, first, filter_words, shift] = head;
    if (buckets == 0) {
      return std::nullopt;
    }
    const uint32_t hash = gnu_hash(name);
    const uint64_t bucket_table = hash_ + sizeof head + uint64_t{filter_words} * sizeof(uint64_t);
    const uint64_t chain = bucket_table + uint64_t{buckets} * sizeof(uint32_t);
    uint32_t index = memory_.value<uint32_t>(bucket_table + hash % buckets * sizeof(uint32_t));
    if (index < first) {
      return std::nullopt;
    }
    for (uint32_t tries = 0; tries < kMostSymbols; ++tries, ++index) {
      const auto other = memory_.value<uint32_t>(chain + (index - first) * sizeof(uint32_t));
      if ((other | 1) == (hash | 1) && has_name(index, name)) {
        return bias_ + symbol(index).st_value;
      }
      if ((other & 1) != 0) {
        break;
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr uint32_t kMostSymbols = 100000;

  bool read_tables() {
    const auto header = memory_.value<Elf64_Ehdr>(begin_);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_phentsize != sizeof(Elf64_Phdr)) {
      return false;
    }
    std::vector<Elf64_Phdr> segments(header.e_phnum);
    memory_.read(begin_ + header.e_phoff, segments.data(), segments.size() * sizeof(Elf64_Phdr));
    const auto segment_of = [&](uint32_t type) {
      return std::find_if(segments.begin(), segments.end(),
                          [type](const Elf64_Phdr& one) { return one.p_type == type; });
    };
    const auto load = segment_of(PT_LOAD);
    const auto dynamic = segment_of(PT_DYNAMIC);
    if (load == segments.end() || dynamic == segments.end()) {
      return false;
    }
    bias_ = begin_ - (load->p_vaddr & ~uint64_t{4095});
    std::vector<Elf64_Dyn> entries(dynamic->p_memsz / sizeof(Elf64_Dyn));
    memory_.read(bias_ + dynamic->p_vaddr, entries.data(), entries.size() * sizeof(Elf64_Dyn));
    for (const Elf64_Dyn& entry : entries) {
      if (entry.d_tag == DT_NULL) {
        break;
      }
      // glibc's loader has made addresses of them, others leave them as they are in the file.
      const uint64_t value = entry.d_un.d_ptr < bias_ ? entry.d_un.d_ptr + bias_ : entry.d_un.d_ptr;
      if (entry.d_tag == DT_SYMTAB) {
        symbols_ = value;
      } else if (entry.d_tag == DT_STRTAB) {
        names_ = value;
      } else if (entry.d_tag == DT_GNU_HASH) {
        hash_ = value;
      }
    }
    return symbols_ != 0 && names_ != 0 && hash_ != 0;
  }

  Elf64_Sym symbol(uint32_t index) {
    return memory_.value<Elf64_Sym>(symbols_ + uint64_t{index} * sizeof(Elf64_Sym));
  }

  bool has_name(uint32_t index, const char* name) {
    std::string found(std::strlen(name) + 1, '\0');
    memory_.read(names_ + symbol(index).st_name, found.data(), found.size());
    return std::strcmp(found.c_str(), name) == 0;
  }

  RemoteMemory& memory_;
  uint64_t begin_;
  uint64_t bias_ = 0;
  uint64_t symbols_ = 0;
  uint64_t names_ = 0;
  uint64_t hash_ = 0;
};

std::string not_heaptagged_text(pid_t pid) {
  const std::string name = program_of(pid);
  return fmt::format(
      "process {} ({}) runs without heaptag, and it cannot be added to a running process; restart "
      "it with   heaptag run -- {} ...   or   LD_PRELOAD=.../libheaptag.so",
      pid, name, name);
}

/// The beginnings of all that may be our library.
std::vector<uint64_t> library_addresses(pid_t pid) {
  const ProcessStatus status = read_status(pid);
  if (status.state == '\0') {
    throw LiveError(
        fmt::format("there is no process {}; `heaptag ls` lists those under heaptag", pid));
  }
  if (status.state == 'Z' || status.state == 'X') {
    throw LiveError(
        fmt::format("process {} ({}) has ended; only its status is left", pid, program_of(pid)));
  }
  int error = 0;
  std::vector<uint64_t> addresses;
  for (const Mapping& mapping : read_mappings(pid, error)) {
    if (is_our_library(mapping)) {
      addresses.push_back(mapping.begin);
    }
  }
  if (error == EACCES || error == EPERM) {
    throw LiveError(permission_text(pid));
  }
  if (addresses.empty()) {
    throw LiveError(not_heaptagged_text(pid));
  }
  return addresses;
}

void check_descriptor(const wire::Descriptor& descriptor, pid_t pid) {
  if (descriptor.tables_version != wire::kTablesVersion ||
      descriptor.descriptor_bytes != sizeof(wire::Descriptor) ||
      descriptor.owner_stride != sizeof(wire::OwnerRecord) ||
      descriptor.module_stride != sizeof(wire::ModuleRecord) ||
      descriptor.counters_stride != sizeof(wire::OwnerCounters) ||
      descriptor.bin_chunk_bytes != sizeof(wire::BinChunk)) {
    throw LiveError(
        fmt::format("process {} ({}) runs under a heaptag with tables of version {}, this command "
                    "reads version "
                    "{}; use the heaptag beside its libheaptag.so",
                    pid, program_of(pid), descriptor.tables_version, wire::kTablesVersion));
  }
  if (const pid_t inner = read_status(pid).inner_pid;
      descriptor.pid != static_cast<uint64_t>(pid) &&
      descriptor.pid != static_cast<uint64_t>(inner)) {
    throw LiveError(fmt::format(
        "process {} ({}) still has the memory of process {} that forked it; try again when it has "
        "executed its program",
        pid, program_of(pid), descriptor.pid));
  }
}

/// Why the library is there without figures, as far as it can be seen from outside.
[[noreturn]] void throw_unpublished(pid_t pid) {
  const std::string who = fmt::format("process {} ({})", pid, program_of(pid));
  int ignored = 0;
  std::string whose;
  for (const Mapping& mapping : read_mappings(pid, ignored)) {
    if (is_sanitizer(mapping.path)) {
      whose = "runs with a sanitizer";
    }
  }
  if (has_own_malloc(read_elf_facts(fmt::format("/proc/{}/exe", pid)))) {
    whose = "has a malloc of its own";
  }
  if (!whose.empty()) {
    throw StandsAside(
        fmt::format("{} {}, for which heaptag stands aside: nothing is counted; "
                    "heaptag doctor {} says more",
                    who, whose, pid));
  }
  if (seconds_since_start(pid) < kStartSeconds) {
    throw LiveError(who + " is only starting; try again");
  }
  throw LiveError(
      fmt::format("{} has libheaptag.so in it, which has published no figures: it stands aside for "
                  "another malloc (LD_PRELOAD, Valgrind), or found no memory at its start",
                  who));
}

}  // namespace

bool is_heaptagged(pid_t pid) {
  int error = 0;
  const std::vector<Mapping> mappings = read_mappings(pid, error);
  return std::any_of(mappings.begin(), mappings.end(), is_our_library);
}

wire::Descriptor find_descriptor(RemoteMemory& memory) {
  const pid_t pid = memory.pid();
  for (const uint64_t begin : library_addresses(pid)) {
    const std::optional<uint64_t> address = RemoteObject(memory, begin).address_of(kSymbol);
    if (!address) {
      continue;
    }
    const auto descriptor = memory.value<wire::Descriptor>(*address);
    if (std::memcmp(descriptor.magic, wire::kMagic, sizeof wire::kMagic) == 0) {
      check_descriptor(descriptor, pid);
      return descriptor;
    }
    throw_unpublished(pid);
  }
  throw LiveError(fmt::format(
      "process {} ({}) has a libheaptag.so without tables to read; use the heaptag beside it", pid,
      program_of(pid)));
}

}  // namespace heaptag::tools
