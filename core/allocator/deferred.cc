#include "core/allocator/deferred.h"

#include "core/allocator/thread_state.h"

namespace heaptag::allocator {

constinit Deferred deferred{};
__thread uint32_t tls_quiet __attribute__((tls_model("initial-exec"))) = 0;

bool may_serve() {
  return tls_state->busy == 0 && tls_quiet == 0;
}

void serve_waiting() {
  if (deferred.serve != nullptr && may_serve()) {
    deferred.serve();
  }
}

}  // namespace heaptag::allocator
