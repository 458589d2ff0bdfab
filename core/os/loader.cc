#include "core/os/loader.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <cstring>

#include "core/os/vm.h"

// Since glibc 2.35; weak, so that an older one still starts the program.
extern "C" int _dl_find_object(void* address, struct dl_find_object* result) __attribute__((weak));

namespace heaptag::os {
namespace {

struct ProgramHeaders {
  const Elf64_Phdr* begin() const { return first; }

  const Elf64_Phdr* end() const { return first + count; }

  const Elf64_Phdr* first = nullptr;
  size_t count = 0;
};

/// Those in the object's first page, which is mapped whatever they say.
ProgramHeaders program_headers(const LoadedObject& object) {
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(object.begin);
  if (std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phoff > kPageBytes) {
    return {};
  }
  const size_t room = (kPageBytes - header->e_phoff) / sizeof(Elf64_Phdr);
  return {reinterpret_cast<const Elf64_Phdr*>(object.begin + header->e_phoff),
          header->e_phnum < room ? header->e_phnum : room};
}

// When there are gaps between its segments, the C library tells of each as if it was an object.
void widen_to_all_segments(const dl_find_object& segment, LoadedObject* object) {
  dl_find_object first{};
  if (_dl_find_object(reinterpret_cast<void*>(object->base), &first) != 0 ||
      first.dlfo_link_map != segment.dlfo_link_map) {
    return;  // not at its own base: an executable of fixed addresses, which has no gaps
  }
  LoadedObject whole = *object;
  whole.begin = reinterpret_cast<uintptr_t>(first.dlfo_map_start);
  for (const Elf64_Phdr& header : program_headers(whole)) {
    const uintptr_t end = object->base + header.p_vaddr + header.p_memsz;
    if (header.p_type == PT_LOAD && end > whole.end) {
      whole.end = end;
    }
  }
  *object = whole;
}

}  // namespace

bool find_object(uintptr_t address, LoadedObject* object) {
  if (_dl_find_object == nullptr) {
    return false;
  }
  dl_find_object found{};
  if (_dl_find_object(reinterpret_cast<void*>(address), &found) != 0 ||
      found.dlfo_link_map == nullptr) {
    return false;
  }
  object->base = found.dlfo_link_map->l_addr;
  object->begin = reinterpret_cast<uintptr_t>(found.dlfo_map_start);
  object->end = reinterpret_cast<uintptr_t>(found.dlfo_map_end);
  widen_to_all_segments(found, object);
  object->eh_frame_hdr = reinterpret_cast<uintptr_t>(found.dlfo_eh_frame);
  object->path = found.dlfo_link_map->l_name != nullptr ? found.dlfo_link_map->l_name : "";
  return true;
}

const char* path_if_mapped(uintptr_t begin, uintptr_t end, uintptr_t base) {
  dl_find_object first{};
  dl_find_object last{};
  if (_dl_find_object == nullptr || _dl_find_object(reinterpret_cast<void*>(begin), &first) != 0 ||
      _dl_find_object(reinterpret_cast<void*>(end - 1), &last) != 0 ||
      first.dlfo_link_map == nullptr || first.dlfo_link_map != last.dlfo_link_map ||
      reinterpret_cast<uintptr_t>(first.dlfo_map_start) != begin ||
      first.dlfo_link_map->l_addr != base) {
    return nullptr;
  }
  return first.dlfo_link_map->l_name != nullptr ? first.dlfo_link_map->l_name : "";
}

namespace {

/// The number of symbols is told by the hash tables only: the new one ends with the last symbol.
size_t count_by_gnu_hash(const uint32_t* table) {
  const uint32_t bucket_count = table[0];
  const uint32_t first_hashed = table[1];
  const uint32_t bloom_words = table[2];
  const uint32_t* buckets = table + 4 + size_t{bloom_words} * 2;
  const uint32_t* chains = buckets + bucket_count;
  uint32_t last = 0;
  for (uint32_t i = 0; i < bucket_count; ++i) {
    last = buckets[i] > last ? buckets[i] : last;
  }
  if (last < first_hashed) {
    return first_hashed;
  }
  while ((chains[last - first_hashed] & 1) == 0) {
    ++last;
  }
  return size_t{last} + 1;
}

}  // namespace

bool find_dynamic_symbols(uintptr_t address, DynamicSymbols* symbols) {
  dl_find_object found{};
  if (_dl_find_object == nullptr ||
      _dl_find_object(reinterpret_cast<void*>(address), &found) != 0 ||
      found.dlfo_link_map == nullptr) {
    return false;
  }
  const link_map* map = found.dlfo_link_map;
  *symbols = {};
  for (const ElfW(Dyn)* entry = map->l_ld; entry->d_tag != DT_NULL; ++entry) {
    // The loader has made addresses of offsets, but for objects whose table is read-only.
    const uintptr_t value = entry->d_un.d_ptr;
    const uintptr_t at = value < map->l_addr ? value + map->l_addr : value;
    switch (entry->d_tag) {
      case DT_SYMTAB:
        symbols->table = reinterpret_cast<const void*>(at);
        break;
      case DT_STRTAB:
        symbols->strings = reinterpret_cast<const char*>(at);
        break;
      case DT_STRSZ:
        symbols->strings_bytes = entry->d_un.d_val;
        break;
      case DT_HASH:
        symbols->count = reinterpret_cast<const uint32_t*>(at)[1];
        break;
      case DT_GNU_HASH:
        symbols->count = count_by_gnu_hash(reinterpret_cast<const uint32_t*>(at));
        break;
      default:
        break;
    }
  }
  return symbols->table != nullptr && symbols->strings != nullptr && symbols->count != 0;
}

bool may_have_search_path(uintptr_t address) {
  dl_find_object found{};
  if (_dl_find_object == nullptr ||
      _dl_find_object(reinterpret_cast<void*>(address), &found) != 0 ||
      found.dlfo_link_map == nullptr) {
    return true;
  }
  const link_map* map = found.dlfo_link_map;
  if (map->l_prev != nullptr) {
    return true;  // not the program itself: paths are handed down a chain that is not ours to read
  }
  for (const ElfW(Dyn)* entry = map->l_ld; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_RPATH || entry->d_tag == DT_RUNPATH) {
      return true;
    }
  }
  return false;
}

