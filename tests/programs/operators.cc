// All twenty operators, called as functions and by new expressions, and their failure paths.
// The output is the same under every conforming allocator.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>

static constexpr size_t kTooMuch = SIZE_MAX / 2 + 1;
static volatile size_t too_much = kTooMuch;
static constexpr std::align_val_t kWide{256};
static int handler_calls;

static void give_up_after_three() {
  if (++handler_calls == 3) {
    std::set_new_handler(nullptr);
  }
}

static void throw_own() {
  throw 42;
}

static void say(const char* what, void* p, size_t size, size_t alignment = 16) {
  std::printf("%s: %s aligned=%d\n", what, p == nullptr ? "null" : "block",
              reinterpret_cast<uintptr_t>(p) % alignment == 0);
  std::memset(p, 0x5a, size);
}

template <typename Function>
static void attempt(const char* what, Function function) {
  handler_calls = 0;
  std::set_new_handler(nullptr);
  try {
    void* p = function();
    std::printf("%s: %s", what, p == nullptr ? "null" : "block");
  } catch (const std::bad_alloc& error) {
    std::printf("%s: %s", what, error.what());
  } catch (int value) {
    std::printf("%s: threw %d", what, value);
  }
  std::printf(", handler called %d times\n", handler_calls);
  std::set_new_handler(nullptr);
}

static void successes() {
  void* p = ::operator new(100);
  say("new", p, 100);
  ::operator delete(p);
  p = ::operator new(100);
  ::operator delete (p, size_t{100});
  p = ::operator new(0);
  say("new 0", p, 0);
  ::operator delete (p, size_t{0});
  p = ::operator new[](101);
  say("new[]", p, 101);
  ::operator delete[](p);
  p = ::operator new[](101);
  ::operator delete[](p, size_t{101});
  p = ::operator new(102, std::nothrow);
  say("new nothrow", p, 102);
  ::operator delete(p, std::nothrow);
  p = ::operator new[](103, std::nothrow);
  say("new[] nothrow", p, 103);
  ::operator delete[](p, std::nothrow);
  p = ::operator new(104, kWide);
  say("new aligned", p, 104, 256);
  ::operator delete(p, kWide);
  p = ::operator new(104, kWide);
  ::operator delete (p, size_t{104}, kWide);
  p = ::operator new[](105, kWide);
  say("new[] aligned", p, 105, 256);
  ::operator delete[](p, kWide);
  p = ::operator new[](105, kWide);
  ::operator delete[](p, size_t{105}, kWide);
  p = ::operator new(106, kWide, std::nothrow);
  say("new aligned nothrow", p, 106, 256);
  ::operator delete(p, kWide, std::nothrow);
  p = ::operator new[](107, kWide, std::nothrow);
  say("new[] aligned nothrow", p, 107, 256);
  ::operator delete[](p, kWide, std::nothrow);
  p = ::operator new (1, std::align_val_t{1 << 21});
  say("new aligned 2M", p, 1, 1 << 21);
  ::operator delete (p, std::align_val_t{1 << 21});
  ::operator delete(nullptr);
  ::operator delete[](nullptr);
  ::operator delete (nullptr, size_t{8});
  ::operator delete[](nullptr, size_t{8});
  ::operator delete(nullptr, kWide);
  ::operator delete[](nullptr, kWide, std::nothrow);
}

static void failures() {
  attempt("new", [] { return ::operator new(too_much); });
  attempt("new[]", [] { return ::operator new[](too_much); });
  attempt("new nothrow", [] { return ::operator new(too_much, std::nothrow); });
  attempt("new[] nothrow", [] { return ::operator new[](too_much, std::nothrow); });
  attempt("new aligned", [] { return ::operator new(too_much, kWide); });
  attempt("new[] aligned", [] { return ::operator new[](too_much, kWide); });
  attempt("new aligned nothrow", [] { return ::operator new(too_much, kWide, std::nothrow); });
  attempt("new[] aligned nothrow", [] { return ::operator new[](too_much, kWide, std::nothrow); });
  attempt("new, handler", [] {
    std::set_new_handler(give_up_after_three);
    return ::operator new(too_much);
  });
  attempt("new nothrow, handler", [] {
    std::set_new_handler(give_up_after_three);
    return ::operator new(too_much, std::nothrow);
  });
  attempt("new aligned, handler", [] {
    std::set_new_handler(give_up_after_three);
    return ::operator new(too_much, kWide);
  });
  attempt("new[], throwing handler", [] {
    std::set_new_handler(throw_own);
    return ::operator new[](too_much);
  });
  attempt("array of size n", [] { return static_cast<void*>(new char[too_much]); });
  attempt("afterwards", [] {
    void* p = ::operator new(10);
    ::operator delete(p);
    return p;
  });
}

int main() {
  successes();
  failures();
  return 0;
}
