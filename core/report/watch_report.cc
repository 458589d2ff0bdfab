#include "core/report/watch_report.h"

#include "core/allocator/deferred.h"
#include "core/allocator/guard_watch.h"
#include "core/allocator/guarded.h"
#include "core/os/fault.h"
#include "core/os/loader.h"
#include "core/os/process.h"
#include "core/os/signals.h"
#include "core/os/watchpoint.h"
#include "core/safety/guard_record.h"

namespace heaptag::report {

using safety::Finding;
using safety::GuardedBlock;
using safety::GuardSide;
using safety::Kind;

namespace {

struct Met {
  const os::Fault* trap;
  const GuardedBlock* block;
  uintptr_t address;
  bool is_write;
};

// Not ours, which may touch paddings; not of string functions, which read whole words; not of code
// in no file: what a compiler of regular expressions makes reads whole words, too.
bool is_to_blame(uintptr_t pc) {
  os::LoadedObject object{};
  return !os::is_own_code(pc) && os::find_object(pc, &object) &&
         !allocator::is_of_c_library(object.path);
}

Kind kind_of(const Met& met) {
  return met.block->side == GuardSide::kEnd ? met.is_write ? Kind::kUnderflow : Kind::kUnderflowRead
         : met.is_write                     ? Kind::kOverflow
                                            : Kind::kOverflowRead;
}

void tell_trap(const Met& met) {
  const allocator::QuietScope quiet;
  Finding finding = allocator::finding_about(met.block, kind_of(met), safety::FoundWhen::kFault);
  finding.address = met.address;
  // The instruction lies before the address where the program goes on, as calls do.
  finding.pc = met.trap->pc;
  finding.frame = {met.trap->pc, met.trap->sp, met.trap->rbp};
  safety::tell(finding);
}

// Of writes to the padding one is told, as at free.
bool is_first_write(GuardedBlock* block) {
  return __atomic_exchange_n(&safety::record_of(block)->is_told, uint8_t{1}, __ATOMIC_RELAXED) == 0;
}

// Which byte was read is not told: the nearest one.
uintptr_t nearest_byte(const GuardedBlock& block, uintptr_t word) {
  constexpr uintptr_t kLastByte = 7;
  return block.side == GuardSide::kEnd ? word + kLastByte : word;
}

void look_at(const os::Fault& trap, GuardedBlock* block, uintptr_t word) {
  const GuardedBlock copy = *block;  // it may be freed meanwhile
  const uintptr_t written = safety::first_write_beside(*block, word);
  if (written != 0 && !is_first_write(block)) {
    return;
  }
  tell_trap({&trap, &copy, written != 0 ? written : nearest_byte(copy, word), written != 0});
}

bool on_trap(const os::Fault& trap, const void* info) {
  unsigned which = 0;
  uintptr_t word = 0;
  if (!os::is_watch_trap(info, &which, &word)) {
    return false;
  }
  if (os::is_late_trap(info) || !is_to_blame(trap.pc) || !allocator::may_serve()) {
    return true;
  }
  GuardedBlock* block = allocator::take_watched(which, word);
  if (block != nullptr) {
    look_at(trap, block, word);
  }
  return true;
}

}  // namespace

void start_watch_reports() {
  // A debugger would stop at each, string functions' too, and wants watchpoints itself.
  if (!os::is_traced() && os::open_watchpoints() && os::own_traps(on_trap)) {
    allocator::start_watching();
  }
}

}  // namespace heaptag::report
