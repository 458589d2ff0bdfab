// What a process does to itself and the allocator has to know: ends that no exit handler sees, and
// limits on memory.
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "core/allocator/standing.h"
#include "core/allocator/threads.h"
#include "core/os/process.h"
#include "core/os/syscall.h"
#include "core/os/vm.h"
#include "core/report/exit_report.h"
#include "core/report/findings.h"
#include "preload/entry.h"

namespace heaptag {

namespace {

int limit_resource(int pid, int resource, const rlimit64* limit, rlimit64* old) {
  const bool is_ours = resource == RLIMIT_AS && limit != nullptr && !allocator::stands_aside() &&
                       (pid == 0 || static_cast<uint32_t>(pid) == os::process_id());
  const bool is_limit = is_ours && limit->rlim_cur != RLIM64_INFINITY;
  if (is_limit) {
    allocator::prepare_for_limit(limit->rlim_cur);
  }
  const long result = os::raw_syscall(SYS_prlimit64, pid, resource, reinterpret_cast<long>(limit),
                                      reinterpret_cast<long>(old));
  if (os::is_error(result)) {
    errno = static_cast<int>(-result);
    return -1;
  }
  if (is_ours) {
    allocator::limit_is_over();  // the one before: as much as there may be now is reserved again
  }
  if (is_limit) {
    allocator::prepare_for_limit(limit->rlim_cur);
  }
  return 0;
}

}  // namespace

}  // namespace heaptag

extern "C" {

// rlimit and rlimit64 are one structure on x86-64.
HEAPTAG_EXPORT int setrlimit64(__rlimit_resource_t resource, const rlimit64* limit) noexcept {
  return heaptag::limit_resource(0, resource, limit, nullptr);
}

HEAPTAG_EXPORT int setrlimit(__rlimit_resource_t resource, const rlimit* limit) noexcept
    __attribute__((alias("setrlimit64")));

HEAPTAG_EXPORT int prlimit64(pid_t pid,
                             __rlimit_resource resource,
                             const rlimit64* limit,
                             rlimit64* old) noexcept {
  return heaptag::limit_resource(pid, resource, limit, old);
}

HEAPTAG_EXPORT int prlimit(pid_t pid,
                           __rlimit_resource resource,
                           const rlimit* limit,
                           rlimit* old) noexcept __attribute__((alias("prlimit64")));

// Locking all memory is refused, without a privilege, when the address space is larger than may be
// locked: what is only reserved is given up then.
HEAPTAG_EXPORT int mlockall(int flags) noexcept {
  using namespace heaptag;
  long result = os::raw_syscall(SYS_mlockall, flags);
  if (result == -ENOMEM && !allocator::stands_aside()) {
    allocator::prepare_for_limit(os::locked_memory_limit());
    result = os::raw_syscall(SYS_mlockall, flags);
    if ((flags & MCL_FUTURE) == 0) {
      allocator::limit_is_over();  // only what was there is locked
    }
  }
  if (os::is_error(result)) {
    errno = static_cast<int>(-result);
    return -1;
  }
  os::note_all_locked(true);
  return 0;
}

HEAPTAG_EXPORT int munlockall() noexcept {
  using namespace heaptag;
  const long result = os::raw_syscall(SYS_munlockall);
  if (os::is_error(result)) {
    errno = static_cast<int>(-result);
    return -1;
  }
  os::note_all_locked(false);
  if (!allocator::stands_aside()) {
    allocator::limit_is_over();
  }
  return 0;
}

HEAPTAG_EXPORT [[noreturn]] void _exit(int status) {
  heaptag::report::write_exit_report(status);
  const int of_findings = heaptag::report::exit_status_of_findings();
  heaptag::os::exit_process(status == 0 ? of_findings : status);
}

HEAPTAG_EXPORT [[noreturn]] void _Exit(int status) __attribute__((alias("_exit")));

}  // extern "C"
