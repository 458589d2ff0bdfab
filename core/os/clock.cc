#include "core/os/clock.h"

#include <elf.h>
#include <sys/auxv.h>
#include <time.h>

#include <cstring>

#include "core/os/loader.h"
#include "core/os/syscall.h"

namespace heaptag::os {

namespace {

using ReadClock = int (*)(clockid_t, timespec*);

int ask_kernel(clockid_t clock, timespec* now) {
  return static_cast<int>(raw_syscall(SYS_clock_gettime, clock, reinterpret_cast<long>(now)));
}

// The kernel's own, without a call into it. Not libc's: other libraries put theirs in its place,
// and a sandbox may know of no such system call.
ReadClock find_vdso_clock() {
  const uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
  DynamicSymbols symbols{};
  if (vdso == 0 || !find_dynamic_symbols(vdso, &symbols)) {
    return ask_kernel;
  }
  const auto* table = static_cast<const Elf64_Sym*>(symbols.table);
  for (size_t i = 0; i < symbols.count; ++i) {
    if (std::strcmp(symbols.strings + table[i].st_name, "__vdso_clock_gettime") == 0) {
      return reinterpret_cast<ReadClock>(vdso + table[i].st_value);
    }
  }
  return ask_kernel;
}

constinit ReadClock read_clock = nullptr;

uint64_t read_clock_ns(int clock) {
  ReadClock read = __atomic_load_n(&read_clock, __ATOMIC_RELAXED);
  if (read == nullptr) {
    read = find_vdso_clock();
    __atomic_store_n(&read_clock, read, __ATOMIC_RELAXED);
  }
  timespec now{};
  read(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

uint64_t monotonic_ns() {
  return read_clock_ns(CLOCK_MONOTONIC);
}

uint64_t coarse_ms() {
  return read_clock_ns(CLOCK_MONOTONIC_COARSE) / 1'000'000U;
}

uint64_t realtime_ns() {
  return read_clock_ns(CLOCK_REALTIME);
}

void sleep_ns(uint64_t duration_ns) {
  const timespec duration{static_cast<time_t>(duration_ns / 1'000'000'000U),
                          static_cast<long>(duration_ns % 1'000'000'000U)};
  raw_syscall(SYS_nanosleep, reinterpret_cast<long>(&duration));
}

}  // namespace heaptag::os
