// Files below /proc as they look in real life.
#include "tools/doctor/proc_text.h"

#include <gmock/gmock.h>

namespace heaptag::tools {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ProcText, FieldsOfStatus) {
  const std::string text =
      "Name:\tSeccomp\nUmask:\t0022\nState:\tS (sleeping)\nPPid:\t17\nSeccomp:\t2\n"
      "Seccomp_filters:\t1\n";
  EXPECT_EQ(status_field(text, "Seccomp"), "2");
  EXPECT_EQ(status_field(text, "Seccomp_filters"), "1");
  EXPECT_EQ(status_field(text, "State"), "S (sleeping)");
  EXPECT_EQ(status_field(text, "Pid"), "");
  EXPECT_EQ(status_field("", "Seccomp"), "");
}

TEST(ProcText, LimitOfAddressSpace) {
  const std::string head =
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max cpu time              unlimited            unlimited            seconds   \n";
  EXPECT_EQ(address_space_limit(head + "Max address space         268435456            unlimited"
                                       "            bytes     \n"),
            268435456U);
  EXPECT_EQ(address_space_limit(head + "Max address space         unlimited            unlimited"
                                       "            bytes     \n"),
            std::nullopt);
  EXPECT_EQ(address_space_limit(""), std::nullopt);
}

TEST(ProcText, LimitsOfControlGroupsVersion2) {
  EXPECT_THAT(memory_limit_files("0::/system.slice/orderd.service\n"),
              ElementsAre("/sys/fs/cgroup/system.slice/orderd.service/memory.max",
                          "/sys/fs/cgroup/system.slice/memory.max", "/sys/fs/cgroup/memory.max"));
  EXPECT_THAT(memory_limit_files("0::/\n"), ElementsAre("/sys/fs/cgroup/memory.max"));
}

TEST(ProcText, LimitsOfControlGroupsVersion1) {
  EXPECT_THAT(memory_limit_files("9:name=systemd:/\n4:hugetlb,memory:/pod/one\n3:cpuset:/\n"),
              ElementsAre("/sys/fs/cgroup/memory/pod/one/memory.limit_in_bytes",
                          "/sys/fs/cgroup/memory/pod/memory.limit_in_bytes",
                          "/sys/fs/cgroup/memory/memory.limit_in_bytes"));
  EXPECT_THAT(memory_limit_files("3:cpuset:/memory\nno line of this kind\n"), IsEmpty());
}

TEST(ProcText, LimitsThatAreNone) {
  EXPECT_EQ(memory_limit_in("8589934592\n"), 8589934592U);
  EXPECT_EQ(memory_limit_in("max\n"), std::nullopt);
  EXPECT_EQ(memory_limit_in("9223372036854771712\n"), std::nullopt);  // version 1
  EXPECT_EQ(memory_limit_in(""), std::nullopt);
}

TEST(ProcText, Variables) {
  const std::vector<std::string> entries = {"PATH=/bin", "HEAPTAG_REPORT_X=no", "EMPTY=", "odd",
                                            "HEAPTAG_REPORT=a=b"};
  EXPECT_EQ(variable(entries, "HEAPTAG_REPORT"), "a=b");
  EXPECT_EQ(variable(entries, "EMPTY"), "");
  EXPECT_EQ(variable(entries, "odd"), std::nullopt);
  EXPECT_EQ(variable(entries, "HOME"), std::nullopt);
}

TEST(ProcText, EntriesOfPreload) {
  EXPECT_THAT(preload_entries("/a/x.so:/b/y.so  z.so:"), ElementsAre("/a/x.so", "/b/y.so", "z.so"));
  EXPECT_THAT(preload_entries(""), IsEmpty());
}

}  // namespace
}  // namespace heaptag::tools
