#include "core/render/snapshot.h"

#include "core/base/format.h"
#include "core/wire/snapshot_format.h"

namespace heaptag::render {
namespace {

using wire::SnapshotColumn;
using wire::SnapshotSection;

bool is_same_text(const char* a, const char* b) {
  return a == b || (a != nullptr && b != nullptr && std::strcmp(a, b) == 0);
}

class SnapshotWriter {
 public:
  explicit SnapshotWriter(const Sink& out) : out_(out) {}

  void bytes(const void* data, size_t count) {
    sum_.add(data, count);
    out_.put({static_cast<const char*>(data), count});
  }

  void begin(SnapshotSection section) {
    const char letter = static_cast<char>(section);
    bytes(&letter, 1);
  }

  void number(uint64_t value) {
    uint8_t digits[10];
    size_t count = 0;
    for (; value >= 0x80; value >>= 7) {
      digits[count++] = static_cast<uint8_t>(value | 0x80);
    }
    digits[count++] = static_cast<uint8_t>(value);
    bytes(digits, count);
  }

  template <typename... Values>
  void numbers(Values... values) {
    (number(values), ...);
  }

  void signed_number(int64_t value) {
    number(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
  }

  void known_or_zero(bool is_known, uint64_t value) { number(is_known ? value + 1 : 0); }

  void fixed(uint64_t value, size_t byte_count) {
    uint8_t little_endian[8];
    for (size_t i = 0; i < byte_count; ++i) {
      little_endian[i] = static_cast<uint8_t>(value >> (8 * i));
    }
    bytes(little_endian, byte_count);
  }

  /// Borrows `value` until the next text of the column.
  void text(SnapshotColumn column, const char* value) {
    if (value == nullptr) {
      number(0);
      return;
    }
    const char*& last = last_[static_cast<size_t>(column)];
    size_t shared = 0;
    while (last != nullptr && last[shared] != '\0' && last[shared] == value[shared]) {
      ++shared;
    }
    const size_t added = std::strlen(value + shared);
    numbers(1 + shared, added);
    bytes(value + shared, added);
    last = value;
  }

  void figures(const Figures& figures) {
    numbers(figures.allocations, figures.frees, figures.live_blocks, figures.live_bytes,
            figures.usable_bytes, figures.allocated_bytes, figures.failed);
  }

  void end() {
    begin(SnapshotSection::kEnd);
    fixed(sum_.value(), sizeof(uint64_t));
  }

 private:
  const Sink& out_;
  wire::SnapshotSum sum_;
  const char* last_[static_cast<size_t>(SnapshotColumn::kCount)] = {};
};

void write_process(SnapshotWriter& to, const Report& report) {
  const Process& process = report.process;
  to.begin(SnapshotSection::kProcess);
  to.text(SnapshotColumn::kWord, report.version);
  to.number(process.pid);
  to.text(SnapshotColumn::kWord, process.program);
  to.number(process.argv_count);
  for (size_t i = 0; i < process.argv_count; ++i) {
    to.text(SnapshotColumn::kWord, process.argv[i]);
  }
  to.text(SnapshotColumn::kWord, process.start_time);
  to.text(SnapshotColumn::kWord, process.report_time);
  to.numbers(process.run_ns, process.at_peak_ns);
  to.text(SnapshotColumn::kWord, process.reason);
  to.number(process.exit_known ? 1 + static_cast<uint64_t>(process.exit_status & 0xff) : 0);
  to.number(process.killed_by_signal > 0 ? static_cast<uint64_t>(process.killed_by_signal) : 0);
}

void write_environment(SnapshotWriter& to, const Environment& environment) {
  to.begin(SnapshotSection::kEnvironment);
  to.known_or_zero(environment.cgroup_limit_known, environment.cgroup_limit);
  to.known_or_zero(environment.cgroup_use_known, environment.cgroup_use);
  to.text(SnapshotColumn::kWord, environment.kernel);
  to.text(SnapshotColumn::kWord, environment.libc);
}

void write_options(SnapshotWriter& to, const Report& report) {
  to.begin(SnapshotSection::kOptions);
  to.number(report.option_count);
  for (size_t i = 0; i < report.option_count; ++i) {
    to.text(SnapshotColumn::kWord, report.options[i].name);
    to.text(SnapshotColumn::kWord, report.options[i].value);
  }
}

void write_totals(SnapshotWriter& to, const Totals& totals, const Memory& memory) {
  to.begin(SnapshotSection::kFigures);
  to.figures(totals.figures);
  to.numbers(totals.reallocations, totals.peak_live_bytes, totals.peak_error_bytes,
             totals.resident_bytes, totals.max_resident_bytes, totals.metadata_bytes,
             totals.cached_bytes, totals.foreign_frees, totals.threads);
  to.numbers(memory.live, memory.rounding, memory.cached, memory.quarantined, memory.metadata,
             memory.not_heap, memory.untouched, memory.resident);
}

void write_modules(SnapshotWriter& to, const Report& report) {
  to.begin(SnapshotSection::kModules);
  to.number(report.module_count);
  for (size_t i = 0; i < report.module_count; ++i) {
    const Module& module = report.modules[i];
    to.text(SnapshotColumn::kPath, module.path);
    to.text(SnapshotColumn::kBuildId, module.build_id);
    to.numbers(module.base, module.end);
    to.text(SnapshotColumn::kTime, module.loaded_at);
    to.text(SnapshotColumn::kTime, module.unloaded_at);
  }
}

/// Numbers of modules; frames of one module often follow each other.
class ModuleNumbers {
 public:
  explicit ModuleNumbers(const Report& report) : report_(report) {}

