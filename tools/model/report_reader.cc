#include "tools/model/report_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/render/json.h"

namespace heaptag::tools {
namespace {

using Json = nlohmann::json;

/// One JSON object with its path, so that a complaint can name the place.
class Object {
 public:
  Object(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json.is_object()) {
      fail(path_, "an object");
    }
  }

  [[nodiscard]] const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  [[nodiscard]] bool has(const char* key) const { return find(key) != nullptr; }

  [[nodiscard]] std::string path_of(const char* key) const { return path_ + "." + key; }

  [[nodiscard]] uint64_t number(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr) {
      return 0;
    }
    if (!value->is_number_unsigned()) {
      fail(path_of(key), "an integer from 0 up");
    }
    return value->get<uint64_t>();
  }

  [[nodiscard]] int64_t signed_number(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr) {
      return 0;
    }
    if (!value->is_number_integer()) {
      fail(path_of(key), "an integer");
    }
    return value->get<int64_t>();
  }

  [[nodiscard]] bool boolean(const char* key) const {
    const Json* value = find(key);
    if (value != nullptr && !value->is_boolean()) {
      fail(path_of(key), "true or false");
    }
    return value != nullptr && value->get<bool>();
  }

  [[nodiscard]] std::string text(const char* key) const {
    const Json* value = find(key);
    return value == nullptr ? "" : text_of(*value, path_of(key));
  }

  /// Addresses and offsets: "0x1f".
  [[nodiscard]] uint64_t hex(const char* key) const {
    const std::string digits = text(key);
    uint64_t value = 0;
    if (digits.empty()) {
      return value;
    }
    const char* begin = digits.data() + (digits.starts_with("0x") ? 2 : 0);
    const char* end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(begin, end, value, 16);
    if (error != std::errc() || stopped != end || begin == end) {
      fail(path_of(key), "a hex string");
    }
    return value;
  }

  template <typename Visit>
  void for_each(const char* key, Visit visit) const {
    const Json* array = find(key);
    if (array == nullptr) {
      return;
    }
    if (!array->is_array()) {
      fail(path_of(key), "an array");
    }
    size_t index = 0;
    for (const Json& element : *array) {
      visit(element, fmt::format("{}[{}]", path_of(key), index++));
    }
  }

  static std::string text_of(const Json& value, const std::string& path) {
    if (!value.is_string()) {
      fail(path, "a string");
    }
    // Strings go to C interfaces from here on: none is longer than its first NUL.
    return value.get_ref<const std::string&>().c_str();
  }

 private:
  [[noreturn]] static void fail(const std::string& path, const char* wanted) {
    throw BrokenReport(fmt::format("{} is not {}", path.empty() ? "it" : path.substr(1), wanted));
  }

  const Json& json_;
  std::string path_;
};

Frame read_frame(const Object& json) {
  Frame frame;
  frame.module = json.text("module");
  frame.build_id = json.text("build_id");
  frame.offset = json.hex("offset");
  frame.function = json.text("function");
  frame.function_offset = json.hex("function_offset");
  frame.file = json.text("file");
  frame.line = static_cast<uint32_t>(json.number("line"));
  frame.inlined = json.boolean("inlined");
  return frame;
}

std::vector<Frame> read_frames(const Object& json, const char* key) {
  std::vector<Frame> frames;
  json.for_each(key, [&](const Json& frame, const std::string& path) {
    frames.push_back(read_frame({frame, path}));
  });
  return frames;
}

render::Figures read_figures(const Object& json) {
  render::Figures figures;
  figures.allocations = json.number("allocations");
  figures.frees = json.number("frees");
  figures.live_blocks = json.number("live_blocks");
  figures.live_bytes = json.number("live_bytes");
  figures.usable_bytes = json.number("usable_bytes");
  figures.allocated_bytes = json.number("allocated_bytes");
  figures.failed = json.number("failed");
  return figures;
}

Site read_site(const Object& json) {
  Site site;
  site.id = static_cast<uint32_t>(json.number("id"));
  site.figures = read_figures(json);
  site.size_classes = static_cast<uint32_t>(json.number("size_classes"));
  site.at_peak_bytes = json.number("at_peak_bytes");
  site.frames = read_frames(json, "frames");
  return site;
}

Tag read_tag(const Object& json) {
  Tag tag;
  tag.name = json.text("name");
  tag.origin = json.has("origin") ? json.text("origin") : "site";
  tag.figures = read_figures(json);
  tag.peak_live_bytes = json.number("peak_live_bytes");
  tag.at_peak_bytes = json.number("at_peak_bytes");
  tag.limit_bytes = json.number("limit_bytes");
  json.for_each("sites", [&](const Json& site, const std::string& path) {
    tag.sites.push_back(read_site({site, path}));
  });
  return tag;
}

Rule read_rule(const Object& json) {
  return {json.text("name"), json.text("text"), json.number("matched_sites")};
}

Event read_event(const Object& json, const char* frames, const char* thread, const char* age) {
  return {read_frames(json, frames), json.number(thread), json.number(age), json.has(age)};
}

Neighbour read_neighbour(const Object& json) {
  return {json.signed_number("distance"), json.number("size"), json.text("tag"), json.text("state"),
          json.boolean("intact")};
}

