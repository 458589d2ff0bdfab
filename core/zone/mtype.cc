#include "core/zone/mtype.h"

#include <cstring>

#include "core/allocator/checked_verify.h"
#include "core/allocator/deferred.h"
#include "core/base/format.h"
#include "core/os/clock.h"
#include "core/os/futex.h"
#include "core/safety/panic.h"
#include "core/safety/settings.h"
#include "core/zone/complaint.h"
#include "core/zone/interrupt.h"
#include "core/zone/say.h"

namespace heaptag::zone {

using safety::Kind;
using safety::panic;

namespace {

constexpr size_t kMostWithoutWaiting = 16 * 1024;
constexpr uint64_t kNsPerMs = 1'000'000;

constinit uint64_t patience_ns = 1000 * kNsPerMs;

void panic_about_type(std::string_view function, int number) {
  const Mtype* type = find_mtype(number);
  if (type != nullptr) {
    return panic({function, "bogus type '", type->name, "'"});
  }
  panic({function, "bogus type ", format_signed(number).view()});
}

// The document has these calls return null, and say so.
bool is_against_the_rules(const Mtype& type, size_t size, bool may_wait) {
  if (!may_wait && size <= kMostWithoutWaiting) {
    return false;
  }
  const bool in_interrupt = is_in_interrupt();
  if (in_interrupt && may_wait) {
    say({"MALLOC: M_WAITOK in interrupt context: NULL for ", format_decimal(size).view(),
         " bytes of '", type.name, "'"});
    return true;
  }
  if (size > kMostWithoutWaiting && (in_interrupt || !may_wait)) {
    say({"MALLOC: ", format_decimal(size).view(), " bytes of '", type.name,
         in_interrupt ? "' in interrupt context: NULL above 16384"
                      : "' with M_NOWAIT: NULL above 16384"});
    return true;
  }
  return false;
}

bool is_at_limit(const Mtype& type) {
  const wire::AccountRecord& figures = type.account.figures;
  const uint64_t limit = read_relaxed(figures.limit_bytes);
  return limit != 0 && read_relaxed(figures.live_usable) >= limit;
}

// Until somebody frees enough, or for as long as it may take.
bool wait_at_limit(Mtype* type) {
  add(type->account.figures.limit_waits);
  uint64_t now = os::monotonic_ns();
  const uint64_t deadline = now + patience_ns;
  __atomic_fetch_add(&type->waiting, 1U, __ATOMIC_SEQ_CST);
  bool is_at = true;
  for (; is_at && now < deadline; now = os::monotonic_ns()) {
    const uint32_t seen = __atomic_load_n(&type->freed, __ATOMIC_SEQ_CST);
    is_at = is_at_limit(*type);
    if (is_at) {
      os::wait_on(&type->freed, seen, deadline - now);
      is_at = is_at_limit(*type);
    }
  }
  __atomic_fetch_sub(&type->waiting, 1U, __ATOMIC_SEQ_CST);
  return !is_at;
}

void wake_waiting(Mtype* type) {
  // What has changed before was changed by an atomic operation, and whoever waits says so by one
  // before looking.
  if (likely(__atomic_load_n(&type->waiting, __ATOMIC_SEQ_CST) == 0)) {
    return;
  }
  __atomic_fetch_add(&type->freed, 1U, __ATOMIC_SEQ_CST);
  os::wake_all(&type->freed);
}

struct Free {
  const void* passed;
  const Mtype* type;
  uintptr_t pc;
};

// Panics about what is wrong with a call of FREE. False: nothing is.
bool is_refused(const Free& call, const Found& found) {
  const NumberText address = format_hex(reinterpret_cast<uintptr_t>(call.passed));
  const auto complain = [&](Kind kind) {
    tell_complaint({kind, call.passed, found.block, call.pc, 0});
  };
  const bool is_aligned = reinterpret_cast<uintptr_t>(call.passed) % 16 == 0;
  if (found.what == What::kInterior || (found.what == What::kForeign && !is_aligned)) {
    complain(found.what == What::kInterior ? Kind::kInteriorFree : Kind::kInvalidFree);
    panic(
        {"free: unaligned addr ", address.view(),
         found.what == What::kInterior ? ", inside of a block of MALLOC" : ", no block of MALLOC"});
  } else if (found.what == What::kForeign) {
    complain(Kind::kInvalidFree);
    panic({"free: ", address.view(), " is no block of MALLOC"});
  } else if (found.what == What::kFreed) {
    complain(Kind::kDoubleFree);
    panic({"free: multiple frees of ", address.view(), " of type '", call.type->name, "'"});
  } else if (const Mtype* own = mtype_of(found.block.record);
             safety::settings.kmem_debug && own != call.type) {
    complain(Kind::kTagMismatch);
    panic({"free: ", address.view(), " is of type '", own->name, "', not '", call.type->name, "'"});
  } else {
    return false;
  }
  return true;
}

}  // namespace

void set_limit_patience(uint64_t limit_ms) {
  patience_ns = limit_ms * kNsPerMs;
}

void* mtype_malloc(size_t size, int number, int flags, uintptr_t pc) {
  Mtype* type = find_usable_mtype(number, pc);
  if (unlikely(type == nullptr)) {
    panic_about_type("malloc - ", number);
    return nullptr;
  }
  const bool may_wait = (flags & kNoWait) == 0;
  if (is_against_the_rules(*type, size, may_wait) ||
      (is_at_limit(*type) && !(may_wait && wait_at_limit(type)))) {
    return count_failure(&type->account, pc);
  }
  void* block = allocate(&mtype_zone(), &type->account, {size, pc, may_wait});
  if (block != nullptr && (flags & kZero) != 0) {
    std::memset(block, 0, size);
  }
  return block;
}

void mtype_free(void* block, int number, uintptr_t pc) {
  const Mtype* type = find_mtype(number, pc);
  if (unlikely(type == nullptr)) {
    return panic_about_type("free: ", number);
  }
  if (block == nullptr) {
    return;
  }
  const Found found = find(mtype_zone(), block);
  if (is_refused({block, type, pc}, found)) {
    return;
  }
  Mtype* own = mtype_of(found.block.record);
  const bool may_wait = allocator::may_serve() && !is_in_interrupt();
  if (!release(&mtype_zone(), &own->account, found, pc, may_wait)) {
    is_refused({block, type, pc}, {What::kFreed, found.block});
    return;
  }
  wake_waiting(own);
}

bool mtype_set_limit(int number, uint64_t limit) {
  Mtype* type = find_mtype(number);
  if (type == nullptr) {
    return false;
  }
  write_relaxed(type->account.figures.limit_bytes, limit);
  wake_waiting(type);
  return true;
}

unsigned mtype_verify() {
  return safety::settings.kmem_debug && mtype_zone().is_ready
             ? allocator::verify_flagged(heap::kFlagMtype, safety::FoundWhen::kVerify)
             : 0;
}

}  // namespace heaptag::zone
