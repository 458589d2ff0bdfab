#include "core/safety/panic.h"

#include "core/base/format.h"
#include "core/os/process.h"

namespace heaptag::safety {

namespace {

// Several threads may panic at once, and hooks keep the message.
constexpr uint32_t kMessages = 8;
constexpr size_t kMessageBytes = 512;

struct State {
  char messages[kMessages][kMessageBytes];
  uint32_t count;  // of messages so far
  const char* last;
  PanicHook hook;
};

constinit State state{};

const char* compose(std::initializer_list<std::string_view> parts) {
  const uint32_t number = __atomic_fetch_add(&state.count, 1U, __ATOMIC_RELAXED);
  char* room = state.messages[number % kMessages];
  BufferSink message(room, kMessageBytes);
  for (const std::string_view part : parts) {
    message.sink().put(part);
  }
  __atomic_store_n(&state.last, room, __ATOMIC_RELEASE);
  return room;
}

// A hook may panic itself, but not for ever. One that has left by longjmp does not run any more:
// the next panic comes from about the same depth of the stack, and not from below.
constexpr unsigned kMostNested = 16;

struct Nesting {
  const void* innermost;
  unsigned depth;
};

__thread Nesting tls_nesting __attribute__((tls_model("initial-exec"))) = {nullptr, 0};

void call_hook(const char* message) {
  const PanicHook hook = __atomic_load_n(&state.hook, __ATOMIC_ACQUIRE);
  const void* frame = __builtin_frame_address(0);
  Nesting& nesting = tls_nesting;
  nesting.depth = frame < nesting.innermost ? nesting.depth + 1 : 0;
  nesting.innermost = frame;
  if (hook != nullptr && nesting.depth < kMostNested) {
    hook(message);
    nesting = {nullptr, 0};
  }
}

}  // namespace

constinit PanicSettings panic_settings{};

PanicHook set_panic_hook(PanicHook hook) {
  return __atomic_exchange_n(&state.hook, hook, __ATOMIC_ACQ_REL);
}

bool has_panic_hook() {
  return __atomic_load_n(&state.hook, __ATOMIC_RELAXED) != nullptr;
}

const char* panic_message() {
  return __atomic_load_n(&state.last, __ATOMIC_ACQUIRE);
}

void call_panic_hook(std::initializer_list<std::string_view> parts) {
  call_hook(compose(parts));
}

void panic(std::initializer_list<std::string_view> parts) {
  const char* message = compose(parts);
  if (panic_settings.say != nullptr) {
    panic_settings.say(message);
  }
  call_hook(message);
  if (panic_settings.then != AfterPanic::kGoOn && panic_settings.before_end != nullptr) {
    panic_settings.before_end();
  }
  end_after_panic();
}

void end_after_panic() {
  switch (panic_settings.then) {
    case AfterPanic::kGoOn:
      return;
    case AfterPanic::kExit:
      os::exit_process(panic_settings.exit_status);
    case AfterPanic::kAbort:
      os::abort_process();
  }
}

}  // namespace heaptag::safety
