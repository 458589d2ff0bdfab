// What threads do while they end: destructors of thread-specific data that allocate and free in
// several rounds, thread_local objects, cancellation, pthread_exit, a smallest stack, and threads
// that never allocated before.
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

static pthread_key_t keys[40];
static int rounds[40];

__attribute__((noinline, noclone)) static void* in_destructor(size_t size) {
  void* p = std::malloc(size);
  std::memset(p, 1, size);
  return p;
}

// Frees its value and sets a new one: comes back until the rounds are over.
static void destroy(void* value) {
  std::free(value);
  std::free(in_destructor(100));
  const int k = rounds[39]++ % 40;
  pthread_setspecific(keys[k], in_destructor(200));
  pthread_setspecific(keys[k], nullptr);
}

static void destroy_again(void* value) {
  std::free(value);
  if (++rounds[0] % 4 != 0) {
    pthread_setspecific(keys[0], in_destructor(300));
  }
}

struct Local {
  Local() : text(1000, 'x') {}

  ~Local() {
    text.append(5000, 'y');
    std::free(in_destructor(50));
  }

  std::string text;
};

static thread_local Local local;
static thread_local std::vector<int> numbers;

static void* with_values(void*) {
  for (int k = 0; k < 40; k++) {
    pthread_setspecific(keys[k], std::malloc(64));
  }
  local.text += "used";
  numbers.assign(100, 1);
  return nullptr;
}

static void* never_allocated(void* block) {
  pthread_setspecific(keys[1], block);
  return nullptr;
}

static void* calls_pthread_exit(void*) {
  numbers.assign(500, 2);
  pthread_exit(std::malloc(10));
}

static void* waits_for_cancel(void*) {
  numbers.assign(700, 3);
  for (;;) {
    std::free(std::malloc(100));
    pthread_testcancel();
    sched_yield();
  }
}

static void* on_small_stack(void*) {
  for (int i = 0; i < 3000; i++) {
    void* p = std::malloc(static_cast<size_t>(i));
    p = std::realloc(p, static_cast<size_t>(i) * 2 + 1);
    std::free(p);
  }
  std::free(std::calloc(1, 1000000));
  void* p = nullptr;
  if (posix_memalign(&p, 4096, 10000) == 0) {
    std::free(p);
  }
  return nullptr;
}

static void join(pthread_t thread) {
  void* result = nullptr;
  pthread_join(thread, &result);
  if (result != nullptr && result != PTHREAD_CANCELED) {
    std::free(result);
  }
}

int main() {
  pthread_key_create(&keys[0], destroy_again);
  for (int k = 1; k < 40; k++) {
    pthread_key_create(&keys[k], destroy);
  }
  for (int i = 0; i < 50; i++) {
    pthread_t threads[4];
    pthread_create(&threads[0], nullptr, with_values, nullptr);
    pthread_create(&threads[1], nullptr, never_allocated, std::malloc(99));
    pthread_create(&threads[2], nullptr, calls_pthread_exit, nullptr);
    pthread_create(&threads[3], nullptr, waits_for_cancel, nullptr);
    pthread_cancel(threads[3]);
    for (pthread_t thread : threads) {
      join(thread);
    }
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
  pthread_t small;
  if (pthread_create(&small, &attributes, on_small_stack, nullptr) != 0) {
    return 3;
  }
  join(small);
  with_values(nullptr);
  std::puts("done");
  return 0;
}
