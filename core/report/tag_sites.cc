#include "core/report/tag_sites.h"

#include "core/allocator/deferred.h"
#include "core/allocator/stray.h"
#include "core/base/format.h"
#include "core/base/text.h"
#include "core/elf/demangle.h"
#include "core/report/error_view.h"
#include "core/report/log.h"
#include "core/tag/owners.h"

namespace heaptag::report {

namespace {

constexpr unsigned kMostShown = 16;

struct LiveSite {
  uint32_t owner;
  uint64_t blocks;
  uint64_t bytes;
};

struct LiveSites {
  LiveSite largest[kMostShown];  // the most bytes first
  unsigned count;
  uint64_t left_out;
};

void insert(LiveSites* sites, const LiveSite& site) {
  unsigned at = sites->count;
  if (at == kMostShown) {
    ++sites->left_out;
    if (site.bytes <= sites->largest[--at].bytes) {
      return;
    }
  } else {
    ++sites->count;
  }
  for (; at != 0 && sites->largest[at - 1].bytes < site.bytes; --at) {
    sites->largest[at] = sites->largest[at - 1];
  }
  sites->largest[at] = site;
}

void find_sites(TagId tag, LiveSites* sites) {
  const uint32_t owners = tag::owner_count();
  for (uint32_t i = 1; i < owners; ++i) {
    const allocator::OwnerCounters* counters =
        tag::owners()[i].tag == index_of(tag) ? allocator::shared_counters(OwnerId{i}) : nullptr;
    if (counters == nullptr) {
      continue;
    }
    const uint64_t frees = read_relaxed(counters->frees);
    const uint64_t freed_bytes = read_relaxed(counters->freed_bytes);
    const uint64_t allocations = read_relaxed(counters->allocations);
    if (allocations > frees) {
      insert(sites,
             {i, allocations - frees, read_relaxed(counters->allocated_bytes) - freed_bytes});
    }
  }
}

void say_site(const LiveSite& site, SymbolSource* symbols) {
  const wire::OwnerRecord& owner = tag::owners()[site.owner];
  render::Frame frame;
  symbols->describe({owner.module, owner.offset}, &frame);
  char name[512];
  if (frame.function == nullptr || !elf::demangle(frame.function, name, sizeof(name))) {
    BufferSink text(name, sizeof(name));
    if (frame.function != nullptr) {
      text.sink().put(frame.function);
    } else {
      text.sink().put(base_name(frame.module));
      text.sink().put("+");
      text.sink().put(format_hex(owner.offset).view());
    }
  }
  log_line({"  ", format_grouped(site.blocks).view(), site.blocks == 1 ? " block, " : " blocks, ",
            format_grouped(site.bytes).view(), " bytes: ", name});
}

}  // namespace

void list_sites_of_tag(TagId tag) {
  const allocator::QuietScope quiet;
  LiveSites sites{};
  find_sites(tag, &sites);
  SymbolSource symbols;
  for (unsigned i = 0; i < sites.count; ++i) {
    say_site(sites.largest[i], &symbols);
  }
  if (sites.left_out != 0) {
    log_line({"  and ", format_grouped(sites.left_out).view(), " more call sites"});
  }
}

}  // namespace heaptag::report
