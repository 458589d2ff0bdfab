#include "core/base/descriptor_path.h"

#include <gtest/gtest.h>

namespace heaptag {
namespace {

TEST(DescriptorPath, NamesOfDescriptors) {
  EXPECT_EQ(descriptor_of_path("/dev/stdout"), 1);
  EXPECT_EQ(descriptor_of_path("/dev/stderr"), 2);
  EXPECT_EQ(descriptor_of_path("/dev/fd/0"), 0);
  EXPECT_EQ(descriptor_of_path("/dev/fd/27"), 27);
  EXPECT_EQ(descriptor_of_path("/proc/self/fd/3"), 3);
}

TEST(DescriptorPath, OtherPaths) {
  for (const char* path : {"", "/dev/null", "/dev/fd/", "/dev/fd/x", "/dev/fd/-1", "/dev/fd/3.1",
                           "/dev/fd/99999999", "/dev/stderr.1", "/dev/shm/fd", "dev/stdout"}) {
    EXPECT_EQ(descriptor_of_path(path), -1) << path;
  }
}

}  // namespace
}  // namespace heaptag
