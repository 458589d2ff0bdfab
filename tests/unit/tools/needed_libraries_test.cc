// What glibc's loader prints for --list.
#include "tools/program/needed_libraries.h"

#include <gmock/gmock.h>

namespace heaptag::tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kPreload = "/opt/heaptag/lib/libheaptag.so";

TEST(NeededLibraries, InTheirOrder) {
  const NeededLibraries found = parse_loader_list(
      "\tlinux-vdso.so.1 (0x00007f4f24102000)\n"
      "\t/opt/heaptag/lib/libheaptag.so (0x00007f4f24085000)\n"
      "\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f4f23fc1000)\n"
      "\tlibodd.so => /opt/a folder/libodd.so (0x00007f4f23fb1000)\n"
      "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f4f23a1e000)\n"
      "\t/lib64/ld-linux-x86-64.so.2 (0x00007f4f24104000)\n",
      kPreload);
  EXPECT_THAT(found.paths, ElementsAre("/lib/x86_64-linux-gnu/libz.so.1", "/opt/a folder/libodd.so",
                                       "/lib/x86_64-linux-gnu/libc.so.6"));
  EXPECT_TRUE(found.is_preloadable);
  EXPECT_THAT(found.missing, IsEmpty());
  EXPECT_EQ(found.error, "");
}

TEST(NeededLibraries, SomeAreMissing) {
  const NeededLibraries found = parse_loader_list(
      "\tlibgone.so.1 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x00007f4f23a1e000)\n", "");
  EXPECT_THAT(found.missing, ElementsAre("libgone.so.1"));
  EXPECT_THAT(found.paths, ElementsAre("/lib/libc.so.6"));
  EXPECT_TRUE(found.is_known());
}

TEST(NeededLibraries, TheFirstThatIsMissingEndsTheList) {
  const NeededLibraries found = parse_loader_list(
      "./prog: error while loading shared libraries: libgone.so.1: cannot open shared object file: "
      "No such file or directory\n",
      kPreload);
  EXPECT_THAT(found.missing, ElementsAre("libgone.so.1"));
  EXPECT_TRUE(found.is_known());
}

TEST(NeededLibraries, ARefusalIsNoMissingLibrary) {
  const NeededLibraries found = parse_loader_list(
      "./prog: /lib/libc.so.6: version `GLIBC_2.99' not found (required by ./prog)\n", "");
  EXPECT_FALSE(found.is_known());
  EXPECT_THAT(found.error, HasSubstr("GLIBC_2.99"));
}

TEST(NeededLibraries, APreloadThatIsRefusedIsNotThere) {
  const NeededLibraries found = parse_loader_list(
      "ERROR: ld.so: object '/opt/heaptag/lib/libheaptag.so' from LD_PRELOAD cannot be preloaded "
      "(failed to map segment from shared object): ignored.\n"
      "\tlibc.so.6 => /lib/libc.so.6 (0x00007f4f23a1e000)\n",
      kPreload);
  EXPECT_FALSE(found.is_preloadable);
  EXPECT_THAT(found.error, HasSubstr("failed to map segment"));
}

TEST(NeededLibraries, NothingIsKnownOfNothing) {
  EXPECT_FALSE(parse_loader_list("", kPreload).is_known());
}

}  // namespace
}  // namespace heaptag::tools
