// Our own, after the counts of call sites in real programs (clang: 2,653 sites, 5,473 site and size
// pairs, nine in ten of which never hold more than 16 blocks). Stresses what accounting per call
// site may cost: ten thousand places in the code that allocate, each holding a few blocks of its
// own size.
#include <array>
#include <utility>

#include "bench/micro/micro.h"

namespace {

constexpr uint32_t kSites = 10'000;
constexpr uint32_t kHeld = 4;  // live blocks per site

using Allocate = void* (*)();

constexpr uint32_t size_of_site(uint32_t site) {
  return 16 + (site * 37) % 496;
}

// One function, and so one return address, per number. What it writes differs from site to site:
// the compiler would fold equal functions into one, and a call in tail position would be a jump
// that leaves the caller's return address.
template <uint32_t kSite>
__attribute__((noinline)) void* allocate_here() {
  void* block = std::malloc(size_of_site(kSite));
  if (block == nullptr) {
    bench::fail("malloc failed");
  }
  *static_cast<uint32_t*>(block) = kSite;
  return block;
}

template <uint32_t... kNumbers>
constexpr std::array<Allocate, sizeof...(kNumbers)> make_sites(
    std::integer_sequence<uint32_t, kNumbers...>) {
  return {allocate_here<kNumbers>...};
}

constexpr std::array<Allocate, kSites> sites =
    make_sites(std::make_integer_sequence<uint32_t, kSites>{});

void* held[kSites][kHeld];

}  // namespace

int main(int argc, char** argv) {
  const uint64_t operations = bench::work(argc, argv, 24'000'000, 100'000);
  bench::Rng rng(3);
  bench::Check check;
  for (uint64_t i = 0; i < operations; ++i) {
    // Half of all calls come from a tenth of the sites, and start-up touches every site once.
    const bool hot = (rng.next() >> 63) != 0;
    const uint32_t site =
        i < kSites ? static_cast<uint32_t>(i) : rng.below(hot ? kSites / 10 : kSites);
    void*& slot = held[site][rng.below(kHeld)];
    if (slot != nullptr) {
      check.add(*static_cast<uint32_t*>(slot));
      std::free(slot);
    }
    slot = sites[site]();
  }
  for (auto& blocks : held) {
    for (void* block : blocks) {
      std::free(block);
    }
  }
  return bench::finish("sites", operations, check.value());
}
