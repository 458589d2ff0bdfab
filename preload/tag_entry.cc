// What decides on tags from inside of the program: tags that it pushes, and names of threads.
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "core/allocator/pushed_tags.h"
#include "core/allocator/threads.h"
#include "core/os/syscall.h"
#include "core/os/thread_hooks.h"
#include "core/tag/rules.h"
#include "preload/entry.h"
#include "preload/next.h"

extern "C" {

HEAPTAG_EXPORT void heaptag_tag_push(const char* name) noexcept {
  heaptag::allocator::push_tag(name);
}

HEAPTAG_EXPORT void heaptag_tag_pop() noexcept {
  heaptag::allocator::pop_tag();
}

HEAPTAG_EXPORT int pthread_setname_np(pthread_t thread, const char* name) noexcept {
  using namespace heaptag;
  const int result = call_next<"pthread_setname_np", int>(thread, name);
  if (result == 0) {
    allocator::thread_renamed(static_cast<uintptr_t>(thread), name);
  }
  return result;
}

// As the C library's: the kernel gets all five, whatever the option uses.
HEAPTAG_EXPORT int prctl(int option, ...) noexcept {
  using namespace heaptag;
  va_list list;
  va_start(list, option);
  const long a = va_arg(list, long);
  const long b = va_arg(list, long);
  const long c = va_arg(list, long);
  const long d = va_arg(list, long);
  va_end(list);
  const long result = os::raw_syscall(SYS_prctl, option, a, b, c, d);
  if (os::is_error(result)) {
    errno = static_cast<int>(-result);
    return -1;
  }
  if (option == PR_SET_NAME && tag::has_thread_rules()) {
    char name[os::kThreadNameBytes];
    os::thread_name(name);
    allocator::thread_renamed(os::thread_handle(), name);
  }
  return static_cast<int>(result);
}

}  // extern "C"