bool next_loaded_objects(LoadedObjects* objects) {
  struct Context {
    LoadedObjects* objects;
    size_t seen;
  } context{objects, 0};

  objects->count = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t /*size*/, void* to) {
        auto* where = static_cast<Context*>(to);
        if (where->seen++ < where->objects->passed) {
          return 0;
        }
        for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
          if (info->dlpi_phdr[i].p_type == PT_LOAD) {
            where->objects->addresses[where->objects->count++] =
                info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            break;
          }
        }
        return where->objects->count == LoadedObjects::kMax ? 1 : 0;
      },
      &context);
  objects->passed = context.seen;
  return objects->count != 0;
}

bool find_segment(const LoadedObject& object, uintptr_t address, uintptr_t* begin, uintptr_t* end) {
  for (const Elf64_Phdr& segment : program_headers(object)) {
    const uintptr_t first = object.base + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_R) != 0 && address >= first &&
        address - first < segment.p_filesz) {
      *begin = first;
      *end = first + segment.p_filesz;
      return true;
    }
  }
  return false;
}

size_t read_build_id(const LoadedObject& object, uint8_t* build_id, size_t capacity) {
  for (const Elf64_Phdr& segment : program_headers(object)) {
    const uintptr_t begin = object.base + segment.p_vaddr;
    const uintptr_t end = begin + segment.p_memsz;
    if (segment.p_type != PT_NOTE || begin < object.begin || end > object.end) {
      continue;
    }
    for (uintptr_t at = begin; at + sizeof(Elf64_Nhdr) <= end;) {
      const auto* note = reinterpret_cast<const Elf64_Nhdr*>(at);
      const uintptr_t name = at + sizeof(Elf64_Nhdr);
      const uintptr_t content = name + ((note->n_namesz + 3U) & ~3U);
      at = content + ((note->n_descsz + 3U) & ~3U);
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && at <= end &&
          std::memcmp(reinterpret_cast<const void*>(name), "GNU", 4) == 0) {
        const size_t size_bytes = note->n_descsz < capacity ? note->n_descsz : capacity;
        std::memcpy(build_id, reinterpret_cast<const void*>(content), size_bytes);
        return size_bytes;
      }
    }
  }
  return 0;
}

}  // namespace heaptag::os
