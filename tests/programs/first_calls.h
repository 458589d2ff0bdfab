// One call of every entry point of the library, by name, without a use of the heap before it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

// What libc 2.36 lacks, hides or leaves to libstdc++.
WEAK void cfree(void*);
WEAK void free_sized(void*, size_t);
WEAK void free_aligned_sized(void*, size_t, size_t);
WEAK void* __libc_malloc(size_t);
WEAK void __libc_free(void*);
WEAK void* __libc_calloc(size_t, size_t);
WEAK void* __libc_realloc(void*, size_t);
WEAK void* __libc_memalign(size_t, size_t);
WEAK void* __libc_valloc(size_t);
WEAK void* __libc_pvalloc(size_t);
WEAK int __sigaction(int, const struct sigaction*, struct sigaction*);
WEAK __sighandler_t bsd_signal(int, __sighandler_t);
WEAK __sighandler_t __sysv_signal(int, __sighandler_t);
WEAK const char* __asan_default_options(void);
WEAK void heaptag_tag_push(const char*);
WEAK void heaptag_tag_pop(void);
WEAK void heaptag_check_access(const void*, size_t, int, const void*);
#include "first_calls_kernel.h"

// A nothrow_t is passed by reference and not looked at.
WEAK void* _Znwm(size_t);
WEAK void* _Znam(size_t);
WEAK void* _ZnwmRKSt9nothrow_t(size_t, const void*);
WEAK void* _ZnamRKSt9nothrow_t(size_t, const void*);
WEAK void* _ZnwmSt11align_val_t(size_t, size_t);
WEAK void* _ZnamSt11align_val_t(size_t, size_t);
WEAK void* _ZnwmSt11align_val_tRKSt9nothrow_t(size_t, size_t, const void*);
WEAK void* _ZnamSt11align_val_tRKSt9nothrow_t(size_t, size_t, const void*);
WEAK void _ZdlPv(void*);
WEAK void _ZdaPv(void*);
WEAK void _ZdlPvRKSt9nothrow_t(void*, const void*);
WEAK void _ZdaPvRKSt9nothrow_t(void*, const void*);
WEAK void _ZdlPvm(void*, size_t);
WEAK void _ZdaPvm(void*, size_t);
WEAK void _ZdlPvSt11align_val_t(void*, size_t);
WEAK void _ZdaPvSt11align_val_t(void*, size_t);
WEAK void _ZdlPvmSt11align_val_t(void*, size_t, size_t);
WEAK void _ZdaPvmSt11align_val_t(void*, size_t, size_t);
WEAK void _ZdlPvSt11align_val_tRKSt9nothrow_t(void*, size_t, const void*);
WEAK void _ZdaPvSt11align_val_tRKSt9nothrow_t(void*, size_t, const void*);

enum { kSize = 3000, kAlignment = 64 };

static inline int is_good(void* p, size_t alignment) {
  if (p == NULL || (uintptr_t)p % alignment != 0) {
    return 0;
  }
  memset(p, 1, kSize);
  return 1;
}

static inline int call_posix_memalign(void) {
  void* p = NULL;
  const int result = posix_memalign(&p, kAlignment, kSize);
  return result == 0 && is_good(p, kAlignment);
}

static inline int call_setrlimit(int (*set)(__rlimit_resource_t, const struct rlimit*)) {
  const struct rlimit limit = {(rlim_t)8 << 30, (rlim_t)8 << 30};
  return set(RLIMIT_AS, &limit) == 0;
}

static inline int call_prlimit(void) {
  const struct rlimit limit = {(rlim_t)8 << 30, (rlim_t)8 << 30};
  return prlimit(0, RLIMIT_AS, &limit, NULL) == 0;
}

static inline int call_prlimit64(void) {
  const struct rlimit64 limit = {(rlim64_t)8 << 30, (rlim64_t)8 << 30};
  return prlimit64(0, RLIMIT_AS, &limit, NULL) == 0;
}

static inline int call_setrlimit64(void) {
  const struct rlimit64 limit = {(rlim64_t)8 << 30, (rlim64_t)8 << 30};
  return setrlimit64(RLIMIT_AS, &limit) == 0;
}

// Our own executable: nothing new to load.
static inline int call_dlmopen(void) {
  return dlmopen(LM_ID_BASE, NULL, RTLD_NOW) != NULL;
}

static inline int call_dlclose(void) {
  return dlclose(dlopen(NULL, RTLD_NOW)) == 0;
}

