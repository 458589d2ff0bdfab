#include "core/tag/owners.h"

#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/allocator/allocator.h"
#include "core/tag/modules.h"

namespace heaptag::tag {
namespace {

constexpr size_t kSites = 100'000;

class Owners : public testing::Test {
 protected:
  // The first allocation makes the tables.
  static void SetUpTestSuite() { allocator::deallocate(allocator::allocate(1, 1 << 20)); }
};

OwnerId owner_of_site(uintptr_t site) {
  bool is_steady = true;
  return owner_of_call(site, Call{}, &is_steady);
}

// No two tests share a site. The steps are those of call sites: close together and irregular.
std::vector<uintptr_t> make_sites(uintptr_t first, size_t count) {
  std::mt19937 random(3);
  std::vector<uintptr_t> sites;
  uintptr_t site = first;
  for (size_t i = 0; i < count; ++i) {
    site += 5 + random() % 60;
    sites.push_back(site);
  }
  return sites;
}

TEST_F(Owners, ManySitesKeepTheirIds) {
  const uint32_t before = owner_count();
  const std::vector<uintptr_t> sites = make_sites(uintptr_t{1} << 32, kSites);
  std::vector<OwnerId> ids;
  for (const uintptr_t site : sites) {
    ids.push_back(owner_of_site(site));
  }
  EXPECT_EQ(owner_count(), before + kSites);
  for (size_t i = 0; i < kSites; ++i) {
    ASSERT_EQ(ids[i], OwnerId{static_cast<uint32_t>(before + i)});
    ASSERT_EQ(owner_of_site(sites[i]), ids[i]);
    ASSERT_EQ(owners()[index_of(ids[i])].site, sites[i]);
  }
  EXPECT_EQ(owner_count(), before + kSites);
}

TEST_F(Owners, ThreadsThatMeetASiteAtOnceAgree) {
  constexpr unsigned kThreads = 4;
  const uint32_t before = owner_count();
  const std::vector<uintptr_t> sites = make_sites(uintptr_t{2} << 32, kSites / 4);
  std::vector<std::vector<OwnerId>> ids(kThreads, std::vector<OwnerId>(sites.size()));
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::vector<size_t> order(sites.size());
      std::iota(order.begin(), order.end(), 0);
      // Two go together through the sites, two find their own way.
      if (t >= 2) {
        std::shuffle(order.begin(), order.end(), std::mt19937(t));
      }
      for (const size_t i : order) {
        ids[t][i] = owner_of_site(sites[i]);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(owner_count(), before + sites.size());
  std::set<OwnerId> different(ids[0].begin(), ids[0].end());
  EXPECT_EQ(different.size(), sites.size());
  for (unsigned t = 1; t < kThreads; ++t) {
    EXPECT_EQ(ids[t], ids[0]);
  }
  for (size_t i = 0; i < sites.size(); ++i) {
    ASSERT_EQ(owners()[index_of(ids[0][i])].site, sites[i]);
  }
}

TEST_F(Owners, KnowTheirModule) {
  const auto here = reinterpret_cast<uintptr_t>(&make_sites) + 1;
  const auto in_libc = reinterpret_cast<uintptr_t>(&gnu_get_libc_version) + 1;
  const wire::OwnerRecord& ours = owners()[index_of(owner_of_site(here))];
  const wire::OwnerRecord& libc = owners()[index_of(owner_of_site(in_libc))];
  const wire::OwnerRecord& nobody = owners()[index_of(owner_of_site(0x1234567))];
  ASSERT_NE(ours.module, 0U);
  ASSERT_NE(libc.module, 0U);
  EXPECT_NE(ours.module, libc.module);
  EXPECT_EQ(nobody.module, 0U);
  EXPECT_EQ(nobody.offset, 0x1234566U);
  const wire::ModuleRecord& module = modules()[ours.module];
  EXPECT_EQ(ours.offset, here - 1 - module.base);
  EXPECT_LE(module.begin, here);
  EXPECT_GT(module.end, here);
  char program[4096] = {};
  ASSERT_GT(readlink("/proc/self/exe", program, sizeof program - 1), 0);
  EXPECT_STREQ(reinterpret_cast<const char*>(module.path), program);
  EXPECT_NE(std::string(reinterpret_cast<const char*>(modules()[libc.module].path)).find("libc"),
            std::string::npos);
  EXPECT_EQ(modules()[libc.module].build_id_bytes, 20U) << "Debian's libc has one";
}

TEST_F(Owners, OneRecordPerModule) {
  const auto here = reinterpret_cast<uintptr_t>(&make_sites);
  owner_of_site(here + 1);
  const uint32_t before = module_count();
  for (uintptr_t i = 2; i < 20; ++i) {
    owner_of_site(here + i);
  }
  EXPECT_EQ(module_count(), before);
}

// In a process of its own, because nobody gets a new owner afterwards.
void fill_a_small_table() {
  constexpr size_t kMore = 5000;
  const uint32_t before = owner_count();
  trim_owners(kMore);
  const std::vector<uintptr_t> sites = make_sites(uintptr_t{3} << 32, 10 * kMore);
  size_t own = 0;
  while (own < sites.size() && owner_of_site(sites[own]) != kOverflowOwner) {
    ++own;
  }
  EXPECT_EQ(own, kMore);
  EXPECT_EQ(owner_count(), before + own);
  for (size_t i = 0; i < sites.size(); ++i) {
    const uint32_t expected =
        i < own ? before + static_cast<uint32_t>(i) : index_of(kOverflowOwner);
    ASSERT_EQ(index_of(owner_of_site(sites[i])), expected);
  }
  exit(testing::Test::HasFailure() ? 1 : 0);
}

TEST_F(Owners, SitesBeyondTheCapacityShareOne) {
  EXPECT_EXIT(fill_a_small_table(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace heaptag::tag
