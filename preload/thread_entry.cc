// What a thread does to itself and the allocator has to know.
#include <pthread.h>

#include "core/allocator/deferred.h"
#include "core/allocator/standing.h"
#include "preload/entry.h"
#include "preload/next.h"

extern "C" HEAPTAG_EXPORT int pthread_setcanceltype(int type, int* old_type) {
  using namespace heaptag;
  if (type == PTHREAD_CANCEL_ASYNCHRONOUS && !allocator::stands_aside()) {
    allocator::expect_cancellation(next_function<"pthread_setcanceltype", int(int, int*)>());
  }
  return call_next<"pthread_setcanceltype", int>(type, old_type);
}