// Each is true when it has worked. stdout is NULL or a stream without a buffer: see the callers.
#define FIRST_CALLS(CALL)                                                                  \
  CALL(malloc, is_good(malloc(kSize), 16))                                                 \
  CALL(free, (free(NULL), 1))                                                              \
  CALL(calloc, is_good(calloc(kSize, 1), 16))                                              \
  CALL(realloc, is_good(realloc(NULL, kSize), 16))                                         \
  CALL(aligned_alloc, is_good(aligned_alloc(kAlignment, kSize), kAlignment))               \
  CALL(free_sized, (free_sized(NULL, 1), 1))                                               \
  CALL(free_aligned_sized, (free_aligned_sized(NULL, 16, 1), 1))                           \
  CALL(posix_memalign, call_posix_memalign())                                              \
  CALL(reallocarray, is_good(reallocarray(NULL, kSize, 1), 16))                            \
  CALL(memalign, is_good(memalign(kAlignment, kSize), kAlignment))                         \
  CALL(valloc, is_good(valloc(kSize), 4096))                                               \
  CALL(pvalloc, is_good(pvalloc(kSize), 4096))                                             \
  CALL(cfree, (cfree(NULL), 1))                                                            \
  CALL(malloc_usable_size, malloc_usable_size(NULL) == 0)                                  \
  CALL(malloc_trim, malloc_trim(0) <= 1)                                                   \
  CALL(malloc_stats, (malloc_stats(), 1))                                                  \
  CALL(malloc_info, malloc_info(1, NULL) == EINVAL)                                        \
  CALL(mallinfo, mallinfo().ordblks >= 0)                                                  \
  CALL(mallinfo2, mallinfo2().uordblks < (size_t)1 << 40)                                  \
  CALL(mallopt, mallopt(M_MXFAST, 64) == 1)                                                \
  CALL(__libc_malloc, is_good(__libc_malloc(kSize), 16))                                   \
  CALL(__libc_free, (__libc_free(NULL), 1))                                                \
  CALL(__libc_calloc, is_good(__libc_calloc(kSize, 1), 16))                                \
  CALL(__libc_realloc, is_good(__libc_realloc(NULL, kSize), 16))                           \
  CALL(__libc_memalign, is_good(__libc_memalign(kAlignment, kSize), kAlignment))           \
  CALL(__libc_valloc, is_good(__libc_valloc(kSize), 4096))                                 \
  CALL(__libc_pvalloc, is_good(__libc_pvalloc(kSize), 4096))                               \
  CALL(_Znwm, is_good(_Znwm(kSize), 16))                                                   \
  CALL(_Znam, is_good(_Znam(kSize), 16))                                                   \
  CALL(_ZnwmRKSt9nothrow_t, is_good(_ZnwmRKSt9nothrow_t(kSize, ""), 16))                   \
  CALL(_ZnamRKSt9nothrow_t, is_good(_ZnamRKSt9nothrow_t(kSize, ""), 16))                   \
  CALL(_ZnwmSt11align_val_t, is_good(_ZnwmSt11align_val_t(kSize, kAlignment), kAlignment)) \
  CALL(_ZnamSt11align_val_t, is_good(_ZnamSt11align_val_t(kSize, kAlignment), kAlignment)) \
  CALL(_ZnwmSt11align_val_tRKSt9nothrow_t,                                                 \
       is_good(_ZnwmSt11align_val_tRKSt9nothrow_t(kSize, kAlignment, ""), kAlignment))     \
  CALL(_ZnamSt11align_val_tRKSt9nothrow_t,                                                 \
       is_good(_ZnamSt11align_val_tRKSt9nothrow_t(kSize, kAlignment, ""), kAlignment))     \
  CALL(_ZdlPv, (_ZdlPv(NULL), 1))                                                          \
  CALL(_ZdaPv, (_ZdaPv(NULL), 1))                                                          \
  CALL(_ZdlPvRKSt9nothrow_t, (_ZdlPvRKSt9nothrow_t(NULL, ""), 1))                          \
  CALL(_ZdaPvRKSt9nothrow_t, (_ZdaPvRKSt9nothrow_t(NULL, ""), 1))                          \
  CALL(_ZdlPvm, (_ZdlPvm(NULL, 1), 1))                                                     \
  CALL(_ZdaPvm, (_ZdaPvm(NULL, 1), 1))                                                     \
  CALL(_ZdlPvSt11align_val_t, (_ZdlPvSt11align_val_t(NULL, 16), 1))                        \
  CALL(_ZdaPvSt11align_val_t, (_ZdaPvSt11align_val_t(NULL, 16), 1))                        \
  CALL(_ZdlPvmSt11align_val_t, (_ZdlPvmSt11align_val_t(NULL, 1, 16), 1))                   \
  CALL(_ZdaPvmSt11align_val_t, (_ZdaPvmSt11align_val_t(NULL, 1, 16), 1))                   \
  CALL(_ZdlPvSt11align_val_tRKSt9nothrow_t,                                                \
       (_ZdlPvSt11align_val_tRKSt9nothrow_t(NULL, 16, ""), 1))                             \
  CALL(_ZdaPvSt11align_val_tRKSt9nothrow_t,                                                \
       (_ZdaPvSt11align_val_tRKSt9nothrow_t(NULL, 16, ""), 1))                             \
  CALL(_exit, (_exit(7), 0))                                                               \
  CALL(_Exit, (_Exit(7), 0))                                                               \
  CALL(setrlimit, call_setrlimit(setrlimit))                                               \
  CALL(setrlimit64, call_setrlimit64())                                                    \
  CALL(prlimit, call_prlimit())                                                            \
  CALL(prlimit64, call_prlimit64())                                                        \
  CALL(dlopen, dlopen(NULL, RTLD_NOW) != NULL)                                             \
  CALL(dlmopen, call_dlmopen())                                                            \
  CALL(dlclose, call_dlclose())                                                            \
  CALL(pthread_setname_np, pthread_setname_np(pthread_self(), "first") == 0)               \
  CALL(prctl, prctl(PR_SET_NAME, "first") == 0)                                            \
  CALL(mlockall, mlockall(0) == -1)                                                        \
  CALL(munlockall, munlockall() == 0)                                                      \
  CALL(pthread_setcanceltype, pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL) == 0)   \
  CALL(sigaction, sigaction(SIGUSR1, NULL, NULL) == 0)                                     \
  CALL(__sigaction, __sigaction(SIGUSR1, NULL, NULL) == 0)                                 \
  CALL(signal, signal(SIGUSR1, SIG_IGN) == SIG_DFL)                                        \
  CALL(ssignal, ssignal(SIGUSR2, SIG_IGN) == SIG_DFL)                                      \
  CALL(bsd_signal, bsd_signal(SIGWINCH, SIG_IGN) == SIG_DFL)                               \
  CALL(sysv_signal, sysv_signal(SIGVTALRM, SIG_IGN) == SIG_DFL)                            \
  CALL(__sysv_signal, __sysv_signal(SIGXCPU, SIG_IGN) == SIG_DFL)                          \
  CALL(sigset, sigset(SIGWINCH, SIG_IGN) == SIG_DFL)                                       \
  CALL(__asan_default_options, __asan_default_options() != NULL)                           \
  CALL(heaptag_tag_push, (heaptag_tag_push("first"), 1))                                   \
  CALL(heaptag_tag_pop, (heaptag_tag_pop(), 1))                                            \
  CALL(heaptag_check_access, (heaptag_check_access("", 1, 0, NULL), 1))                    \
  FIRST_KERNEL_CALLS(CALL)

