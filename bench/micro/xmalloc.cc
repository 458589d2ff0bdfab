// After xmalloc-test (Lever and Boreham, "malloc() performance in a multithreaded Linux
// environment", USENIX 2000), as SuperMalloc has it. Stresses blocks that all die in another thread
// than they were born in, with THREADS producers and as many consumers at one shared list: unlike
// in prodcons, nobody can know whose blocks come next, and many threads return blocks to one.
#include "bench/micro/threads.h"

namespace {

constexpr uint32_t kBatch = 256;
constexpr uint32_t kInFlight = 16;  // batches per producer: bounds the heap

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t room = PTHREAD_COND_INITIALIZER;
pthread_cond_t goods = PTHREAD_COND_INITIALIZER;

// All below is read and written under `lock`.
struct Batch {
  Batch* next;
  bench::Parcel* chain;
};

Batch* list;  // the newest first, as in the original
uint64_t waiting;
uint64_t to_come;

void put(Batch* batch, uint64_t limit) {
  pthread_mutex_lock(&lock);
  while (waiting >= limit) {
    pthread_cond_wait(&room, &lock);
  }
  batch->next = list;
  list = batch;
  ++waiting;
  pthread_cond_signal(&goods);
  pthread_mutex_unlock(&lock);
}

Batch* take_or_null() {
  pthread_mutex_lock(&lock);
  while (list == nullptr && to_come > 0) {
    pthread_cond_wait(&goods, &lock);
  }
  Batch* batch = list;
  if (batch != nullptr) {
    list = batch->next;
    --waiting;
    if (--to_come == 0) {
      pthread_cond_broadcast(&goods);
    }
    pthread_cond_signal(&room);
  }
  pthread_mutex_unlock(&lock);
  return batch;
}

void produce(uint32_t producer, uint32_t producers, uint64_t batches) {
  for (uint64_t number = producer; number < batches; number += producers) {
    bench::Rng rng(number);
    auto* batch = static_cast<Batch*>(bench::must_malloc(sizeof(Batch)));
    batch->chain = nullptr;
    for (uint32_t i = 0; i < kBatch; ++i) {
      bench::Parcel* parcel = bench::make_parcel(rng.power_law(16, 7), rng.next());
      parcel->next = batch->chain;
      batch->chain = parcel;
    }
    put(batch, uint64_t{kInFlight} * producers);
  }
}

uint64_t consume() {
  uint64_t sum = 0;
  while (Batch* batch = take_or_null()) {
    sum += bench::open_chain(batch->chain);
    std::free(batch);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto [threads, batches] = bench::threaded_work(argc, argv, 60'000, 80);
  const uint32_t producers = threads;
  const uint64_t amount = batches;
  to_come = amount;
  bench::Tally tallies[bench::kMaxThreads];
  if (2 * producers > bench::kMaxThreads) {
    bench::fail("at most 8 producers");
  }
  bench::in_threads(2 * producers, [&](uint32_t i) {
    if (i < producers) {
      produce(i, producers, amount);
    } else {
      tallies[i].sum = consume();
    }
  });
  uint64_t sum = 0;
  for (const bench::Tally& tally : tallies) {
    sum += tally.sum;
  }
  return bench::finish("xmalloc", amount * kBatch, sum);
}
