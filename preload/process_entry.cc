// The ends of a process that no exit handler sees.
#include <sys/syscall.h>

#include "core/os/syscall.h"
#include "core/report/exit_report.h"
#include "preload/entry.h"

extern "C" {

HEAPTAG_EXPORT [[noreturn]] void _exit(int status) {
  heaptag::report::write_exit_report(status);
  for (;;) {
    heaptag::os::raw_syscall(SYS_exit_group, status);
  }
}

HEAPTAG_EXPORT [[noreturn]] void _Exit(int status) __attribute__((alias("_exit")));

}  // extern "C"
