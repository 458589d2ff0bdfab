// C++ call sites: the site is the code that says new, whichever operator that is.
#include <cstdio>
#include <new>
#include <vector>

#define SITE __attribute__((noinline, noclone)) static

struct alignas(64) Wide {
  char bytes[64];
};

struct Big {
  char bytes[1000];
};

static void* volatile sink;

SITE void new_one(int count) {
  for (int i = 0; i < count; i++) {
    sink = new Big;
  }
}

SITE void new_array(int count) {
  for (int i = 0; i < count; i++) {
    sink = new char[321];
  }
}

SITE void new_nothrow(int count) {
  for (int i = 0; i < count; i++) {
    sink = new (std::nothrow) Big;
    sink = new (std::nothrow) char[21];
  }
}

SITE void new_aligned(int count) {
  for (int i = 0; i < count; i++) {
    sink = new Wide;
    sink = new Wide[2];
    sink = new (std::nothrow) Wide;
    sink = new (std::nothrow) Wide[3];
  }
}

template <typename T>
__attribute__((noinline, noclone)) static T* make_any(int count) {
  T* last = nullptr;
  for (int i = 0; i < count; i++) {
    last = new T();
  }
  return last;
}

namespace space {

struct Maker {
  __attribute__((noinline, noclone)) void member(int count) {
    for (int i = 0; i < count; i++) {
      made = new char[50];
    }
  }

  char* made = nullptr;
};

}  // namespace space

SITE void new_and_delete(int count) {
  for (int i = 0; i < count; i++) {
    Big* one = new Big;
    sink = one;
    delete one;
    char* some = new char[60];
    sink = some;
    delete[] some;
    Wide* wide = new Wide;
    sink = wide;
    delete wide;
  }
}

int main() {
  new_one(11);
  new_array(13);
  new_nothrow(5);
  new_aligned(3);
  sink = make_any<double>(4);
  sink = make_any<long double>(6);
  space::Maker maker;
  maker.member(9);
  new_and_delete(10);
  std::puts("done");
  return 0;
}
