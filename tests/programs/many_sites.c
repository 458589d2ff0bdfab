// 4,096 functions that allocate, each 3 blocks of its own size from 1 to 4,096; says "ready" and
// waits to be killed.
#include <stdlib.h>
#include <unistd.h>

// clang-format off
#define EIGHT_1(macro, x) \
  macro(x##0) macro(x##1) macro(x##2) macro(x##3) macro(x##4) macro(x##5) macro(x##6) macro(x##7)
// A macro does not expand inside itself: one copy for each level.
#define EIGHT_2(macro, x) \
  macro(x##0) macro(x##1) macro(x##2) macro(x##3) macro(x##4) macro(x##5) macro(x##6) macro(x##7)
#define EIGHT_3(macro, x) \
  macro(x##0) macro(x##1) macro(x##2) macro(x##3) macro(x##4) macro(x##5) macro(x##6) macro(x##7)
#define EIGHT_4(macro, x) \
  macro(x##0) macro(x##1) macro(x##2) macro(x##3) macro(x##4) macro(x##5) macro(x##6) macro(x##7)
// clang-format on
#define DEFINE(x)                                             \
  __attribute__((noinline, noclone)) static void f##x(void) { \
    char* p = malloc(__COUNTER__ + 1);                        \
    p[0] = 1;                                                 \
    kept = p;                                                 \
  }
#define DEFINE_2(x) EIGHT_1(DEFINE, x)
#define DEFINE_3(x) EIGHT_2(DEFINE_2, x)
#define DEFINE_4(x) EIGHT_3(DEFINE_3, x)
#define CALL(x) f##x();
#define CALL_2(x) EIGHT_1(CALL, x)
#define CALL_3(x) EIGHT_2(CALL_2, x)
#define CALL_4(x) EIGHT_3(CALL_3, x)

static void* volatile kept;
EIGHT_4(DEFINE_4, _)

int main(void) {
  for (int round = 0; round < 3; round++) {
    EIGHT_4(CALL_4, _)
  }
  if (write(1, "ready\n", 6) != 6) {
    return 4;
  }
  pause();
  return kept != NULL;
}
