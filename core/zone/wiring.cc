#include "core/zone/wiring.h"

#include "core/base/format.h"
#include "core/os/vm.h"
#include "core/zone/say.h"

namespace heaptag::zone {

namespace {

constinit bool has_said = false;

void say_once(const Span* span, long error) {
  if (__atomic_exchange_n(&has_said, true, __ATOMIC_RELAXED)) {
    return;
  }
  const size_t limit = os::locked_memory_limit();
  say({"OSMalloc: ", format_size(span->size_bytes()).view(),
       " of wired memory could not be locked (error ", format_signed(error).view(), ", limit ",
       limit == SIZE_MAX ? "none" : format_size(limit).view(),
       "): they may be paged out; raise ulimit -l, or set HEAPTAG_OSM_WIRE=0. Further failures are "
       "counted"});
}

}  // namespace

void wire(Span* span) {
  const long error = os::lock_pages(span->base, span->size_bytes());
  if (error == 0) {
    span->flags |= heap::kFlagWired;
    return;
  }
  say_once(span, -error);
}

void unwire(Span* span) {
  if ((span->flags & heap::kFlagWired) != 0) {
    if (!os::is_all_locked()) {  // else the program's mlockall is what holds them
      os::unlock_pages(span->base, span->size_bytes());
    }
    span->flags &= static_cast<uint8_t>(~heap::kFlagWired);
  }
}

}  // namespace heaptag::zone
