// Replaces one operator new and calls a form that is derived from it.
#include <cstdlib>
#include <new>

void* operator new(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) {
    throw std::bad_alloc();
  }
  return block;
}

void operator delete(void* block) noexcept {
  std::free(block);
}

void operator delete(void* block, std::size_t /*size*/) noexcept {
  std::free(block);
}

__attribute__((noinline)) char* blamed_for_nothrow() {
  char* block = new (std::nothrow) char[50];
  __asm__ volatile("" : : "r"(block) : "memory");
  return block;
}

int main() {
  for (int i = 0; i < 20; ++i) {
    delete[] blamed_for_nothrow();
  }
}
