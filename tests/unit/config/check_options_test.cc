#include "core/config/check_options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace heaptag::config {
namespace {

struct Outcome {
  CheckOptions check;
  std::vector<std::string> complaints;  // NAME=VALUE ADVICE
};

/// What the library makes of these variables.
Outcome read(std::vector<std::string> entries) {
  std::vector<char*> block;
  for (std::string& entry : entries) {
    block.push_back(entry.data());
  }
  block.push_back(nullptr);
  Outcome outcome;
  const auto tell = [](void* context, std::string_view name, std::string_view value,
                       std::string_view advice) {
    static_cast<Outcome*>(context)->complaints.push_back(
        std::string(name) + "=" + std::string(value) + " " + std::string(advice));
  };
  outcome.check = read_options(block.data(), {tell, &outcome}).check;
  // The tag's name would go with the entries.
  outcome.check.guard_tag = nullptr;
  return outcome;
}

CheckOptions checks_of(std::vector<std::string> entries) {
  const Outcome outcome = read(std::move(entries));
  EXPECT_TRUE(outcome.complaints.empty());
  return outcome.check;
}

std::string guarded_tag(const std::string& value) {
  const Complaints none{};  // nothing is told
  CheckReader reader(none);
  EXPECT_TRUE(reader.read("HEAPTAG_GUARD", value.c_str()));
  return std::string(reader.result().guarded_tag());
}

TEST(CheckOptions, NothingIsCheckedByDefault) {
  const CheckOptions check = checks_of({"HEAPTAG_LOG=stderr"});
  EXPECT_FALSE(check.any());
  EXPECT_EQ(check.quarantine_bytes, CheckOptions::kDefaultBytes);
  EXPECT_EQ(check.on_error, OnError::kDefault);
  EXPECT_EQ(check.exit_code, 0);
  EXPECT_EQ(check.stack, 0U);
  EXPECT_EQ(check.suppressions, nullptr);
}

TEST(CheckOptions, BasicAndFullAreManyInOne) {
  const CheckOptions basic = checks_of({"HEAPTAG_CHECK=basic"});
  EXPECT_TRUE(basic.any());
  EXPECT_TRUE(basic.kmem_debug);
  EXPECT_EQ(basic.redzone_bytes, 16U);
  EXPECT_EQ(basic.guard_every, 1000U);
  EXPECT_EQ(basic.on_error, OnError::kReport);
  EXPECT_EQ(basic.stack, 16U);
  EXPECT_EQ(basic.quarantine_bytes, CheckOptions::kDefaultBytes);
  const CheckOptions full = checks_of({"HEAPTAG_CHECK=full"});
  EXPECT_TRUE(full.kmem_debug);
  EXPECT_EQ(full.redzone_bytes, 16U);
  EXPECT_EQ(full.guard_every, 1U);
}

TEST(CheckOptions, SingleOnesWinInEveryOrder) {
  std::vector<std::string> entries = {"HEAPTAG_CHECK=full", "HEAPTAG_KMEM_DEBUG=0",
                                      "HEAPTAG_REDZONE=0",  "HEAPTAG_GUARD=off",
                                      "HEAPTAG_STACK=3",    "HEAPTAG_ON_ERROR=abort"};
  for (size_t turn = 0; turn < entries.size(); ++turn) {
    const CheckOptions check = checks_of(entries);
    EXPECT_FALSE(check.any()) << turn;
    EXPECT_EQ(check.stack, 3U);
    EXPECT_EQ(check.on_error, OnError::kAbort);
    std::rotate(entries.begin(), entries.begin() + 1, entries.end());
  }
}

TEST(CheckOptions, KmemDebugAloneLeavesTheRestToItsReader) {
  const CheckOptions check = checks_of({"HEAPTAG_KMEM_DEBUG=1"});
  EXPECT_TRUE(check.kmem_debug);
  EXPECT_EQ(check.on_error, OnError::kDefault);
  EXPECT_EQ(check.stack, 0U);
  EXPECT_EQ(check.redzone_bytes, 0U);
  EXPECT_EQ(check.guard_every, 0U);
}

TEST(CheckOptions, Numbers) {
  EXPECT_EQ(checks_of({"HEAPTAG_QUARANTINE=0"}).quarantine_bytes, 0U);
  EXPECT_EQ(checks_of({"HEAPTAG_QUARANTINE=100"}).quarantine_bytes, 100U);
  EXPECT_EQ(checks_of({"HEAPTAG_QUARANTINE=3K"}).quarantine_bytes, 3072U);
  EXPECT_EQ(checks_of({"HEAPTAG_QUARANTINE=64M"}).quarantine_bytes, size_t{64} << 20);
  EXPECT_EQ(checks_of({"HEAPTAG_QUARANTINE=2g"}).quarantine_bytes, size_t{2} << 30);
  EXPECT_NE(checks_of({"HEAPTAG_QUARANTINE=18446744073709551615"}).quarantine_bytes,
            CheckOptions::kDefaultBytes);
  EXPECT_EQ(checks_of({"HEAPTAG_REDZONE=2048"}).redzone_bytes, 2048U);
  EXPECT_EQ(checks_of({"HEAPTAG_EXITCODE=255"}).exit_code, 255);
  EXPECT_EQ(checks_of({"HEAPTAG_STACK=64"}).stack, 64U);
}

TEST(CheckOptions, Guards) {
  EXPECT_EQ(checks_of({"HEAPTAG_GUARD=all"}).guard_every, 1U);
  EXPECT_EQ(checks_of({"HEAPTAG_GUARD=1/1"}).guard_every, 1U);
  EXPECT_EQ(checks_of({"HEAPTAG_GUARD=1/4294967295"}).guard_every, UINT32_MAX);
  EXPECT_FALSE(checks_of({"HEAPTAG_GUARD=1/8"}).guard_aligned);
  EXPECT_TRUE(checks_of({"HEAPTAG_GUARD=1/8,aligned"}).guard_aligned);
  EXPECT_TRUE(checks_of({"HEAPTAG_GUARD=all,aligned"}).guard_aligned);
  EXPECT_EQ(guarded_tag("tag:conn_new"), "conn_new");
  EXPECT_EQ(guarded_tag("tag:conn_new,aligned"), "conn_new");
  EXPECT_EQ(guarded_tag("tag:std::vector<a, b>::push_back"), "std::vector<a, b>::push_back");
  EXPECT_EQ(guarded_tag("all"), "");
  const CheckOptions tag = checks_of({"HEAPTAG_CHECK=basic", "HEAPTAG_GUARD=tag:x"});
  EXPECT_EQ(tag.guard_every, 0U) << "the tag's blocks and no others";
}

TEST(CheckOptions, MalformedValuesAreToldAndLeftOut) {
  const std::pair<const char*, const char*> wrong[] = {{"CHECK", "1"},
                                                       {"CHECK", "0"},
                                                       {"CHECK", ""},
                                                       {"CHECK", "Full"},
                                                       {"KMEM_DEBUG", "yes"},
                                                       {"KMEM_DEBUG", ""},
                                                       {"KMEM_DEBUG", "2"},
                                                       {"QUARANTINE", ""},
                                                       {"QUARANTINE", "K"},
                                                       {"QUARANTINE", "1T"},
                                                       {"QUARANTINE", "-1"},
                                                       {"QUARANTINE", "99999999999G"},
                                                       {"REDZONE", "2049"},
                                                       {"REDZONE", "16K"},
                                                       {"REDZONE", ""},
                                                       {"GUARD", "1/0"},
                                                       {"GUARD", "1/"},
                                                       {"GUARD", "2/3"},
                                                       {"GUARD", "tag:"},
                                                       {"GUARD", "off,aligned"},
                                                       {"GUARD", "1/4294967296"},
                                                       {"GUARD", ",aligned"},
                                                       {"GUARD", ""},
                                                       {"GUARD", "tag:,aligned"},
                                                       {"ON_ERROR", "die"},
                                                       {"ON_ERROR", ""},
                                                       {"EXITCODE", "0"},
                                                       {"EXITCODE", "256"},
                                                       {"EXITCODE", "1x"},
                                                       {"SUPPRESSIONS", ""},
                                                       {"STACK", "0"},
                                                       {"STACK", "65"},
                                                       {"STACK", ""}};
  for (const auto& [name, value] : wrong) {
    const std::string entry = "HEAPTAG_" + std::string(name) + "=" + value;
    const Outcome outcome = read({entry});
    ASSERT_EQ(outcome.complaints.size(), 1U) << entry;
    EXPECT_TRUE(outcome.complaints[0].starts_with(entry + " is ")) << outcome.complaints[0];
    EXPECT_FALSE(outcome.check.any()) << entry;
    EXPECT_EQ(outcome.check.stack, 0U);
  }
}

TEST(CheckOptions, AdviceNamesWhatWouldBeRight) {
  const auto about = [](const char* entry) { return read({entry}).complaints.at(0); };
  EXPECT_EQ(about("HEAPTAG_CHECK=1"), "HEAPTAG_CHECK=1 is neither basic nor full");
  EXPECT_EQ(about("HEAPTAG_QUARANTINE=x"), "HEAPTAG_QUARANTINE=x is no size: use 0, 256K, 64M, 1G");
  EXPECT_EQ(about("HEAPTAG_GUARD=9"),
            "HEAPTAG_GUARD=9 is none of 1/1000, all, tag:NAME, off (,aligned may follow)");
  EXPECT_EQ(about("HEAPTAG_STACK=99"), "HEAPTAG_STACK=99 is no number of frames from 1 to 64");
}

}  // namespace
}  // namespace heaptag::config
