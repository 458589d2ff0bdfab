#include "core/report/findings.h"

#include "core/allocator/checked_store.h"
#include "core/allocator/checked_verify.h"
#include "core/allocator/deferred.h"
#include "core/allocator/guarded.h"
#include "core/allocator/threads.h"
#include "core/base/format.h"
#include "core/os/lock.h"
#include "core/os/own_stack.h"
#include "core/os/process.h"
#include "core/os/signals.h"
#include "core/render/text_errors.h"
#include "core/report/corrupt_data.h"
#include "core/report/error_store.h"
#include "core/report/error_view.h"
#include "core/report/exit_report.h"
#include "core/report/fault_report.h"
#include "core/report/log.h"
#include "core/report/session.h"
#include "core/report/suppressions.h"
#include "core/safety/checksum.h"
#include "core/safety/panic.h"
#include "core/safety/settings.h"

namespace heaptag::report {

using safety::Finding;

namespace {

// Repeats are told when there are 2, 4, 8 ... of them.
constexpr bool is_told_again(uint64_t count) {
  return (count & (count - 1)) == 0;
}

struct State {
  os::Lock lock;
  bool aborts;
  int exit_code;
  bool is_muted;
  uint64_t untold;
};

constinit State state{};

struct Telling {
  const Finding* finding;
  bool aborts;
  OwnerId corrupted;  // whose block somebody has written to who was not seen
};

constinit ErrorView view{};  // under the lock; stacks may be small

// After a fault the program may have a handler, or not; after a panic the panic says it.
render::ErrorTextOptions text_options(const render::Process* process, const KeptError& kept) {
  using Then = render::ErrorTextOptions::Then;
  render::ErrorTextOptions options;
  options.process = process;
  options.then = kept.panics                              ? Then::kNotSaid
                 : state.aborts                           ? Then::kAborts
                 : kept.when == safety::FoundWhen::kFault ? Then::kNotSaid
                                                          : Then::kGoesOn;
  return options;
}

// Did somebody write to the block whom nobody has seen?
bool is_unseen_write(const KeptError& kept) {
  using safety::Kind;
  return kept.when != safety::FoundWhen::kFault &&
         (kept.kind == Kind::kUseAfterFreeWrite || kept.kind == Kind::kOverflow ||
          kept.kind == Kind::kUnderflow);
}

void write_error(const KeptError& kept, bool is_new) {
  SymbolSource symbols;
  make_view(kept, &symbols, &view);
  demangle_view(&view);
  render::Process process;
  process.pid = os::process_id();
  process.program = session.program;
  process.argv = session.arguments;
  process.argv_count = session.argument_count;
  BufferedSink buffered(log_sink());
  if (is_new) {
    write_error_text(view.error, text_options(&process, kept), buffered.sink());
  } else {
    write_error_repeat(view.error, text_options(&process, kept), buffered.sink());
  }
  buffered.flush();
}

void tell_locked(void* context) {
  auto* telling = static_cast<Telling*>(context);
  bool is_new = false;
  KeptError* kept = keep_error(*telling->finding, &is_new);
  if (kept == nullptr) {
    return;  // counted, and no more than that
  }
  if (is_new && is_suppressed(*kept)) {
    kept->suppressed = true;
  }
  telling->aborts = state.aborts && !kept->suppressed && !telling->finding->panics;
  if (!kept->suppressed && is_unseen_write(*kept)) {
    telling->corrupted = OwnerId{kept->owner};
  }
  if (!kept->suppressed && (is_new || is_told_again(kept->count))) {
    write_error(*kept, is_new);
  }
}

// Suppressed ones are no findings.
uint64_t count_findings() {
  uint64_t count = state.untold;
  for (unsigned i = 0; i < kept_error_count(); ++i) {
    count += kept_errors()[i].suppressed ? 0 : kept_errors()[i].count;
  }
  return count;
}

// The old systems' panic, whose message is the report. Comes back where HEAPTAG_PANIC says so.
void panic_about(const Finding& finding) {
  write_error_report();
  const allocator::SlowPathsLeft left;  // a hook or a handler of the program's may come first
  safety::call_panic_hook(
      {safety::kind_name(finding.kind), " at ", format_hex(finding.address).view()});
  safety::end_after_panic();
}

[[gnu::noinline]] void on_finding(const Finding& found) {
  const auto* frame = static_cast<const uintptr_t*>(__builtin_frame_address(0));
  if (state.is_muted) {
    return;
  }
  Finding finding = found;
  if (finding.frame.pc == 0) {
    finding.frame = {frame[1], reinterpret_cast<uintptr_t>(frame + 2), frame[0]};
  }
  note_corrupt_data(finding);
  Telling telling{&finding, state.aborts, OwnerId::kNone};
  {
    const allocator::SpansStay stay;
    os::LockGuard guard(state.lock);
    if (!os::call_on_own_stack(tell_locked, &telling)) {
      ++state.untold;
      log_line({"ERROR: ", safety::kind_name(finding.kind), " at ",
                format_hex(finding.address).view(), "; there is no memory to tell more"});
    }
  }
  if (telling.aborts) {
    panic_about(finding);
  }
  if (telling.corrupted != OwnerId::kNone) {
    allocator::guard_all_of(telling.corrupted);  // the next time, red-handed
  }
}

// Signals wait meanwhile: their handlers may free what is no block, and tell of it. No QuietScope:
// a report that waits begins with this.
void verify(safety::FoundWhen when) {
  allocator::enter_slow_path(allocator::tls_quiet);
  if (safety::settings.checks_blocks) {
    allocator::verify_all(when);
  }
  if (allocator::guards_blocks()) {
    allocator::verify_guarded(when);
  }
  allocator::leave_slow_path(allocator::tls_quiet);
}

}  // namespace

void listen_to_findings() {
  safety::listener = on_finding;
}

MutedFindings::MutedFindings() {
  state.is_muted = true;
}

MutedFindings::~MutedFindings() {
  state.is_muted = false;
}

void start_checks(const config::CheckOptions& options) {
  using config::OnError;
  state.exit_code = options.exit_code;
  // As the old panic, where nothing but its own check was asked for.
  const bool is_kmem_alone =
      options.kmem_debug && options.redzone_bytes == 0 && options.guard_every == 0;
  state.aborts = options.on_error == OnError::kAbort ||
                 (options.on_error == OnError::kDefault && is_kmem_alone);
  if (options.suppressions != nullptr) {
    read_suppressions(options.suppressions);
  }
  os::keep_own_stack();
  prepare_error_store();
  safety::Settings& settings = safety::settings;
  settings.has_crc = safety::has_crc();
  settings.kmem_debug = options.kmem_debug;
  // A copy costs as much as the checksums: where they alone were asked for there is none.
  settings.keeps_content = options.kmem_debug && !is_kmem_alone;
  settings.redzone_bytes = options.redzone_bytes;
  settings.stack_depth = options.stack == 0 ? 1 : options.stack;
  settings.quarantine_bytes = options.quarantine_bytes == config::CheckOptions::kDefaultBytes
                                  ? safety::kDefaultQuarantineBytes
                                  : options.quarantine_bytes;
  settings.checks_blocks = options.kmem_debug || options.redzone_bytes != 0;
  if (settings.checks_blocks) {
    allocator::start_checking();
  }
  start_guarding(options, settings.checks_blocks && !state.aborts);
}

void verify_at_exit() {
  verify(safety::FoundWhen::kExit);
  tell_unguarded();
}

void verify_now() {
  verify(safety::FoundWhen::kVerify);
}

int exit_status_of_findings() {
  const bool is_ours = os::process_id() == session.pid;  // and no vfork child's
  return is_ours && state.exit_code != 0 && count_findings() != 0 ? state.exit_code : 0;
}

void collect_errors(Collected* collected) {
  const unsigned count = kept_error_count();
  collected->report.checks = safety::settings.checks_blocks || allocator::guards_blocks();
  if (count == 0) {
    return;
  }
  auto views = collected->scratch.array<ErrorView>(count);
  auto errors = collected->scratch.array<render::Error>(count);
  auto symbols = collected->scratch.array<SymbolSource>(1);
  if (collected->scratch.failed()) {
    return;
  }
  symbols[0].name_modules({collected->report.modules, collected->report.module_count});
  collected->error_symbols = symbols.data();
  size_t shown = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (!kept_errors()[i].suppressed) {
      make_view(kept_errors()[i], symbols.data(), &views[i]);
      errors[shown++] = views[i].error;
    }
  }
  collected->report.errors = errors.data();
  collected->report.error_count = shown;
}

void forget_findings() {
  state.lock.reset_after_fork();
  state.untold = 0;
  forget_errors();
}

}  // namespace heaptag::report