#define DEFINE_FIRST(name, expression)                               \
  __attribute__((noinline, noclone)) static int first_##name(void) { \
    return expression;                                               \
  }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // mallinfo
FIRST_CALLS(DEFINE_FIRST)
#pragma GCC diagnostic pop
#undef DEFINE_FIRST

struct FirstCall {
  const char* name;
  int (*call)(void);
};

#define ROW_OF_FIRST(name, expression) {#name, first_##name},
static const struct FirstCall first_calls[] = {FIRST_CALLS(ROW_OF_FIRST)};
#undef ROW_OF_FIRST

enum { kFirstCalls = sizeof first_calls / sizeof *first_calls };

// After the first call all others have to work: 0, or what did not.
static inline int use_the_heap(void) {
  void* blocks[40];
  for (int i = 0; i < 40; i++) {
    const size_t size = (size_t)i * i * i * 7;
    blocks[i] = i % 3 == 0 ? calloc(1, size) : malloc(size);
    if (blocks[i] == NULL) {
      return 4;
    }
    memset(blocks[i], i, size);
  }
  for (int i = 0; i < 40; i++) {
    blocks[i] = realloc(blocks[i], (size_t)(40 - i) * 100);
    free(blocks[i]);
  }
  return 0;
}

static inline int make_first_call(const char* name) {
  for (int i = 0; i < kFirstCalls; i++) {
    if (strcmp(first_calls[i].name, name) == 0) {
      return first_calls[i].call() ? use_the_heap() : 3;
    }
  }
  return 2;
}
