// After sh6bench (MicroQuill, shipped with SmartHeap): batches of blocks of 1 to 1,000 B, the small
// ones in the majority, mostly freed last in, first out, some in the order of allocation, some from
// both ends. Stresses runs of equal blocks that are freed in every order, with a tenth of the
// batches kept for much longer, so that what is free lies between what is not.
#include "bench/micro/micro.h"

namespace {

constexpr uint32_t kLargest = 1'000;
constexpr uint32_t kBatch = 6'000;
constexpr uint32_t kKept = 12;  // batches that stay for 120 rounds

struct Item {
  uint8_t* block;
  uint32_t size;
};

struct Batch {
  Item items[kBatch];
  uint32_t count;
};

Batch young;
Batch kept[kKept];

void fill(Batch& batch, bench::Rng& rng) {
  batch.count = 0;
  while (batch.count < kBatch) {
    const uint32_t size = 1 + rng.below(1 + rng.below(kLargest));
    for (uint32_t run = 1 + rng.below(16); run > 0 && batch.count < kBatch; --run) {
      auto* block = static_cast<uint8_t*>(bench::must_malloc(size));
      bench::stamp(block, size, static_cast<uint8_t>(rng.next()));
      batch.items[batch.count++] = {block, size};
    }
  }
}

void release(const Item& item, bench::Check& check) {
  check.add(bench::check_stamp(item.block, item.size));
  std::free(item.block);
}

void empty(Batch& batch, uint64_t order, bench::Check& check) {
  const uint32_t count = batch.count;
  for (uint32_t i = 0; i < count; ++i) {
    if (order == 0) {
      release(batch.items[i], check);
    } else if (order == 1) {
      release(batch.items[i % 2 == 0 ? i / 2 : count - 1 - i / 2], check);
    } else {
      release(batch.items[count - 1 - i], check);
    }
  }
  batch.count = 0;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t rounds = bench::work(argc, argv, 5'000, 20);
  bench::Rng rng(61);
  bench::Check check;
  for (uint64_t round = 0; round < rounds; ++round) {
    if (round % 10 == 0) {
      Batch& old = kept[(round / 10) % kKept];
      empty(old, round % 3, check);
      fill(old, rng);
    } else {
      fill(young, rng);
      empty(young, round % 4, check);
    }
  }
  for (Batch& batch : kept) {
    empty(batch, 0, check);
  }
  return bench::finish("sh6bench", rounds * kBatch, check.value());
}
