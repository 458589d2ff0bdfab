// A program that replaces only the array and the aligned scalar forms, in pairs.
#include <cstdio>
#include <cstdlib>
#include <new>

static int array_calls;
static int aligned_calls;
static constexpr size_t kHeaderBytes = 256;

void* operator new[](size_t size) {
  array_calls++;
  return static_cast<char*>(std::malloc(size + kHeaderBytes)) + kHeaderBytes;
}

void operator delete[](void* p) noexcept {
  array_calls++;
  std::free(static_cast<char*>(p) - kHeaderBytes);
}

void* operator new(size_t size, std::align_val_t alignment) {
  aligned_calls++;
  const size_t header = static_cast<size_t>(alignment);
  return static_cast<char*>(std::aligned_alloc(header, size + header)) + header;
}

void operator delete(void* p, std::align_val_t alignment) noexcept {
  aligned_calls++;
  std::free(static_cast<char*>(p) - static_cast<size_t>(alignment));
}

int main() {
  constexpr std::align_val_t kWide{256};
  void* volatile p = ::operator new(10);
  ::operator delete (p, size_t{10});
  p = ::operator new[](10);
  ::operator delete[](p, size_t{10});
  p = ::operator new[](10, std::nothrow);
  ::operator delete[](p, std::nothrow);
  p = ::operator new(10, kWide);
  ::operator delete (p, size_t{10}, kWide);
  p = ::operator new(10, kWide, std::nothrow);
  ::operator delete(p, kWide, std::nothrow);
  p = ::operator new[](10, kWide);
  ::operator delete[](p, kWide);
  p = ::operator new[](10, kWide, std::nothrow);
  ::operator delete[](p, size_t{10}, kWide);
  std::printf("%d array, %d aligned\n", array_calls, aligned_calls);
  return 0;
}
