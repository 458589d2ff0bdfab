// What a report says, as plain views: no owner of memory, no knowledge of where the figures came
// from. Filled inside the target by core/report, outside of it by tools/. Rendered by text.h and
// json.h. Layer: core/render.  Strings are NUL-terminated; null means "not known". Sizes are bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heaptag::render {

/// One source position of a call site. `offset` is the ELF virtual address of (return address - 1).
struct Frame {
  const char* module = nullptr;    // path
  const char* build_id = nullptr;  // hex digits
  uint64_t offset = 0;
  const char* function = nullptr;
  uint64_t function_offset =
      0;  // of the return address itself in `function`: the +0x1f of a shown name
  const char* file = nullptr;
  uint32_t line = 0;  // 0: not known
  bool inlined = false;
};

/// The figures that add up exactly: sites to tags, tags to totals.
struct Figures {
  uint64_t allocations = 0;
  uint64_t frees = 0;
  uint64_t live_blocks = 0;
  uint64_t live_bytes = 0;       // requested
  uint64_t usable_bytes = 0;     // of live blocks, with rounding
  uint64_t allocated_bytes = 0;  // requested, ever
  uint64_t failed = 0;
};

inline void add_figures(Figures& to, const Figures& part) {
  to.allocations += part.allocations;
  to.frees += part.frees;
  to.live_blocks += part.live_blocks;
  to.live_bytes += part.live_bytes;
  to.usable_bytes += part.usable_bytes;
  to.allocated_bytes += part.allocated_bytes;
  to.failed += part.failed;
}

struct Site {
  uint32_t id = 0;
  const Frame* frames = nullptr;
  size_t frame_count = 0;
  Figures figures;
  uint32_t size_classes = 0;   // how many it has asked for; 0: not known. Many: perhaps a wrapper
  uint64_t at_peak_bytes = 0;  // known when those of a tag's sites add up to the tag's
};

/// One row of the report: a named tag, or a call site that no rule names.
struct Tag {
  const char* name = nullptr;   // as shown in every view, unique in the report
  const char* origin = "site";  // site: no rule names it; rule, api: a named tag
  Figures figures;
  uint64_t peak_live_bytes = 0;
  uint64_t at_peak_bytes = 0;
  uint64_t limit_bytes = 0;  // 0: none
  const Site* sites = nullptr;
  size_t site_count = 0;
};

/// Is it known what each site of the tag held when the process held most, and not only what all of
/// them did? A single site held what the tag did, whatever it says itself.
inline bool know_site_peaks(const Tag& tag) {
  uint64_t sum = 0;
  for (size_t i = 0; i < tag.site_count; ++i) {
    sum += tag.sites[i].at_peak_bytes;
  }
  return tag.site_count == 1 || sum == tag.at_peak_bytes;
}

struct Module {
  const char* path = nullptr;
  const char* build_id = nullptr;
  uint64_t base = 0;  // load bias: address = base + ELF virtual address
  uint64_t end = 0;
  const char* loaded_at = nullptr;  // RFC 3339 UTC
  const char* unloaded_at = nullptr;
};

struct Option {
  const char* name = nullptr;  // HEAPTAG_...
  const char* value = nullptr;
};

/// A rule of HEAPTAG_TAGS.
struct Rule {
  const char* name = nullptr;
  const char* text = nullptr;  // as written
  uint64_t matched_sites = 0;
};

struct Totals {
  Figures figures;
  uint64_t reallocations = 0;
  uint64_t peak_live_bytes = 0;
  uint64_t peak_error_bytes = 0;
  uint64_t resident_bytes = 0;      // of the whole process, from the kernel; 0: not known
  uint64_t max_resident_bytes = 0;  // ever, from the kernel; 0: not known
  uint64_t metadata_bytes = 0;
  uint64_t cached_bytes = 0;
  uint64_t foreign_frees = 0;
  uint64_t threads = 0;
};

