#include "core/os/shared_lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <time.h>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/os/file.h"
#include "core/os/process.h"
#include "core/os/syscall.h"
#include "core/os/unseen_fork.h"

namespace heaptag::os {

namespace {

constexpr uint64_t kThreadMask = (uint64_t{1} << 31) - 1;
constexpr long kLookEveryNs = 20'000'000;
constexpr int kSpins = 100;

// Ids of threads come again. A life is when the thread began, and where the kernel has put the
// stack of the program that its process executes: an exec keeps the id and the begin.
struct Life {
  uint16_t begin;
  uint16_t program;  // 0: not known
};

struct OwnIdentity {
  uint64_t word;
  uint32_t generation;
};

// Counts the forks that this process has come out of.
constinit uint32_t fork_generation = 1;
constinit thread_local OwnIdentity own_identity = {};

uint16_t folded(uint64_t value) {
  value *= 0x9e3779b97f4a7c15;
  return static_cast<uint16_t>(value >> 48);
}

enum class Seen { kLiving, kEnded, kUnknown };

// /proc/TID/stat, field 2 of which is a name in parentheses that may hold anything.
Seen look_at(uint32_t thread, Life* life) {
  char path[64];
  BufferSink path_text(path, sizeof path);
  path_text.sink().put("/proc/");
  path_text.sink().put(format_decimal(thread).view());
  path_text.sink().put("/stat");
  char buffer[1024];
  const long length = read_file(path, buffer, sizeof buffer);
  if (length == -ENOENT || length == -ESRCH) {
    return Seen::kEnded;
  }
  if (length <= 0) {
    return Seen::kUnknown;
  }
  std::string_view rest(buffer, static_cast<size_t>(length));
  rest = drop_first(rest, rest.rfind(')') + 2);
  if (rest.empty() || rest[0] == 'Z' || rest[0] == 'X') {
    return Seen::kEnded;
  }
  uint64_t begin = 0;
  uint64_t stack = 0;
  for (unsigned field = 3; !rest.empty() && field <= 28; ++field) {
    if (field == 22) {
      read_leading_number(rest, &begin);
    } else if (field == 28) {
      read_leading_number(rest, &stack);
    }
    const size_t space = rest.find(' ');
    rest = space == std::string_view::npos ? std::string_view() : drop_first(rest, space + 1);
  }
  life->begin = folded(begin);
  // What may not be seen reads as 0 or 1.
  life->program = stack <= 1 ? 0 : static_cast<uint16_t>(folded(stack) | 1);
  return Seen::kLiving;
}

bool exists_thread(uint32_t thread) {
  return thread != 0 && raw_syscall(SYS_tkill, thread, 0) != -ESRCH;
}

bool is_living(uint64_t word) {
  const auto thread = static_cast<uint32_t>(word & kThreadMask);
  if (!exists_thread(thread)) {
    return false;
  }
  const Life held{static_cast<uint16_t>(word >> 32), static_cast<uint16_t>(word >> 48)};
  Life now{};
  if (is_sandboxed()) {
    return true;
  }
  switch (look_at(thread, &now)) {
    case Seen::kEnded:
      // Or another namespace's: then tkill would not have found it, either.
      return false;
    case Seen::kUnknown:
      return true;
    case Seen::kLiving:
      break;
  }
  if (held.begin == 0 && held.program == 0) {
    return true;  // it could not say
  }
  return held.begin == now.begin &&
         (held.program == 0 || now.program == 0 || held.program == now.program);
}

[[gnu::noinline, gnu::cold]] uint64_t identify(uint32_t generation) {
  const auto thread = static_cast<uint32_t>(raw_syscall(SYS_gettid));
  Life life{};
  if (is_sandboxed() || look_at(thread, &life) != Seen::kLiving) {
    life = {};
  }
  const uint64_t word = thread | uint64_t{life.begin} << 32 | uint64_t{life.program} << 48;
  own_identity = {word, generation};
  return word;
}

}  // namespace

uint64_t SharedLock::holder_word() {
  look_for_unseen_fork();
  const uint32_t generation = __atomic_load_n(&fork_generation, __ATOMIC_RELAXED);
  return __builtin_expect(own_identity.generation == generation, 1) ? own_identity.word
                                                                    : identify(generation);
}

void SharedLock::in_forked_child() {
  __atomic_store_n(&fork_generation, fork_generation + 1, __ATOMIC_RELAXED);
}

SharedLock::Taken SharedLock::acquire_slow(uint64_t own) {
  for (int spin = 0; spin < kSpins; ++spin) {
    uint64_t expected = 0;
    if (__atomic_load_n(&word_, __ATOMIC_RELAXED) == 0 &&
        __atomic_compare_exchange_n(&word_, &expected, own, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
      return Taken::kYes;
    }
    __builtin_ia32_pause();
  }
  for (;;) {
    uint64_t word = __atomic_load_n(&word_, __ATOMIC_RELAXED);
    if ((word & ~kWaiters) == own) {
      return Taken::kNot;
    }
    const bool is_free = word == 0;
    // Others may be asleep, too: whoever has waited says so for them.
    const uint64_t wanted = is_free ? own | kWaiters : word | kWaiters;
    if (word != wanted && !__atomic_compare_exchange_n(&word_, &word, wanted, false,
                                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
      continue;
    }
    if (is_free) {
      return Taken::kYes;
    }
    const timespec limit{0, kLookEveryNs};
    const long waited = raw_syscall(SYS_futex, reinterpret_cast<long>(&word_), FUTEX_WAIT,
                                    static_cast<long>(static_cast<uint32_t>(wanted)),
                                    reinterpret_cast<long>(&limit));
    if (waited == -ETIMEDOUT && !is_living(wanted)) {
      uint64_t dead = wanted;
      if (__atomic_compare_exchange_n(&word_, &dead, own | kWaiters, false, __ATOMIC_ACQUIRE,
                                      __ATOMIC_RELAXED)) {
        return Taken::kFromTheDead;
      }
    }
  }
}

void SharedLock::release() {
  const uint64_t word = __atomic_exchange_n(&word_, 0, __ATOMIC_RELEASE);
  if (__builtin_expect((word & kWaiters) != 0, 0)) {
    raw_syscall(SYS_futex, reinterpret_cast<long>(&word_), FUTEX_WAKE, 1);
  }
}

}  // namespace heaptag::os
