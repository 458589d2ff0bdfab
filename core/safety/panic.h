// The one way in which the old systems stop: a message, the program's hook, and the end of the
// process. Layer: core/safety.  Allocates: no.  errno: never touched.  Signals: safe, as far as the
// hook is.
#pragma once

#include <initializer_list>
#include <string_view>

#include "core/base/types.h"

namespace heaptag::safety {

enum class AfterPanic { kAbort, kExit, kGoOn };

using PanicHook = void (*)(const char* message);

/// Set once, before main. All zero: nothing is said, and the process is aborted.
struct PanicSettings {
  AfterPanic then;
  int exit_status;
  void (*say)(std::string_view message);  // one line
  void (*before_end)();                   // what is to be written before the process ends
};

extern constinit PanicSettings panic_settings;

/// Returns the hook that was there. Null: none. It may leave by longjmp.
PanicHook set_panic_hook(PanicHook hook);
bool has_panic_hook();

/// What the last panic has said; null: there was none.
const char* panic_message();

/// Says the parts as one message, calls the hook, and ends the process as it was asked for. Comes
/// back only where the process is to go on: then the call that has met it does nothing. Pre: the
/// caller holds no lock and is in no slow path.
void panic(std::initializer_list<std::string_view> parts);

/// The same for what has been said already.
void call_panic_hook(std::initializer_list<std::string_view> parts);

/// Ends the process as it was asked for. Comes back only where it is to go on.
void end_after_panic();

}  // namespace heaptag::safety