  uint64_t of(const Frame& frame) {
    if (frame.module == nullptr) {
      return 0;
    }
    if (last_ < report_.module_count && is_module(last_, frame)) {
      return last_ + 1;
    }
    for (size_t i = 0; i < report_.module_count; ++i) {
      if (is_module(i, frame)) {
        last_ = i;
        return i + 1;
      }
    }
    return 0;
  }

 private:
  bool is_module(size_t index, const Frame& frame) const {
    const Module& module = report_.modules[index];
    return is_same_text(module.path, frame.module) && is_same_text(module.build_id, frame.build_id);
  }

  const Report& report_;
  size_t last_ = 0;
};

void write_frames(SnapshotWriter& to, ModuleNumbers& modules, const Frame* frames, size_t count) {
  to.number(count);
  for (size_t i = 0; i < count; ++i) {
    const Frame& frame = frames[i];
    to.numbers(modules.of(frame), frame.offset);
    to.text(SnapshotColumn::kFunction, frame.function);
    to.number(frame.function_offset);
    to.text(SnapshotColumn::kFile, frame.file);
    to.numbers(frame.line, frame.inlined ? 1U : 0U);
  }
}

void write_site(SnapshotWriter& to, ModuleNumbers& modules, const Site& site, bool is_only_one) {
  to.number(site.id);
  to.figures(site.figures);
  to.number(site.size_classes);
  if (!is_only_one) {
    to.number(site.at_peak_bytes);
  }
  write_frames(to, modules, site.frames, site.frame_count);
}

bool is_named_by_frame(const Tag& tag) {
  return is_same_text(tag.origin, "site") && tag.site_count == 1 && tag.sites[0].frame_count != 0;
}

void write_tag(SnapshotWriter& to, ModuleNumbers& modules, const Tag& tag) {
  to.text(SnapshotColumn::kName, is_named_by_frame(tag) ? nullptr : tag.name);
  to.text(SnapshotColumn::kOrigin, tag.origin);
  to.numbers(tag.peak_live_bytes, tag.at_peak_bytes, tag.limit_bytes, tag.site_count);
  if (tag.site_count == 0) {
    to.figures(tag.figures);
  }
  for (size_t i = 0; i < tag.site_count; ++i) {
    write_site(to, modules, tag.sites[i], tag.site_count == 1);
  }
}

void write_rules(SnapshotWriter& to, const Report& report) {
  to.begin(SnapshotSection::kRules);
  to.number(report.rule_count);
  for (size_t i = 0; i < report.rule_count; ++i) {
    to.text(SnapshotColumn::kRule, report.rules[i].name);
    to.text(SnapshotColumn::kRule, report.rules[i].text);
    to.number(report.rules[i].matched_sites);
  }
}

void write_event(SnapshotWriter& to, ModuleNumbers& modules, const Event& event) {
  to.number(event.thread);
  to.known_or_zero(event.age_known, event.age_ns);
  write_frames(to, modules, event.frames, event.frame_count);
}

void write_error(SnapshotWriter& to, ModuleNumbers& modules, const Error& error) {
  to.text(SnapshotColumn::kError, error.kind);
  to.text(SnapshotColumn::kError, error.found_when);
  to.numbers(error.address, error.block, error.size);
  to.signed_number(error.offset);
  to.number(error.length);
  for (const char* bytes : {error.expected, error.found, error.before, error.after}) {
    to.text(SnapshotColumn::kBytes, bytes);
  }
  for (const char* words :
       {error.value_is, error.owner, error.block_state, error.caught_by, error.advice}) {
    to.text(SnapshotColumn::kError, words);
  }
  for (const Event* event : {&error.allocated, &error.freed, &error.detected}) {
    write_event(to, modules, *event);
  }
  to.number(error.neighbour_count);
  for (size_t i = 0; i < error.neighbour_count; ++i) {
    const Neighbour& neighbour = error.neighbours[i];
    to.signed_number(neighbour.distance);
    to.number(neighbour.size);
    to.text(SnapshotColumn::kError, neighbour.owner);
    to.text(SnapshotColumn::kError, neighbour.state);
    to.number(neighbour.intact ? 1 : 0);
  }
  to.known_or_zero(error.frees_ago_known, error.frees_ago);
  to.numbers(error.count, (error.withdrawn ? 1U : 0U) | (error.refused ? 2U : 0U));
}

void write_errors(SnapshotWriter& to, ModuleNumbers& modules, const Report& report) {
  to.begin(SnapshotSection::kErrors);
  to.number(report.checks ? 1 : 0);
  to.number(report.error_count);
  for (size_t i = 0; i < report.error_count; ++i) {
    write_error(to, modules, report.errors[i]);
  }
}

}  // namespace

void write_snapshot(const Report& report, const Sink& out) {
  BufferedSink buffered(out);
  const Sink sink = buffered.sink();
  SnapshotWriter to(sink);
  to.bytes(wire::kSnapshotMagic, sizeof wire::kSnapshotMagic);
  to.fixed(wire::kSnapshotVersion, sizeof wire::kSnapshotVersion);
  write_process(to, report);
  write_environment(to, report.environment);
  write_options(to, report);
  write_totals(to, report.totals, report.memory);
  write_modules(to, report);
  to.begin(SnapshotSection::kTags);
  to.number(report.tag_count);
  ModuleNumbers modules(report);
  for (size_t i = 0; i < report.tag_count; ++i) {
    write_tag(to, modules, report.tags[i]);
  }
  write_rules(to, report);
  write_errors(to, modules, report);
  to.end();
  buffered.flush();
}

}  // namespace heaptag::render
