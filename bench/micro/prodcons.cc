// After xmalloc-test (Lever and Boreham, "malloc() performance in a multithreaded Linux
// environment", USENIX 2000). Stresses the path of frees from another thread: one thread only
// allocates, the other only frees, in batches through a bounded queue.
#include <pthread.h>

#include "bench/micro/micro.h"

namespace {

constexpr uint32_t kBatch = 512;
constexpr uint32_t kQueue = 16;  // batches in flight: bounds the heap at about 1 MB

struct Item {
  void* block;
  uint32_t size;
};

struct Batch {
  Item items[kBatch];
};

// A ring with a mutex: it is touched once per 512 blocks, so that its cost stays out of the result.
Batch ring[kQueue];
uint64_t produced;
uint64_t consumed;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
uint64_t batches;

void wait_until_below(const uint64_t& counter, uint64_t offset, const uint64_t& limit) {
  pthread_mutex_lock(&lock);
  while (!(counter < limit + offset)) {
    pthread_cond_wait(&changed, &lock);
  }
  pthread_mutex_unlock(&lock);
}

void advance(uint64_t& counter) {
  pthread_mutex_lock(&lock);
  ++counter;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&lock);
}

void* produce(void*) {
  bench::Rng rng(7);
  for (uint64_t n = 0; n < batches; ++n) {
    wait_until_below(produced, kQueue, consumed);
    for (Item& item : ring[n % kQueue].items) {
      item.size = rng.power_law(16, 7);
      item.block = bench::must_malloc(item.size);
      bench::stamp(item.block, item.size, static_cast<uint8_t>(rng.next()));
    }
    advance(produced);
  }
  return nullptr;
}

void* consume(void* argument) {
  auto& check = *static_cast<bench::Check*>(argument);
  for (uint64_t n = 0; n < batches; ++n) {
    wait_until_below(consumed, 0, produced);
    for (Item& item : ring[n % kQueue].items) {
      check.add(bench::check_stamp(item.block, item.size));
      std::free(item.block);
    }
    advance(consumed);
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  batches = bench::work(argc, argv, 20'000, 40);
  bench::Check check;
  pthread_t producer;
  pthread_t consumer;
  if (pthread_create(&producer, nullptr, produce, nullptr) != 0 ||
      pthread_create(&consumer, nullptr, consume, &check) != 0) {
    bench::fail("pthread_create failed");
  }
  pthread_join(producer, nullptr);
  pthread_join(consumer, nullptr);
  return bench::finish("prodcons", batches * kBatch, check.value());
}