Error read_error(const Object& json) {
  Error error;
  error.kind = json.text("kind");
  error.found_when = json.text("found_when");
  error.address = json.hex("address");
  error.block = json.hex("block");
  error.size = json.number("size");
  error.offset = json.signed_number("offset");
  error.length = json.number("length");
  error.expected = json.text("expected");
  error.found = json.text("found");
  error.before = json.text("before");
  error.after = json.text("after");
  error.value_is = json.text("value_is");
  error.owner = json.text("tag");
  error.block_state = json.text("block_state");
  error.caught_by = json.text("caught_by");
  error.advice = json.text("advice");
  error.allocated = read_event(json, "allocated_by", "allocated_thread", "allocated_age_ns");
  error.freed = read_event(json, "freed_by", "freed_thread", "freed_age_ns");
  error.detected = read_event(json, "detected_at", "thread", "detected_age_ns");
  json.for_each("neighbours", [&](const Json& neighbour, const std::string& path) {
    error.neighbours.push_back(read_neighbour({neighbour, path}));
  });
  error.frees_ago = json.number("frees_ago");
  error.frees_ago_known = json.has("frees_ago");
  error.count = json.number("count");
  error.withdrawn = json.boolean("withdrawn");
  error.refused = json.boolean("refused");
  return error;
}

Module read_module(const Object& json) {
  return {json.text("path"), json.text("build_id"),  json.hex("base"),
          json.hex("end"),   json.text("loaded_at"), json.text("unloaded_at")};
}

Process read_process(const Object& json) {
  Process process;
  process.pid = json.number("pid");
  process.program = json.text("program");
  json.for_each("argv", [&](const Json& argument, const std::string& path) {
    process.argv.push_back(Object::text_of(argument, path));
  });
  process.start_time = json.text("start_time");
  process.report_time = json.text("report_time");
  process.run_ns = json.number("run_ns");
  process.at_peak_ns = json.number("at_peak_ns");
  process.reason = json.text("reason");
  process.exit_known = json.has("exit");
  process.exit_status = static_cast<int>(json.signed_number("exit"));
  process.killed_by_signal = static_cast<int>(json.signed_number("signal"));
  return process;
}

Environment read_environment(const Object& json) {
  Environment environment;
  environment.cgroup_limit_known = json.has("cgroup_limit_bytes");
  environment.cgroup_limit = json.number("cgroup_limit_bytes");
  environment.cgroup_use_known = json.has("cgroup_use_bytes");
  environment.cgroup_use = json.number("cgroup_use_bytes");
  environment.kernel = json.text("kernel");
  environment.libc = json.text("libc");
  return environment;
}

render::Memory read_memory(const Object& json) {
  render::Memory memory;
  memory.live = json.number("live");
  memory.rounding = json.number("rounding");
  memory.cached = json.number("cached");
  memory.quarantined = json.number("quarantined");
  memory.metadata = json.number("metadata");
  memory.not_heap = json.number("not_heap");
  memory.untouched = json.number("untouched");
  memory.resident = json.number("resident");
  return memory;
}

render::Totals read_totals(const Object& json) {
  render::Totals totals;
  totals.figures = read_figures(json);
  totals.reallocations = json.number("reallocations");
  totals.peak_live_bytes = json.number("peak_live_bytes");
  totals.peak_error_bytes = json.number("peak_error_bytes");
  totals.resident_bytes = json.number("resident_bytes");
  totals.max_resident_bytes = json.number("max_resident_bytes");
  totals.metadata_bytes = json.number("metadata_bytes");
  totals.cached_bytes = json.number("cached_bytes");
  totals.foreign_frees = json.number("foreign_frees");
  totals.threads = json.number("threads");
  return totals;
}

template <typename Value>
Value read_part(const Object& root, const char* key, Value (*read)(const Object&)) {
  const Json* part = root.find(key);
  return part == nullptr ? Value{} : read({*part, root.path_of(key)});
}

Report read_parsed(const Json& json) {
  const Object root(json, "");
  const Json* header = root.find("heaptag");
  if (header == nullptr || !root.has("totals")) {
    throw BrokenReport("it is JSON, but not a report of heaptag");
  }
  const Object heaptag(*header, ".heaptag");
  if (const uint64_t schema = heaptag.number("schema"); schema != render::kJsonSchema) {
    throw BrokenReport(
        fmt::format("its schema is {}, this heaptag reads {}", schema, render::kJsonSchema));
  }
  Report report;
  report.version = heaptag.text("version");
  report.process = read_part(root, "process", read_process);
  report.environment = read_part(root, "environment", read_environment);
  report.memory = read_part(root, "memory", read_memory);
  report.totals = read_part(root, "totals", read_totals);
  if (const Json* options = root.find("options"); options != nullptr && options->is_object()) {
    for (const auto& [name, value] : options->items()) {
      if (value.is_string()) {
        report.options.emplace_back(name, value.get<std::string>());
      }
    }
  }
  root.for_each("tags", [&](const Json& tag, const std::string& path) {
    report.tags.push_back(read_tag({tag, path}));
  });
  root.for_each("modules", [&](const Json& module, const std::string& path) {
    report.modules.push_back(read_module({module, path}));
  });
  root.for_each("rules", [&](const Json& rule, const std::string& path) {
    report.rules.push_back(read_rule({rule, path}));
  });
  root.for_each("errors", [&](const Json& error, const std::string& path) {
    report.errors.push_back(read_error({error, path}));
  });
  report.checks = root.boolean("checks");
  return report;
}

}  // namespace

Report read_report(const std::string& json_text) {
  Json json;
  try {
    json = Json::parse(json_text);
  } catch (const Json::parse_error& error) {
    throw BrokenReport(
        fmt::format("it is not JSON from byte {} of {} on", error.byte, json_text.size()));
  } catch (const Json::out_of_range&) {
    throw BrokenReport("a number in it is larger than any number of heaptag");
  }
  return read_parsed(json);
}

}  // namespace heaptag::tools
