#include "core/render/json.h"

#include "core/base/format.h"
#include "core/render/json_errors.h"
#include "core/render/json_writer.h"

namespace heaptag::render {
namespace {

void write_process(JsonWriter& json, const Process& process) {
  json.key("process");
  json.open('{');
  json.field("pid", process.pid);
  json.field("program", process.program);
  json.key("argv");
  json.open('[');
  for (size_t i = 0; i < process.argv_count; ++i) {
    json.string_or_null(process.argv[i]);
  }
  json.close(']');
  json.field("start_time", process.start_time);
  json.field("report_time", process.report_time);
  json.field("reason", process.reason);
  json.key("exit");
  json.value(process.exit_known ? format_signed(process.exit_status).view() : "null");
  json.field_if(process.killed_by_signal > 0, "signal",
                static_cast<uint64_t>(process.killed_by_signal));
  json.field("run_ns", process.run_ns);
  json.field_if(process.at_peak_ns != 0, "at_peak_ns", process.at_peak_ns);
  json.close('}');
}

void write_environment(JsonWriter& json, const Environment& environment) {
  json.key("environment");
  json.open('{');
  json.field_if(environment.cgroup_limit_known, "cgroup_limit_bytes", environment.cgroup_limit);
  json.field_if(environment.cgroup_use_known, "cgroup_use_bytes", environment.cgroup_use);
  json.field("kernel", environment.kernel);
  json.field("libc", environment.libc);
  json.close('}');
}

void write_options(JsonWriter& json, const Report& report) {
  json.key("options");
  json.open('{');
  for (size_t i = 0; i < report.option_count; ++i) {
    if (report.options[i].name != nullptr) {
      json.quoted_key(report.options[i].name);
      json.string_or_null(report.options[i].value);
    }
  }
  json.close('}');
}

void write_memory(JsonWriter& json, const Memory& memory) {
  json.key("memory");
  json.open('{');
  json.field("live", memory.live);
  json.field("rounding", memory.rounding);
  json.field("cached", memory.cached);
  json.field("quarantined", memory.quarantined);
  json.field("metadata", memory.metadata);
  json.field("not_heap", memory.not_heap);
  json.field("untouched", memory.untouched);
  json.field_if(memory.resident != 0, "resident", memory.resident);
  json.close('}');
}

void write_totals(JsonWriter& json, const Totals& totals) {
  json.key("totals");
  json.open('{');
  json.field("allocations", totals.figures.allocations);
  json.field("frees", totals.figures.frees);
  json.field("reallocations", totals.reallocations);
  json.field("failed", totals.figures.failed);
  json.field("live_blocks", totals.figures.live_blocks);
  json.field("live_bytes", totals.figures.live_bytes);
  json.field("usable_bytes", totals.figures.usable_bytes);
  json.field("peak_live_bytes", totals.peak_live_bytes);
  json.field("peak_error_bytes", totals.peak_error_bytes);
  json.field("allocated_bytes", totals.figures.allocated_bytes);
  json.field_if(totals.resident_bytes != 0, "resident_bytes", totals.resident_bytes);
  json.field_if(totals.max_resident_bytes != 0, "max_resident_bytes", totals.max_resident_bytes);
  json.field("metadata_bytes", totals.metadata_bytes);
  json.field("cached_bytes", totals.cached_bytes);
  json.field("foreign_frees", totals.foreign_frees);
  json.field("threads", totals.threads);
  json.close('}');
}

void write_site(JsonWriter& json, const Tag& tag, const Site& site, bool knows_peak) {
  json.open('{');
  json.field("id", site.id);
  write_frames(json, "frames", site.frames, site.frame_count);
  json.field("allocations", site.figures.allocations);
  json.field("frees", site.figures.frees);
  json.field("live_blocks", site.figures.live_blocks);
  json.field("live_bytes", site.figures.live_bytes);
  json.field("allocated_bytes", site.figures.allocated_bytes);
  json.field("usable_bytes", site.figures.usable_bytes);
  json.field("failed", site.figures.failed);
  json.field_if(knows_peak, "at_peak_bytes",
                tag.site_count == 1 ? tag.at_peak_bytes : site.at_peak_bytes);
  json.field_if(site.size_classes != 0, "size_classes", site.size_classes);
  json.close('}');
}

void write_tag(JsonWriter& json, const Tag& tag) {
  json.open('{');
  json.field("name", tag.name);
  json.field("origin", tag.origin);
  json.field("allocations", tag.figures.allocations);
  json.field("frees", tag.figures.frees);
  json.field("live_blocks", tag.figures.live_blocks);
  json.field("live_bytes", tag.figures.live_bytes);
  json.field("usable_bytes", tag.figures.usable_bytes);
  json.field("allocated_bytes", tag.figures.allocated_bytes);
  json.field("peak_live_bytes", tag.peak_live_bytes);
  json.field("at_peak_bytes", tag.at_peak_bytes);
  json.field("failed", tag.figures.failed);
  json.field_if(tag.limit_bytes != 0, "limit_bytes", tag.limit_bytes);
  json.key("sites");
  json.open('[');
  const bool knows_peaks = know_site_peaks(tag);
  for (size_t i = 0; i < tag.site_count; ++i) {
    write_site(json, tag, tag.sites[i], knows_peaks);
  }
  json.close(']');
  json.close('}');
}

void write_module(JsonWriter& json, const Module& module) {
  json.open('{');
  json.field("path", module.path);
  json.field("build_id", module.build_id);
  json.hex_field("base", module.base);
  json.hex_field("end", module.end);
  json.field("loaded_at", module.loaded_at);
  json.field("unloaded_at", module.unloaded_at);
  json.close('}');
}

void write_rule(JsonWriter& json, const Rule& rule) {
  json.open('{');
  json.field("name", rule.name);
  json.field("text", rule.text);
  json.field("matched_sites", rule.matched_sites);
  json.close('}');
}

bool has_function(const Site& site) {
  return site.frame_count != 0 && site.frames[0].function != nullptr;
}

/// The modules that were already listed as missing. A process has a few hundred modules at most;
/// one that is beyond the capacity may be listed again, which is harmless.
class SeenModules {
 public:
  /// True the first time that a module is asked for.
  bool insert(const Frame& frame) {
    for (size_t i = count_; i > 0; --i) {
      if (same(seen_[i - 1]->module, frame.module) &&
          same(seen_[i - 1]->build_id, frame.build_id)) {
        return false;
      }
    }
    if (count_ < kCapacity) {
      seen_[count_++] = &frame;
    }
    return true;
  }

