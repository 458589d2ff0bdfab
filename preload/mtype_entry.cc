// heaptag/mtype.h, malloc_type.h, mtype_stats.h and kmem_debug.h.
#include "preload/include/heaptag/mtype.h"

#include "core/base/format.h"
#include "core/safety/panic.h"
#include "core/zone/interrupt.h"
#include "core/zone/mtype.h"
#include "core/zone/say.h"
#include "preload/entry.h"

namespace {

namespace zone = heaptag::zone;
using heaptag::read_relaxed;
using heaptag::safety::panic;
using heaptag::wire::AccountRecord;

bool is_type(const struct malloc_type* type) {
  return type != nullptr && type->ks_magic == M_MAGIC;
}

// Its type, if nobody else has taken that on meanwhile.
zone::Mtype* find_attached(const struct malloc_type* type) {
  zone::Mtype* known = zone::find_usable_mtype(type->ks_type);
  return known != nullptr && read_relaxed(known->handle) == type ? known : nullptr;
}

const char* name_of(const struct malloc_type* type) {
  return type->ks_shortdesc == nullptr ? "" : type->ks_shortdesc;
}

void say_if_in_use(const zone::Mtype& type) {
  const AccountRecord& figures = type.account.figures;
  const uint64_t frees = read_relaxed(figures.frees);
  const uint64_t blocks = read_relaxed(figures.allocations) - frees;
  if (blocks != 0) {
    zone::say({"memory type '", type.name, "' was detached with ",
               heaptag::format_grouped(blocks).view(), blocks == 1 ? " block (" : " blocks (",
               heaptag::format_grouped(read_relaxed(figures.live_bytes)).view(), " bytes) in use"});
  }
}

}  // namespace

extern "C" {

HEAPTAG_EXPORT int malloc_type_register(const char* name, unsigned long limit) {
  return name == nullptr || name[0] == '\0' ? -1 : zone::make_mtype(name, limit, HEAPTAG_CALLER());
}

HEAPTAG_EXPORT int heaptag_mtype_setlimit(int type, unsigned long limit) {
  return zone::mtype_set_limit(type, limit) ? 0 : -1;
}

HEAPTAG_EXPORT void* heaptag_mtype_malloc(unsigned long size, int type, int flags) {
  return zone::mtype_malloc(size, type, flags, HEAPTAG_CALLER());
}

HEAPTAG_EXPORT void heaptag_mtype_free(void* block, int type) {
  zone::mtype_free(block, type, HEAPTAG_CALLER());
}

HEAPTAG_EXPORT void osf_intr_enter() {
  zone::enter_interrupt();
}

HEAPTAG_EXPORT void osf_intr_leave() {
  if (!zone::leave_interrupt()) {
    panic({"osf_intr_leave: not in interrupt context"});
  }
}

HEAPTAG_EXPORT int osf_in_intr() {
  return zone::is_in_interrupt() ? 1 : 0;
}

HEAPTAG_EXPORT unsigned long osf_kmem_verify() {
  return zone::mtype_verify();
}

HEAPTAG_EXPORT void malloc_type_attach(struct malloc_type* type) {
  if (!is_type(type)) {
    return panic({"malloc_type_attach: bad magic"});
  }
  if (find_attached(type) != nullptr) {
    return panic({"malloc_type_attach: '", name_of(type), "' is already on the list"});
  }
  const int number = zone::make_mtype(name_of(type), type->ks_limit, HEAPTAG_CALLER());
  if (number == -1) {
    return panic({"malloc_type_attach: '", name_of(type), "': no room for more types"});
  }
  heaptag::write_relaxed(zone::find_mtype(number)->handle, type);
  type->ks_type = number;
}

HEAPTAG_EXPORT void malloc_type_detach(struct malloc_type* type) {
  if (!is_type(type)) {
    return panic({"malloc_type_detach: bad magic"});
  }
  zone::Mtype* known = find_attached(type);
  if (known == nullptr) {
    return panic({"malloc_type_detach: '", name_of(type), "' is not on the list"});
  }
  zone::detach_mtype(known);
  say_if_in_use(*known);
}

HEAPTAG_EXPORT void malloc_type_setlimit(struct malloc_type* type, unsigned long limit) {
  if (!is_type(type)) {
    return panic({"malloc_type_setlimit: bad magic"});
  }
  type->ks_limit = limit;
  if (find_attached(type) != nullptr) {
    zone::mtype_set_limit(type->ks_type, limit);
  }
}

HEAPTAG_EXPORT int heaptag_malloc_type_number(const struct malloc_type* type) {
  const auto number = reinterpret_cast<uintptr_t>(type);
  if (number != 0 && number < M_LAST) {
    return static_cast<int>(number);  // M_DEVBUF, where a pointer was wanted
  }
  if (!is_type(type)) {
    return -1;
  }
  const zone::Mtype* known = zone::find_mtype(type->ks_type);
  const bool is_stale = known != nullptr && read_relaxed(known->handle) != type;
  return type->ks_type | (is_stale ? zone::kStale : 0);
}

HEAPTAG_EXPORT void heaptag_malloc_type_retire(int number) {
  zone::Mtype* type = zone::find_usable_mtype(number);
  if (type != nullptr) {
    zone::retire_mtype(type);
  }
}

HEAPTAG_EXPORT int heaptag_mtype_get_stats(int number, struct heaptag_mtype_stats* stats) {
  const zone::Mtype* type = zone::find_mtype(number);
  if (type == nullptr || stats == nullptr) {
    return -1;
  }
  const AccountRecord& figures = type->account.figures;
  *stats = {};
  static_assert(sizeof(stats->name) == zone::kMtypeNameBytes);
  __builtin_memcpy(stats->name, type->name, sizeof(stats->name));
  const uint64_t frees = read_relaxed(figures.frees);
  stats->calls = read_relaxed(figures.allocations);
  stats->inuse = stats->calls - frees;
  stats->memuse = read_relaxed(figures.live_usable);
  stats->maxused = read_relaxed(figures.most_usable);
  stats->requested = read_relaxed(figures.live_bytes);
  stats->limit = read_relaxed(figures.limit_bytes);
  stats->limblocks = read_relaxed(figures.limit_waits);
  stats->mapblocks = read_relaxed(figures.memory_waits);
  stats->failed = read_relaxed(figures.failed);
  stats->size_bitmap = read_relaxed(figures.sizes);
  return 0;
}

HEAPTAG_EXPORT int heaptag_bucket_get_stats(unsigned index, struct heaptag_bucket_stats* stats) {
  const zone::Zone& zone = zone::mtype_zone();
  if (index >= HEAPTAG_BUCKETS || stats == nullptr) {
    return -1;
  }
  const heaptag::wire::BucketRecord& bucket = zone.buckets[index];
  *stats = {};
  stats->element_size = index < zone.sizes().count ? zone.sizes().bytes[index] : 0;
  const uint64_t frees = read_relaxed(bucket.frees);
  stats->requests = read_relaxed(bucket.requests);
  stats->in_use = stats->requests - frees;
  stats->total = read_relaxed(bucket.total);
  stats->free = stats->total > stats->in_use ? stats->total - stats->in_use : 0;
  stats->bytes = index < zone.sizes().count ? stats->total * stats->element_size
                                            : read_relaxed(zone.record()->large_bytes);
  stats->couldfree = read_relaxed(bucket.could_free);
  stats->failed = read_relaxed(bucket.failed);
  stats->highwater = read_relaxed(bucket.high_water);
  return 0;
}

}  // extern "C"
