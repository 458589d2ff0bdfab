#include "core/report/fault_report.h"

#include "core/allocator/guarded.h"
#include "core/base/format.h"
#include "core/elf/function_glob.h"
#include "core/meta/meta_allocator.h"
#include "core/os/fault.h"
#include "core/os/lock.h"
#include "core/os/own_stack.h"
#include "core/report/error_view.h"
#include "core/report/exit_report.h"
#include "core/report/log.h"
#include "core/report/watch_report.h"
#include "core/safety/guard_region.h"
#include "core/tag/owners.h"
#include "core/tag/tags.h"

namespace heaptag::report {

using safety::Finding;
using safety::GuardedBlock;
using safety::GuardPlace;
using safety::GuardState;
using safety::Kind;

namespace {

constexpr uint32_t kGuardedStack = 16;  // frames, where no number was asked for

struct State {
  elf::FunctionGlob tag;  // of HEAPTAG_GUARD=tag:NAME
  SymbolSource* symbols;  // kept open: thousands of sites are asked for. Under the lock
  os::Lock symbols_lock;  // never waited for
  bool was_asked_for_all;
  bool unguarded_is_told;
};

constinit State state{};

struct Naming {
  uint32_t owner;
  bool is_named;
};

// The symbols of files are looked at: not on a stranger's stack.
void find_name(void* context) {
  auto* naming = static_cast<Naming*>(context);
  const wire::OwnerRecord& record = tag::owners()[naming->owner];
  if (record.tag != 0) {
    naming->is_named =
        state.tag.text() == reinterpret_cast<const char*>(tag::tags()[record.tag].name);
    return;
  }
  const auto look = [naming](SymbolSource* symbols) {
    const char* function = symbols->owner_name(naming->owner);
    naming->is_named = function != nullptr && state.tag.matches(function);
  };
  if (state.symbols != nullptr && state.symbols_lock.try_acquire()) {
    if (state.symbols->is_full()) {
      state.symbols->close();
    }
    look(state.symbols);
    state.symbols_lock.release();
  } else {
    SymbolSource symbols;
    look(&symbols);
  }
}

bool is_named(uint32_t owner) {
  Naming naming{owner, false};
  os::call_on_own_stack(find_name, &naming);
  return naming.is_named;
}

// What an access of an untouchable page is, by the block that is nearest. False: it is none of
// ours, as when the block has become another one meanwhile.
bool kind_of(const os::Fault& fault, const GuardedBlock& block, Kind* kind) {
  if (block.state == GuardState::kFreed) {
    *kind = fault.is_write ? Kind::kUseAfterFreeWrite : Kind::kUseAfterFreeRead;
    return true;
  }
  switch (place_of(block, fault.address)) {
    case GuardPlace::kBehind:
      *kind = fault.is_write ? Kind::kOverflow : Kind::kOverflowRead;
      return true;
    case GuardPlace::kBefore:
      *kind = fault.is_write ? Kind::kUnderflow : Kind::kUnderflowRead;
      return true;
    case GuardPlace::kInside:
      break;
  }
  return false;
}

bool has_handler(int number) {
  os::SignalAction action{};
  os::change_fault_action(number, nullptr, &action);
  constexpr uintptr_t kIgnored = 1;
  return action.handler > kIgnored;
}

void on_fault(const os::Fault& fault) {
  if (!safety::is_in_guard_region(fault.address) || !allocator::may_serve()) {
    return;
  }
  const GuardedBlock* found = safety::find_guarded(fault.address);
  if (found == nullptr) {
    return;
  }
  const GuardedBlock block = *found;  // it may become another one
  Kind kind;
  if (!kind_of(fault, block, &kind)) {
    return;
  }
  {
    // Whatever of ours faults from here on is told to nobody.
    const allocator::QuietScope quiet;
    Finding finding = allocator::finding_about(&block, kind, safety::FoundWhen::kFault);
    finding.address = fault.address;
    // As if the instruction had called us: whoever follows a stack looks before return addresses.
    finding.pc = fault.pc + 1;
    finding.frame = {fault.pc + 1, fault.sp, fault.rbp};
    safety::tell(finding);
  }
  if (!has_handler(fault.number)) {
    write_error_report();  // nothing comes after
  }
}

}  // namespace

void start_guarding(const config::CheckOptions& options, bool goes_on) {
  const bool is_asked = options.guard_every != 0 || options.guard_tag != nullptr;
  if (!is_asked && !goes_on) {
    return;
  }
  if (!os::own_faults(on_fault)) {
    if (is_asked) {
      log_line({"the kernel does not let HEAPTAG_GUARD look at faults; nothing is guarded"});
    }
    return;
  }
  safety::settings.guard_stack_depth = options.stack == 0 ? kGuardedStack : options.stack;
  if (!is_asked) {
    // Guards may begin after an error, when a sandbox does not let us ask any more.
    safety::guard_limits_of_system();
    return;
  }
  allocator::GuardPlan plan;
  plan.every = options.guard_every;
  plan.aligned = options.guard_aligned;
  if (options.guard_tag != nullptr) {
    const char* kept = meta::keep_text(options.guarded_tag());
    state.tag = elf::FunctionGlob(kept == nullptr ? "" : kept);
    plan.is_named = is_named;
    state.symbols = static_cast<SymbolSource*>(meta::allocate(sizeof(SymbolSource)));
  }
  state.was_asked_for_all =
      options.guard_named && (options.guard_every == 1 || options.guard_tag != nullptr);
  if (!allocator::start_guards(plan)) {
    log_line({"no address space for HEAPTAG_GUARD; nothing is guarded"});
  } else if (plan.every == 1) {
    start_watch_reports();
  }
}

void tell_unguarded() {
  const allocator::Unguarded unguarded = allocator::count_unguarded();
  if (!state.was_asked_for_all || state.unguarded_is_told ||
      unguarded.too_large + unguarded.no_mappings == 0) {
    return;
  }
  state.unguarded_is_told = true;
  log_line({"HEAPTAG_GUARD: ", format_grouped(unguarded.too_large + unguarded.no_mappings).view(),
            " allocations were not guarded: ", format_grouped(unguarded.no_mappings).view(),
            " for want of mappings (vm.max_map_count), ",
            format_grouped(unguarded.too_large).view(), " of more than 1 MiB"});
}

}  // namespace heaptag::report
