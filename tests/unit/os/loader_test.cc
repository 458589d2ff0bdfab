#include "core/os/loader.h"

#include <dlfcn.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <link.h>

#include <cstring>
#include <string>
#include <vector>

namespace heaptag::os {
namespace {

struct Wanted {
  uintptr_t address;
  uintptr_t base;
  uintptr_t eh_frame_hdr;
  std::vector<ElfW(Phdr)> segments;
};

/// What the loader's own list says of the module that maps an address.
int fill(dl_phdr_info* info, size_t, void* argument) {
  auto* wanted = static_cast<Wanted*>(argument);
  const std::vector<ElfW(Phdr)> segments(info->dlpi_phdr, info->dlpi_phdr + info->dlpi_phnum);
  uintptr_t eh_frame_hdr = 0;
  bool is_here = false;
  for (const auto& segment : segments) {
    const uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    is_here |= segment.p_type == PT_LOAD && wanted->address >= begin &&
               wanted->address < begin + segment.p_memsz;
    eh_frame_hdr = segment.p_type == PT_GNU_EH_FRAME ? begin : eh_frame_hdr;
  }
  if (is_here) {
    *wanted = {wanted->address, info->dlpi_addr, eh_frame_hdr, segments};
  }
  return is_here ? 1 : 0;
}

void expect_as_listed(uintptr_t address) {
  Wanted wanted = {address, 0, 0, {}};
  ASSERT_EQ(dl_iterate_phdr(fill, &wanted), 1);
  LoadedObject object{};
  ASSERT_TRUE(find_object(address, &object));
  EXPECT_EQ(object.base, wanted.base);
  EXPECT_NE(object.eh_frame_hdr, 0U);
  EXPECT_EQ(object.eh_frame_hdr, wanted.eh_frame_hdr);
  for (const auto& segment : wanted.segments) {
    if (segment.p_type != PT_LOAD) {
      continue;
    }
    const uintptr_t first = wanted.base + segment.p_vaddr;
    for (const uintptr_t inside :
         {first, first + segment.p_filesz / 2, first + segment.p_filesz - 1}) {
      uintptr_t begin = 0;
      uintptr_t end = 0;
      EXPECT_TRUE(find_segment(object, inside, &begin, &end));
      EXPECT_EQ(begin, first);
      EXPECT_EQ(end, first + segment.p_filesz);
    }
  }
  uintptr_t begin = 0;
  uintptr_t end = 0;
  EXPECT_FALSE(find_segment(object, object.begin - 1, &begin, &end));
  EXPECT_FALSE(find_segment(object, object.end, &begin, &end));
  EXPECT_FALSE(find_segment(object, 0, &begin, &end));
}

TEST(Loader, SaysWhatTheLoadersListSays) {
  expect_as_listed(reinterpret_cast<uintptr_t>(&fill));
  expect_as_listed(reinterpret_cast<uintptr_t>(dlsym(RTLD_DEFAULT, "qsort")));
}

TEST(Loader, NothingIsMappedAtTheEnds) {
  LoadedObject object{};
  EXPECT_FALSE(find_object(0, &object));
  EXPECT_FALSE(find_object(UINTPTR_MAX, &object));
}

TEST(Loader, HeadersThatAreNoneNameNoSegment) {
  alignas(4096) static uint8_t page[2 * 4096] = {};
  LoadedObject object{};
  object.begin = reinterpret_cast<uintptr_t>(page);
  object.end = object.begin + sizeof page;
  object.base = object.begin;
  uintptr_t begin = 0;
  uintptr_t end = 0;
  const auto finds = [&](const Elf64_Ehdr& header, const Elf64_Phdr& segment, size_t at) {
    std::memset(page, 0, sizeof page);
    std::memcpy(page, &header, sizeof header);
    std::memcpy(page + at, &segment, sizeof segment);
    return find_segment(object, object.begin + 100, &begin, &end);
  };
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_phnum = 1;
  header.e_phoff = 64;
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R;
  segment.p_filesz = 200;
  EXPECT_TRUE(finds(header, segment, 64));
  EXPECT_EQ(begin, object.begin);
  EXPECT_EQ(end, object.begin + 200);

  Elf64_Phdr other = segment;
  other.p_flags = PF_X;
  EXPECT_FALSE(finds(header, other, 64)) << "cannot be read";
  other = segment;
  other.p_type = PT_NOTE;
  EXPECT_FALSE(finds(header, other, 64));
  other = segment;
  other.p_filesz = 100;
  EXPECT_FALSE(finds(header, other, 64)) << "ends before";

  header.e_phoff = 4096 - sizeof segment;
  EXPECT_TRUE(finds(header, segment, header.e_phoff)) << "the last of the page";
  header.e_phoff += 1;
  EXPECT_FALSE(finds(header, segment, header.e_phoff)) << "leaves the page";
  header.e_phoff = UINT64_MAX;
  EXPECT_FALSE(finds(header, segment, 64));
  header.e_phoff = 64;
  header.e_ident[0] = 0;
  EXPECT_FALSE(finds(header, segment, 64)) << "no ELF";
}

}  // namespace
}  // namespace heaptag::os