 private:
  static constexpr size_t kCapacity = 512;

  static bool same(const char* a, const char* b) {
    return a == b || (a != nullptr && b != nullptr && std::strcmp(a, b) == 0);
  }

  const Frame* seen_[kCapacity];
  size_t count_ = 0;
};

template <class Visit>
void for_each_site(const Report& report, Visit visit) {
  for (size_t t = 0; t < report.tag_count; ++t) {
    for (size_t s = 0; s < report.tags[t].site_count; ++s) {
      visit(report.tags[t].sites[s]);
    }
  }
}

void write_symbols(JsonWriter& json, const Report& report) {
  uint64_t sites = 0;
  uint64_t resolved = 0;
  for_each_site(report, [&](const Site& site) {
    ++sites;
    resolved += has_function(site);
  });

  json.key("symbols");
  json.open('{');
  json.field("sites", sites);
  json.field("resolved", resolved);
  json.key("missing");
  json.open('[');
  SeenModules seen;
  for_each_site(report, [&](const Site& site) {
    if (has_function(site) || site.frame_count == 0 || site.frames[0].module == nullptr ||
        !seen.insert(site.frames[0])) {
      return;
    }
    json.open('{');
    json.field("module", site.frames[0].module);
    json.field("build_id", site.frames[0].build_id);
    json.close('}');
  });
  json.close(']');
  json.close('}');
}

/// An array with one line per element.
template <class T>
void write_lines(JsonWriter& json,
                 std::string_view name,
                 const T* items,
                 size_t count,
                 void (*write_item)(JsonWriter&, const T&)) {
  json.key(name);
  json.open('[');
  for (size_t i = 0; i < count; ++i) {
    json.break_line(4);
    write_item(json, items[i]);
  }
  if (count != 0) {
    json.end_line(2);
  }
  json.close(']');
}

}  // namespace

void write_json(const Report& report, const Sink& out) {
  BufferedSink buffered(out);
  const Sink sink = buffered.sink();
  JsonWriter json(sink);
  constexpr size_t kIndent = 2;

  json.open('{');
  json.break_line(kIndent);
  json.key("heaptag");
  json.open('{');
  json.field("version", report.version);
  json.field("schema", kJsonSchema);
  json.close('}');
  json.break_line(kIndent);
  write_process(json, report.process);
  json.break_line(kIndent);
  write_options(json, report);
  json.break_line(kIndent);
  write_environment(json, report.environment);
  json.break_line(kIndent);
  write_memory(json, report.memory);
  json.break_line(kIndent);
  write_totals(json, report.totals);
  json.break_line(kIndent);
  write_lines(json, "tags", report.tags, report.tag_count, &write_tag);
  json.break_line(kIndent);
  write_lines(json, "errors", report.errors, report.error_count, &write_error);
  json.break_line(kIndent);
  json.null_field("leaks");
  json.break_line(kIndent);
  write_lines(json, "modules", report.modules, report.module_count, &write_module);
  json.break_line(kIndent);
  write_symbols(json, report);
  json.break_line(kIndent);
  write_lines(json, "rules", report.rules, report.rule_count, &write_rule);
  json.break_line(kIndent);
  json.flag("checks", report.checks);
  json.end_line(0);
  json.close('}');
  sink.put_char('\n');
  buffered.flush();
}

}  // namespace heaptag::render
