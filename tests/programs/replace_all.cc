// A program with its own operator new and delete: the derived forms must reach them. Its blocks
// carry a header, so that a derived form which goes to free directly crashes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

static int news;
static int deletes;
static constexpr size_t kHeaderBytes = 32;

void* operator new(size_t size) {
  news++;
  void* p = std::malloc(size + kHeaderBytes);
  if (p == nullptr) {
    throw std::bad_alloc();
  }
  return static_cast<char*>(p) + kHeaderBytes;
}

void operator delete(void* p) noexcept {
  deletes++;
  if (p != nullptr) {
    std::free(static_cast<char*>(p) - kHeaderBytes);
  }
}

static volatile size_t too_much = SIZE_MAX / 2;

int main() {
  void* volatile p = ::operator new(10);
  ::operator delete(p);
  p = ::operator new(10);
  ::operator delete (p, size_t{10});
  p = ::operator new[](10);
  ::operator delete[](p);
  p = ::operator new[](10);
  ::operator delete[](p, size_t{10});
  p = ::operator new(10, std::nothrow);
  ::operator delete(p, std::nothrow);
  p = ::operator new[](10, std::nothrow);
  ::operator delete[](p, std::nothrow);
  p = ::operator new(too_much, std::nothrow);
  std::printf("%s\n", p == nullptr ? "null" : "block");
  p = ::operator new (10, std::align_val_t{64});  // not replaced
  ::operator delete (p, std::align_val_t{64});
  std::printf("%d news, %d deletes\n", news, deletes);
  return 0;
}