/// live + rounding + cached + quarantined + metadata + not_heap - untouched = resident
struct Memory {
  uint64_t live = 0;
  uint64_t rounding = 0;
  uint64_t cached = 0;
  uint64_t quarantined = 0;
  uint64_t metadata = 0;
  uint64_t not_heap = 0;
  uint64_t untouched = 0;
  uint64_t resident = 0;
};

struct Process {
  uint64_t pid = 0;
  const char* program = nullptr;  // base name
  const char* const* argv = nullptr;
  size_t argv_count = 0;
  const char* start_time = nullptr;   // RFC 3339 UTC
  const char* report_time = nullptr;  // RFC 3339 UTC
  uint64_t run_ns = 0;                // from start to report
  uint64_t at_peak_ns = 0;            // from start to the recorded peak; 0: not known
  const char* reason = "exit";        // exit signal request error
  bool exit_known = false;
  int exit_status = 0;       // when reason is exit and exit_known
  int killed_by_signal = 0;  // only the command knows it
};

struct Environment {
  bool cgroup_limit_known = false;
  uint64_t cgroup_limit = 0;
  bool cgroup_use_known = false;
  uint64_t cgroup_use = 0;
  const char* kernel = nullptr;
  const char* libc = nullptr;
};

/// A block beside the one that an error is about.
struct Neighbour {
  int64_t distance = 0;         // of its start from that of the block
  uint64_t size = 0;            // requested; 0: never used
  const char* owner = nullptr;  // null: never used
  const char* state = nullptr;  // "live", "freed", "never used"
  bool intact = true;           // its checksum or its redzones
};

/// Who did something, and when. No frames: not known.
struct Event {
  const Frame* frames = nullptr;
  size_t frame_count = 0;
  uint64_t thread = 0;  // kernel's number of the thread; 0: not known
  uint64_t age_ns = 0;  // before the error was found
  bool age_known = false;
};

/// Something wrong that the checks have found. Texts of bytes are hexadecimal, two digits a byte,
/// without spaces.
struct Error {
  const char* kind = nullptr;         // DESIGN 2.6: "use-after-free-write" ...
  const char* found_when = nullptr;   // reuse eviction verify exit free fault
  uint64_t address = 0;               // of the first bad byte, or the pointer that was passed
  uint64_t block = 0;                 // 0: in no block
  uint64_t size = 0;                  // requested
  int64_t offset = 0;                 // of `address` in the block: negative before it
  uint64_t length = 0;                // bad bytes, from the first to the last; 0: not known
  const char* expected = nullptr;     // bytes from `address` on as they should be, or a word: a
  const char* found = nullptr;        // family ("new[]"), a size; and what was there instead
  const char* before = nullptr;       // the bytes before `address` in the block
  const char* after = nullptr;        // and behind the last bad one
  const char* value_is = nullptr;     // what the new bytes may point to, as words; null: nothing
  const char* owner = nullptr;        // of the block, as shown
  const char* block_state = nullptr;  // "live", "freed"; null: not known
  const char* caught_by = nullptr;    // where: "in free", "in malloc(96)"; null: not known
  Event allocated;
  Event freed;
  Event detected;  // or the guilty instruction itself, when found_when is "fault"
  const Neighbour* neighbours = nullptr;
  size_t neighbour_count = 0;
  uint64_t frees_ago = 0;
  bool frees_ago_known = false;
  uint64_t count = 1;            // this one, and those like it
  bool withdrawn = false;        // the block is never handed out again
  bool refused = false;          // the call did nothing
  const char* advice = nullptr;  // what to type next; null: a suggestion by the kind
};

/// The whole report. `tags` are sorted by the producer for JSON; text.h sorts its own view.
struct Report {
  const char* version = nullptr;
  Process process;
  Environment environment;
  Memory memory;
  Totals totals;
  const Option* options = nullptr;
  size_t option_count = 0;
  const Tag* tags = nullptr;
  size_t tag_count = 0;
  const Module* modules = nullptr;
  size_t module_count = 0;
  const Rule* rules = nullptr;
  size_t rule_count = 0;
  const Error* errors = nullptr;
  size_t error_count = 0;
  bool checks = false;  // something that finds errors was asked for
};

}  // namespace heaptag::render
