#include "core/report/collect.h"

#include "core/allocator/checked_lists.h"
#include "core/allocator/figures.h"
#include "core/allocator/guarded.h"
#include "core/allocator/peak.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/base/format.h"
#include "core/base/sort.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"
#include "core/os/clock.h"
#include "core/os/process.h"
#include "core/render/names.h"
#include "core/report/error_view.h"
#include "core/report/findings.h"
#include "core/report/process_facts.h"
#include "core/tag/modules.h"
#include "core/tag/owners.h"
#include "core/tag/rules.h"
#include "core/tag/tags.h"

namespace heaptag::report {

using wire::OwnerCounters;

namespace {

constexpr size_t kBuildIdTextBytes = 41;

void add_part(void* context, uint32_t owner, const OwnerCounters& part) {
  auto* sums = static_cast<std::span<OwnerCounters>*>(context);
  if (owner >= sums->size()) {
    return;  // came after we had counted the owners
  }
  OwnerCounters& sum = (*sums)[owner];
  sum.allocations += part.allocations;
  sum.frees += part.frees;
  sum.allocated_bytes += part.allocated_bytes;
  sum.freed_bytes += part.freed_bytes;
  sum.allocated_usable += part.allocated_usable;
  sum.freed_usable += part.freed_usable;
  sum.failed += part.failed;
}

void raise_to(uint64_t least, uint64_t* value) {
  *value = *value < least ? least : *value;
}

// A program that writes behind its blocks may have changed what a free has read: then more bytes
// may have been freed than were allocated.
void add_up(std::span<OwnerCounters> sums) {
  for (OwnerCounters& sum : sums) {
    sum = OwnerCounters{};
  }
  allocator::visit_figures({add_part, &sums}, allocator::Order::kFreedFirst);
  for (OwnerCounters& sum : sums) {
    raise_to(sum.frees, &sum.allocations);
    raise_to(sum.freed_bytes, &sum.allocated_bytes);
    raise_to(sum.freed_usable + (sum.allocated_bytes - sum.freed_bytes), &sum.allocated_usable);
  }
}

render::Figures figures_of(const OwnerCounters& sum) {
  render::Figures figures;
  figures.allocations = sum.allocations;
  figures.frees = sum.frees;
  figures.live_blocks = sum.allocations - sum.frees;
  figures.live_bytes = sum.allocated_bytes - sum.freed_bytes;
  figures.usable_bytes = sum.allocated_usable - sum.freed_usable;
  figures.allocated_bytes = sum.allocated_bytes;
  figures.failed = sum.failed;
  return figures;
}

const char* hex_text(const uint8_t* bytes, size_t count, char* text) {
  write_hex_bytes(bytes, count, text);
  return count == 0 ? nullptr : text;
}

// Fills modules[i] from record i + 1.
bool collect_modules(Collected* collected) {
  const uint32_t count = tag::module_count() - 1;
  auto modules = collected->scratch.array<render::Module>(count);
  auto texts = collected->scratch.array<char>(count * kBuildIdTextBytes);
  auto times = collected->scratch.array<TimeText>(2 * size_t{count});
  collected->symbols = collected->scratch.array<elf::Symbols>(count);
  if (collected->scratch.failed()) {
    return false;
  }
  for (uint32_t i = 0; i < count; ++i) {
    const wire::ModuleRecord& record = tag::modules()[i + 1];
    modules[i].path = reinterpret_cast<const char*>(record.path);
    modules[i].build_id =
        hex_text(record.build_id, record.build_id_bytes, texts.data() + i * kBuildIdTextBytes);
    modules[i].base = record.base;
    modules[i].end = record.end;
    modules[i].loaded_at = times[2 * i].set(record.loaded_at);
    modules[i].unloaded_at =
        record.unloaded_at == 0 ? nullptr : times[2 * i + 1].set(record.unloaded_at);
  }
  collected->report.modules = modules.data();
  collected->report.module_count = count;
  return true;
}

// The record of the peak, as it was at one moment.
struct PeakCopy {
  allocator::PeakFigures figures;
  std::span<uint64_t> at_peak_bytes;  // by owner: these add up to figures.live_bytes
};

void copy_peak(Collected* collected, PeakCopy* copy) {
  const allocator::PeakHold hold;
  // Not before: whoever is in the record is counted now.
  copy->at_peak_bytes = collected->scratch.array<uint64_t>(tag::owner_count());
  for (uint32_t owner = 1; owner < copy->at_peak_bytes.size(); ++owner) {
    copy->at_peak_bytes[owner] = read_relaxed(tag::owners()[owner].at_peak_bytes);
  }
  copy->figures = allocator::peak_figures();
}

// A row is a site; the sites of a tag lie next to each other.
struct Rows {
  std::span<render::Tag> tags;
  std::span<render::Site> sites;
  std::span<render::Frame> frames;
  std::span<uint32_t> modules;  // record numbers
  std::span<uint32_t> order;    // owners that have figures, by tag
  size_t count = 0;
  size_t tag_count = 0;
};

void fill_site(Rows* rows,
               uint32_t owner,
               const OwnerCounters& sum,
               uint64_t at_peak_bytes,
               const render::Report& report) {
  const wire::OwnerRecord& record = tag::owners()[owner];
  const size_t row = rows->count++;
  render::Frame& frame = rows->frames[row];
  frame.offset = record.offset;
  if (record.module != 0) {
    frame.module = report.modules[record.module - 1].path;
    frame.build_id = report.modules[record.module - 1].build_id;
  }
  rows->modules[row] = record.module;
  render::Site& site = rows->sites[row];
  site.id = owner;
  site.frames = &frame;
  site.frame_count = OwnerId{owner} == tag::kOverflowOwner ? 0 : 1;
  site.figures = figures_of(sum);
  site.at_peak_bytes = at_peak_bytes;
  site.size_classes =
      static_cast<uint32_t>(__builtin_popcountll(read_relaxed(record.size_classes)));
}

// Only types have one, and their accounts stay where they are.
uint64_t limit_of(const wire::TagRecord& tag) {
  const auto* account = reinterpret_cast<const wire::AccountRecord*>(read_relaxed(tag.account));
  return tag.origin == wire::TagOrigin::kMtype && account != nullptr
             ? read_relaxed(account->limit_bytes)
             : 0;
}

// Named tags first, each with all of its sites; then every site that is its own.
void fill_rows(Rows* rows,
               std::span<OwnerCounters> sums,
               const PeakCopy& peak,
               const render::Report& report) {
  size_t count = 0;
  for (uint32_t owner = 1; owner < sums.size(); ++owner) {
    if (sums[owner].allocations != 0 || sums[owner].failed != 0) {
      rows->order[count++] = owner;
    }
  }
  const wire::OwnerRecord* owners = tag::owners();
  sort_in_place(rows->order.data(), count, [owners](uint32_t a, uint32_t b) {
    return owners[a].tag != owners[b].tag ? owners[a].tag > owners[b].tag : a < b;
  });
  uint32_t last_tag = 0;
  for (uint32_t owner : rows->order.first(count)) {
    const wire::OwnerRecord& record = owners[owner];
    fill_site(rows, owner, sums[owner], peak.at_peak_bytes[owner], report);
    render::Site* site = &rows->sites[rows->count - 1];
    if (record.tag == 0 || record.tag != last_tag) {
      last_tag = record.tag;
      render::Tag& tag = rows->tags[rows->tag_count++];
      tag = render::Tag{};
      tag.sites = site;
      tag.peak_live_bytes = read_relaxed(record.peak_live_bytes);
      if (record.tag != 0) {
        const wire::TagRecord& named = tag::tags()[record.tag];
        tag.name = reinterpret_cast<const char*>(named.name);
        tag.origin = wire::origin_name(named.origin);
        tag.peak_live_bytes = read_relaxed(named.peak_live_bytes);
        tag.limit_bytes = limit_of(named);
      }
    }
    render::Tag& tag = rows->tags[rows->tag_count - 1];
    ++tag.site_count;
    add_figures(tag.figures, site->figures);
    tag.at_peak_bytes += site->at_peak_bytes;
  }
}

// Opens each module once and asks for all its sites.
void name_functions(Collected* collected, Rows* rows) {
  auto queries = collected->scratch.array<elf::SymbolQuery>(rows->count);
  if (queries.empty()) {
    return;
  }
  for (uint32_t module = 1; module <= collected->report.module_count; ++module) {
    size_t count = 0;
    for (size_t row = 0; row < rows->count; ++row) {
      if (rows->modules[row] == module) {
        queries[count] = elf::SymbolQuery{};
        queries[count].address = rows->frames[row].offset;
        queries[count].id = static_cast<uint32_t>(row);
        ++count;
      }
    }
    const render::Module& from = collected->report.modules[module - 1];
    elf::Symbols* symbols = &collected->symbols[module - 1];
    if (count == 0 ||
        elf::open_symbols(from.path, from.build_id, symbols) != elf::SymbolsStatus::kOpen) {
      continue;
    }
    elf::lookup_symbols(*symbols, queries.first(count));
    for (const elf::SymbolQuery& query : queries.first(count)) {
      rows->frames[query.id].function = query.function;
      rows->frames[query.id].function_offset = query.function_offset + 1;
    }
  }
}

bool name_tags(Collected* collected, Rows* rows) {
  auto requests = collected->scratch.array<render::NameRequest>(rows->tag_count);
  auto names = collected->scratch.array<const char*>(rows->tag_count);
  auto words = collected->scratch.array<uint32_t>(render::name_scratch_words(rows->tag_count));
  if (collected->scratch.failed()) {
    return false;
  }
  for (size_t i = 0; i < rows->tag_count; ++i) {
    const render::Tag& tag = rows->tags[i];
    const render::Frame& frame = tag.sites[0].frames[0];
    requests[i] = {tag.name, frame.function, frame.function_offset, frame.module, frame.offset};
    if (tag.sites[0].frame_count == 0) {
      requests[i].given = "(more call sites than can be told apart)";
    }
  }
  auto chars = collected->scratch.array<char>(render::name_chars(requests));
  if (chars.empty() || !render::name_owners(requests, names, words, chars)) {
    return rows->tag_count == 0;
  }
  for (size_t i = 0; i < rows->tag_count; ++i) {
    rows->tags[i].name = names[i];
  }
  return true;
}

void collect_rules(Collected* collected) {
  auto rules = collected->scratch.array<render::Rule>(tag::rule_count());
  for (size_t i = 0; i < rules.size(); ++i) {
    const wire::RuleRecord& record = tag::rules()[i];
    rules[i] = {reinterpret_cast<const char*>(record.name),
                reinterpret_cast<const char*>(record.text), record.matched_sites};
  }
  collected->report.rules = rules.data();
  collected->report.rule_count = rules.size();
}

void collect_totals(render::Report* report, const Rows& rows, const PeakCopy& peak) {
  render::Totals& totals = report->totals;
  for (const render::Tag& tag : rows.tags.first(rows.tag_count)) {
    add_figures(totals.figures, tag.figures);
    totals.peak_live_bytes += tag.at_peak_bytes;
  }
  for (const allocator::ThreadState* thread = allocator::first_thread(); thread != nullptr;
       thread = reinterpret_cast<const allocator::ThreadState*>(thread->record.next)) {
    totals.reallocations += read_relaxed(thread->record.reallocations);
    totals.foreign_frees += read_relaxed(thread->record.foreign_frees);
  }
  totals.threads = allocator::threads_ever();
  const uint64_t bound = peak.figures.live_bytes + peak.figures.error_bytes;
  totals.peak_error_bytes = bound > totals.peak_live_bytes ? bound - totals.peak_live_bytes : 0;
  report->process.at_peak_ns = peak.figures.at_ns;
}

// Threads that allocate while the report is made may have passed the recorded peak: then the peak
// is now.
void raise_peak(render::Report* report, Rows* rows) {
  render::Totals& totals = report->totals;
  if (totals.figures.live_bytes > totals.peak_live_bytes) {
    totals.peak_live_bytes = totals.figures.live_bytes;
    report->process.at_peak_ns = os::monotonic_ns();
    for (render::Tag& tag : rows->tags.first(rows->tag_count)) {
      tag.at_peak_bytes = tag.figures.live_bytes;
    }
    for (render::Site& site : rows->sites.first(rows->count)) {
      site.at_peak_bytes = site.figures.live_bytes;
    }
  }
  for (render::Tag& tag : rows->tags.first(rows->tag_count)) {
    if (tag.peak_live_bytes < tag.at_peak_bytes) {
      tag.peak_live_bytes = tag.at_peak_bytes;
    }
    if (tag.peak_live_bytes < tag.figures.live_bytes) {
      tag.peak_live_bytes = tag.figures.live_bytes;
    }
  }
}

// live + rounding + cached + quarantined + metadata + not_heap - untouched = resident
void collect_memory(render::Report* report) {
  const heap::PageHeapFigures pages = heap::page_heap_figures();
  render::Totals& totals = report->totals;
  totals.metadata_bytes = meta::mapped_bytes();
  const uint64_t guarded = allocator::guards_blocks() ? allocator::guarded_live_bytes() : 0;
  // What lies in no span.
  const uint64_t used =
      pages.used_bytes + guarded + read_relaxed(allocator::outside_usable_bytes());
  const uint64_t in_spans =
      used > totals.figures.usable_bytes ? used - totals.figures.usable_bytes : 0;
  const uint64_t quarantined = allocator::waiting_bytes();
  totals.cached_bytes =
      in_spans + pages.dirty_bytes - (quarantined < in_spans ? quarantined : in_spans);
  totals.resident_bytes = resident_bytes();
  // The kernel counts in batches: what is resident now may be more than its maximum.
  const uint64_t highest = os::max_resident_bytes();
  totals.max_resident_bytes = highest > totals.resident_bytes ? highest : totals.resident_bytes;
  render::Memory& memory = report->memory;
  memory.live = totals.figures.live_bytes;
  memory.rounding = totals.figures.usable_bytes - totals.figures.live_bytes;
  memory.cached = totals.cached_bytes;
  memory.quarantined = quarantined < in_spans ? quarantined : in_spans;
  memory.metadata = totals.metadata_bytes;
  memory.resident = totals.resident_bytes;
  const uint64_t ours =
      memory.live + memory.rounding + memory.cached + memory.quarantined + memory.metadata;
  if (memory.resident == 0) {
    return;
  }
  memory.not_heap = memory.resident > ours ? memory.resident - ours : 0;
  memory.untouched = memory.resident > ours ? 0 : ours - memory.resident;
}

}  // namespace

Collected::~Collected() {
  for (elf::Symbols& module : symbols) {
    elf::close_symbols(&module);
  }
  if (error_symbols != nullptr) {
    error_symbols->close();
  }
}

bool collect(Collected* collected) {
  PeakCopy peak;
  copy_peak(collected, &peak);
  const auto owners = static_cast<uint32_t>(peak.at_peak_bytes.size());
  auto sums = collected->scratch.array<OwnerCounters>(owners);
  Rows rows{collected->scratch.array<render::Tag>(owners),
            collected->scratch.array<render::Site>(owners),
            collected->scratch.array<render::Frame>(owners),
            collected->scratch.array<uint32_t>(owners), collected->scratch.array<uint32_t>(owners)};
  collected->sort_words = collected->scratch.array<uint32_t>(owners);
  if (collected->scratch.failed()) {
    return false;
  }
  add_up(sums);
  // After the owners were counted: every module of theirs has its record by now.
  if (!collect_modules(collected)) {
    return false;
  }
  fill_rows(&rows, sums, peak, collected->report);
  name_functions(collected, &rows);
  if (!name_tags(collected, &rows)) {
    return false;
  }
  collected->report.tags = rows.tags.data();
  collected->report.tag_count = rows.tag_count;
  collect_rules(collected);
  collect_totals(&collected->report, rows, peak);
  raise_peak(&collected->report, &rows);
  collect_memory(&collected->report);
  collect_errors(collected);
  return true;
}

}  // namespace heaptag::report
