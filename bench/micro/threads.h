// What the workloads with threads share: how many there are, starting them all, and blocks that
// can be checked and freed by whoever holds them. What threads read back is added up, because a sum
// is the same in every order.
#pragma once

#include <pthread.h>

#include <atomic>

#include "bench/micro/micro.h"

namespace bench {

constexpr uint32_t kMaxThreads = 16;

struct Task {
  uint32_t threads;
  uint64_t work;  // of all threads together: more threads do the same in smaller parts
};

/// As work(), for workloads whose first argument is a number of threads.
inline Task threaded_work(int argc, char** argv, uint64_t full, uint64_t smoke) {
  const long threads = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (threads < 1 || threads > static_cast<long>(kMaxThreads)) {
    std::fprintf(stderr, "usage: %s THREADS [--smoke | --work N]\n", argv[0]);
    std::exit(2);
  }
  return {static_cast<uint32_t>(threads), work(argc - 1, argv + 1, full, smoke)};
}

/// A number that one thread writes, on a cache line of its own.
struct alignas(128) Tally {
  uint64_t sum = 0;
};

/// Runs body(0) to body(count - 1), each in a thread of its own, and waits for all of them.
template <class Body>
void in_threads(uint32_t count, const Body& body) {
  struct Start {
    const Body* body;
    uint32_t index;
    pthread_t thread;
  };

  Start starts[kMaxThreads];
  for (uint32_t i = 0; i < count; ++i) {
    starts[i] = {&body, i, {}};
    const auto run = [](void* argument) -> void* {
      const Start& start = *static_cast<Start*>(argument);
      (*start.body)(start.index);
      return nullptr;
    };
    if (pthread_create(&starts[i].thread, nullptr, run, &starts[i]) != 0) {
      fail("pthread_create failed");
    }
  }
  for (uint32_t i = 0; i < count; ++i) {
    pthread_join(starts[i].thread, nullptr);
  }
}

/// The beginning of a block that says what it is, so that any thread can check and free it.
struct Parcel {
  uint32_t size;
  uint32_t mark;
  Parcel* next;
};

inline Parcel* make_parcel(uint32_t size, uint64_t mark) {
  const uint32_t whole = size <= sizeof(Parcel) ? sizeof(Parcel) + 1 : size;
  auto* parcel = static_cast<Parcel*>(must_malloc(whole));
  *parcel = {whole, static_cast<uint32_t>(mark), nullptr};
  reinterpret_cast<uint8_t*>(parcel)[whole - 1] = static_cast<uint8_t>(mark);
  return parcel;
}

/// Frees the parcel, which may be null. Returns: what was read back from it, for a sum.
inline uint64_t open_parcel(Parcel* parcel) {
  if (parcel == nullptr) {
    return 0;
  }
  const uint64_t size = parcel->size;
  const uint64_t mark = parcel->mark;
  if (reinterpret_cast<uint8_t*>(parcel)[size - 1] != static_cast<uint8_t>(mark)) {
    fail("a live block was overwritten");
  }
  std::free(parcel);
  return size * 0x10001 + mark;
}

/// The same for a whole chain.
inline uint64_t open_chain(Parcel* chain) {
  uint64_t sum = 0;
  while (chain != nullptr) {
    Parcel* next = chain->next;
    sum += open_parcel(chain);
    chain = next;
  }
  return sum;
}

}  // namespace bench
