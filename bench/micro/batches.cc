// Our own, a simpler relative of sh6bench: batches of blocks, most of them tiny, freed in the order
// of allocation, in reverse, or every other one first with the rest kept for a while.
// Stresses refills and returns of whole runs of blocks, and lists that are not in address order.
#include "bench/micro/micro.h"

namespace {

constexpr uint32_t kBatch = 4'000;
constexpr uint32_t kKept = 8;  // batches whose second half stays alive

struct Item {
  void* block;
  uint32_t size;
};

Item batch[kBatch];
Item kept[kKept][kBatch / 2];

void release(Item& item, bench::Check& check) {
  if (item.block != nullptr) {
    check.add(bench::check_stamp(item.block, item.size));
    std::free(item.block);
    item.block = nullptr;
  }
}

void fill(bench::Rng& rng) {
  // Runs of equal sizes, as programs that build records have them.
  uint32_t run_size = 16;
  for (uint32_t i = 0; i < kBatch; ++i) {
    if (i % 16 == 0) {
      run_size = rng.power_law(8, 7);
    }
    batch[i] = {bench::must_malloc(run_size), run_size};
    bench::stamp(batch[i].block, run_size, static_cast<uint8_t>(i));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t rounds = bench::work(argc, argv, 16'000, 30);
  bench::Rng rng(13);
  bench::Check check;
  for (uint64_t round = 0; round < rounds; ++round) {
    fill(rng);
    switch (round % 3) {
      case 0:
        for (Item& item : batch) {
          release(item, check);
        }
        break;
      case 1:
        for (uint32_t i = kBatch; i-- > 0;) {
          release(batch[i], check);
        }
        break;
      default: {
        auto& shelf = kept[(round / 3) % kKept];
        for (uint32_t i = 0; i < kBatch; i += 2) {
          release(batch[i], check);
          release(shelf[i / 2], check);
          shelf[i / 2] = batch[i + 1];
        }
      }
    }
  }
  for (auto& shelf : kept) {
    for (Item& item : shelf) {
      release(item, check);
    }
  }
  return bench::finish("batches", rounds * kBatch, check.value());
}
