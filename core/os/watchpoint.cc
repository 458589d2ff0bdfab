#include "core/os/watchpoint.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "core/os/descriptor_guard.h"
#include "core/os/file.h"
#include "core/os/process.h"
#include "core/os/syscall.h"

namespace heaptag::os {

namespace {

// What a trap says of itself, so that those of somebody else's watchpoints are not taken for ours.
constexpr uint64_t kMark = 0x6865'6170'7461'6700;

#ifndef TRAP_PERF
constexpr int TRAP_PERF = 6;
#endif

// Lies behind si_addr; older headers have no names for it.
struct PerfData {
  uint64_t data;
  uint32_t type;
  uint32_t flags;
};

constexpr uint32_t kOfBlockedSignal = 1;  // TRAP_PERF_FLAG_ASYNC

const PerfData& perf_data(const siginfo_t* told) {
  return *reinterpret_cast<const PerfData*>(&told->si_addr + 1);
}

struct Watchpoint {
  GuardedDescriptor descriptor;
  uint64_t id;  // of the event: all descriptors without a file look the same otherwise
};

struct Watchpoints {
  Watchpoint all[kWatchpoints];
  uint32_t pid;
};

constinit Watchpoints watchpoints{};

// Where an event that is not in use stands.
alignas(8) constinit uint64_t nowhere = 0;

perf_event_attr attributes(unsigned which, uintptr_t address, bool writes_only) {
  perf_event_attr event{};
  event.type = PERF_TYPE_BREAKPOINT;
  event.size = sizeof(event);
  event.sample_period = 1;
  event.bp_type = writes_only ? HW_BREAKPOINT_W : HW_BREAKPOINT_RW;
  event.bp_addr = address;
  event.bp_len = HW_BREAKPOINT_LEN_8;
  event.exclude_kernel = 1;
  event.exclude_hv = 1;
  event.inherit = 1;
  event.inherit_thread = 1;
  event.remove_on_exec = 1;
  event.sigtrap = 1;
  event.sig_data = kMark | which;
  return event;
}

perf_event_attr not_in_use(unsigned which) {
  perf_event_attr event = attributes(which, reinterpret_cast<uintptr_t>(&nowhere), true);
  event.disabled = 1;
  return event;
}

long control(int fd, unsigned long request, void* argument) {
  return raw_syscall(SYS_ioctl, fd, static_cast<long>(request), reinterpret_cast<long>(argument));
}

bool is_ours(const Watchpoint& watchpoint) {
  uint64_t id = 0;
  return is_same_file(watchpoint.descriptor) &&
         !is_error(control(watchpoint.descriptor.fd, PERF_EVENT_IOC_ID, &id)) &&
         id == watchpoint.id;
}

bool open_one(unsigned which, Watchpoint* watchpoint) {
  perf_event_attr event = not_in_use(which);
  const long fd = raw_syscall(SYS_perf_event_open, reinterpret_cast<long>(&event), 0, -1, -1,
                              PERF_FLAG_FD_CLOEXEC);
  if (is_error(fd)) {
    return false;
  }
  watchpoint->descriptor = guard_descriptor(static_cast<int>(fd));
  close_file(static_cast<int>(fd));
  return watchpoint->descriptor.fd >= 0 &&
         !is_error(control(watchpoint->descriptor.fd, PERF_EVENT_IOC_ID, &watchpoint->id));
}

void close_all() {
  for (Watchpoint& watchpoint : watchpoints.all) {
    if (is_ours(watchpoint)) {
      close_file(watchpoint.descriptor.fd);
    }
    watchpoint = {};
  }
}

bool change(unsigned which, perf_event_attr* event) {
  // A forked child has the descriptors, but the events are its parent's.
  return watchpoints.pid == process_id() && is_ours(watchpoints.all[which]) &&
         !is_error(control(watchpoints.all[which].descriptor.fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES,
                           event));
}

}  // namespace

bool open_watchpoints() {
  for (unsigned which = 0; which < kWatchpoints; ++which) {
    if (!open_one(which, &watchpoints.all[which])) {
      close_all();
      return false;
    }
  }
  watchpoints.pid = process_id();
  return true;
}

bool watch(unsigned which, uintptr_t address, bool writes_only) {
  perf_event_attr event = attributes(which, address, writes_only);
  return change(which, &event);
}

void unwatch(unsigned which) {
  perf_event_attr event = not_in_use(which);
  change(which, &event);
}

bool is_watch_trap(const void* info, unsigned* which, uintptr_t* address) {
  const auto* told = static_cast<const siginfo_t*>(info);
  if (told->si_code != TRAP_PERF) {
    return false;
  }
  const uint64_t data = perf_data(told).data;
  *which = static_cast<unsigned>(data - kMark);
  *address = reinterpret_cast<uintptr_t>(told->si_addr);
  return data - kMark < kWatchpoints;
}

bool is_late_trap(const void* info) {
  return (perf_data(static_cast<const siginfo_t*>(info)).flags & kOfBlockedSignal) != 0;
}

}  // namespace heaptag::os
