// Tags as C++ scopes: through exceptions, from many threads, with blocks that others free.
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

#include "heaptag/heaptag.h"

namespace {

__attribute__((noinline)) void throws_inside() {
  heaptag::TagScope scope("thrown");
  throw std::runtime_error("out of the scope");
}

void work(unsigned thread, std::vector<char*>* kept) {
  for (unsigned i = 0; i < 20000; ++i) {
    heaptag::TagScope scope((i + thread) % 2 == 0 ? "even" : "odd");
    kept->push_back(static_cast<char*>(std::malloc(48)));
  }
}

}  // namespace

int main() {
  constexpr unsigned kThreads = 4;
  std::vector<std::vector<char*>> kept(kThreads);
  for (auto& blocks : kept) {
    blocks.reserve(20000);
  }
  try {
    throws_inside();
  } catch (const std::runtime_error&) {
  }
  void* untagged = std::malloc(333);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back(work, i, &kept[i]);
  }
  for (auto& thread : threads) {
    thread.join();
  }
  // Every block of the first two threads goes back, from here.
  for (unsigned i = 0; i < 2; ++i) {
    for (char* block : kept[i]) {
      std::free(block);
    }
  }
  return untagged == nullptr;
}
