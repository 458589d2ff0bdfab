#include "tools/model/snapshot_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/wire/snapshot_format.h"
#include "tools/model/naming.h"

namespace heaptag::tools {
namespace {

using wire::SnapshotColumn;
using wire::SnapshotSection;

constexpr uint64_t kVersionOfRules = 2;  // and of what sites say beyond their figures
constexpr uint64_t kVersionOfErrors = 3;
constexpr size_t kHeaderBytes = sizeof wire::kSnapshotMagic + sizeof wire::kSnapshotVersion;

uint64_t read_fixed(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  }
  return value;
}

/// The fields of a snapshot in their order. Whatever goes beyond the end throws.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes), at_(kHeaderBytes) {}

  void begin(SnapshotSection section) {
    if (take(1)[0] != static_cast<char>(section)) {
      throw BrokenReport(fmt::format("it is damaged at byte {}", at_ - 1));
    }
  }

  uint64_t number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto digit = static_cast<uint8_t>(take(1)[0]);
      value |= uint64_t{digit & 0x7fU} << shift;
      if (digit < 0x80) {
        return value;
      }
    }
    throw BrokenReport(fmt::format("it is damaged at byte {}", at_ - 1));
  }

  /// Of things that take a byte each at least: what was cut off cannot make us ask for memory.
  uint64_t count() {
    const uint64_t value = number();
    if (value > bytes_.size() - at_) {
      throw BrokenReport(fmt::format("it is cut off after {} bytes", bytes_.size()));
    }
    return value;
  }

  int64_t signed_number() {
    const uint64_t value = number();
    return static_cast<int64_t>(value >> 1 ^ -(value & 1));
  }

  /// Returns whether the number is known.
  bool known_number(uint64_t& value) {
    const uint64_t plus_one = number();
    value = plus_one == 0 ? 0 : plus_one - 1;
    return plus_one != 0;
  }

  std::string text(SnapshotColumn column) {
    const uint64_t code = number();
    if (code == 0) {
      return "";
    }
    std::string& last = last_[static_cast<size_t>(column)];
    if (code - 1 > last.size()) {
      throw BrokenReport(fmt::format("it is damaged at byte {}", at_ - 1));
    }
    last.resize(code - 1);
    last += take(number());
    unfold(last.size());
    // Strings go to C interfaces from here on: none is longer than its first NUL.
    return last.c_str();
  }

  render::Figures figures() {
    render::Figures figures;
    figures.allocations = number();
    figures.frees = number();
    figures.live_blocks = number();
    figures.live_bytes = number();
    figures.usable_bytes = number();
    figures.allocated_bytes = number();
    figures.failed = number();
    return figures;
  }

  /// Counts bytes of text that are copied: a few bytes of the snapshot can stand for a long text,
  /// again and again.
  void unfold(size_t text_bytes) {
    unfolded_bytes_ += text_bytes;
    if (unfolded_bytes_ / kUnfoldedMax > bytes_.size() + kSmallBytes) {
      throw BrokenReport("it is damaged: its texts are too long for its size");
    }
  }

  [[nodiscard]] size_t position() const { return at_; }

 private:
  // Measured: texts of 1.5 to 2.3 times the snapshot (git, python3, cmake, g++). The worst that
  // templates make, symbols of 10 KB that differ in their last 100 bytes, is about 70 times.
  static constexpr size_t kUnfoldedMax = 256;
  static constexpr size_t kSmallBytes = 65536;

  std::string_view take(uint64_t size_bytes) {
    if (size_bytes > bytes_.size() - at_) {
      throw BrokenReport(fmt::format("it is cut off after {} bytes", bytes_.size()));
    }
    at_ += size_bytes;
    return bytes_.substr(at_ - size_bytes, size_bytes);
  }

  std::string_view bytes_;
  size_t at_;
  size_t unfolded_bytes_ = 0;
  std::array<std::string, static_cast<size_t>(SnapshotColumn::kCount)> last_;
};

void read_process(Fields& from, Report& report) {
  from.begin(SnapshotSection::kProcess);
  Process& process = report.process;
  report.version = from.text(SnapshotColumn::kWord);
  process.pid = from.number();
  process.program = from.text(SnapshotColumn::kWord);
  for (uint64_t left = from.count(); left > 0; --left) {
    process.argv.push_back(from.text(SnapshotColumn::kWord));
  }
  process.start_time = from.text(SnapshotColumn::kWord);
  process.report_time = from.text(SnapshotColumn::kWord);
  process.run_ns = from.number();
  process.at_peak_ns = from.number();
  process.reason = from.text(SnapshotColumn::kWord);
  const uint64_t exit = from.number();
  process.exit_known = exit != 0;
  process.exit_status = exit == 0 ? 0 : static_cast<int>((exit - 1) & 0xff);
  process.killed_by_signal = static_cast<int>(from.number() & 0x7f);
}

void read_environment(Fields& from, Environment& environment) {
  from.begin(SnapshotSection::kEnvironment);
  environment.cgroup_limit_known = from.known_number(environment.cgroup_limit);
  environment.cgroup_use_known = from.known_number(environment.cgroup_use);
  environment.kernel = from.text(SnapshotColumn::kWord);
  environment.libc = from.text(SnapshotColumn::kWord);
}

void read_options(Fields& from, Report& report) {
  from.begin(SnapshotSection::kOptions);
  for (uint64_t left = from.count(); left > 0; --left) {
    std::string name = from.text(SnapshotColumn::kWord);
    std::string value = from.text(SnapshotColumn::kWord);
    report.options.emplace_back(std::move(name), std::move(value));
  }
}

void read_totals(Fields& from, Report& report) {
  from.begin(SnapshotSection::kFigures);
  render::Totals& totals = report.totals;
  totals.figures = from.figures();
  totals.reallocations = from.number();
  totals.peak_live_bytes = from.number();
  totals.peak_error_bytes = from.number();
  totals.resident_bytes = from.number();
  totals.max_resident_bytes = from.number();
  totals.metadata_bytes = from.number();
  totals.cached_bytes = from.number();
  totals.foreign_frees = from.number();
  totals.threads = from.number();
  render::Memory& memory = report.memory;
  memory.live = from.number();
  memory.rounding = from.number();
  memory.cached = from.number();
  memory.quarantined = from.number();
  memory.metadata = from.number();
  memory.not_heap = from.number();
  memory.untouched = from.number();
  memory.resident = from.number();
}

void read_modules(Fields& from, Report& report) {
  from.begin(SnapshotSection::kModules);
  for (uint64_t left = from.count(); left > 0; --left) {
    Module module;
    module.path = from.text(SnapshotColumn::kPath);
    module.build_id = from.text(SnapshotColumn::kBuildId);
    module.base = from.number();
    module.end = from.number();
    module.loaded_at = from.text(SnapshotColumn::kTime);
    module.unloaded_at = from.text(SnapshotColumn::kTime);
    report.modules.push_back(std::move(module));
  }
}

Frame read_frame(Fields& from, const Report& report) {
  Frame frame;
  const uint64_t module = from.number();
  if (module > report.modules.size()) {
    throw BrokenReport(fmt::format("it is damaged at byte {}", from.position() - 1));
  }
  if (module != 0) {
    frame.module = report.modules[module - 1].path;
    frame.build_id = report.modules[module - 1].build_id;
    from.unfold(frame.module.size() + frame.build_id.size());
  }
  frame.offset = from.number();
  frame.function = from.text(SnapshotColumn::kFunction);
  frame.function_offset = from.number();
  frame.file = from.text(SnapshotColumn::kFile);
  frame.line = static_cast<uint32_t>(from.number());
  frame.inlined = from.number() != 0;
  return frame;
}

std::vector<Frame> read_frames(Fields& from, const Report& report) {
  std::vector<Frame> frames;
  for (uint64_t left = from.count(); left > 0; --left) {
    frames.push_back(read_frame(from, report));
  }
  return frames;
}

Site read_site(Fields& from, const Report& report, uint64_t version, bool is_only_one) {
  Site site;
  site.id = static_cast<uint32_t>(from.number());
  site.figures = from.figures();
  if (version >= kVersionOfRules) {
    site.size_classes = static_cast<uint32_t>(from.number());
    site.at_peak_bytes = is_only_one ? 0 : from.number();
  }
  site.frames = read_frames(from, report);
  return site;
}

void read_tags(Fields& from, Report& report, uint64_t version) {
  from.begin(SnapshotSection::kTags);
  for (uint64_t tags = from.count(); tags > 0; --tags) {
    Tag tag;
    tag.name = from.text(SnapshotColumn::kName);
    tag.origin = from.text(SnapshotColumn::kOrigin);
    tag.peak_live_bytes = from.number();
    tag.at_peak_bytes = from.number();
    tag.limit_bytes = from.number();
    const uint64_t sites = from.count();
    if (sites == 0) {
      tag.figures = from.figures();
    }
    for (uint64_t left = sites; left > 0; --left) {
      tag.sites.push_back(read_site(from, report, version, sites == 1));
      add_figures(tag.figures, tag.sites.back().figures);
    }
    if (sites == 1) {
      tag.sites[0].at_peak_bytes = tag.at_peak_bytes;
    }
    report.tags.push_back(std::move(tag));
  }
}

void read_rules(Fields& from, Report& report) {
  from.begin(SnapshotSection::kRules);
  for (uint64_t left = from.count(); left > 0; --left) {
    std::string name = from.text(SnapshotColumn::kRule);
    std::string text = from.text(SnapshotColumn::kRule);
    report.rules.push_back({std::move(name), std::move(text), from.number()});
  }
}

Event read_event(Fields& from, const Report& report) {
  Event event;
  event.thread = from.number();
  event.age_known = from.known_number(event.age_ns);
  event.frames = read_frames(from, report);
  return event;
}

Neighbour read_neighbour(Fields& from) {
  Neighbour neighbour;
  neighbour.distance = from.signed_number();
  neighbour.size = from.number();
  neighbour.owner = from.text(SnapshotColumn::kError);
  neighbour.state = from.text(SnapshotColumn::kError);
  neighbour.intact = from.number() != 0;
  return neighbour;
}

Error read_error(Fields& from, const Report& report) {
  Error error;
  error.kind = from.text(SnapshotColumn::kError);
  error.found_when = from.text(SnapshotColumn::kError);
  error.address = from.number();
  error.block = from.number();
  error.size = from.number();
  error.offset = from.signed_number();
  error.length = from.number();
  for (std::string* bytes : {&error.expected, &error.found, &error.before, &error.after}) {
    *bytes = from.text(SnapshotColumn::kBytes);
  }
  for (std::string* words :
       {&error.value_is, &error.owner, &error.block_state, &error.caught_by, &error.advice}) {
    *words = from.text(SnapshotColumn::kError);
  }
  for (Event* event : {&error.allocated, &error.freed, &error.detected}) {
    *event = read_event(from, report);
  }
  for (uint64_t left = from.count(); left > 0; --left) {
    error.neighbours.push_back(read_neighbour(from));
  }
  error.frees_ago_known = from.known_number(error.frees_ago);
  error.count = from.number();
  const uint64_t flags = from.number();
  error.withdrawn = (flags & 1) != 0;
  error.refused = (flags & 2) != 0;
  return error;
}

void read_errors(Fields& from, Report& report) {
  from.begin(SnapshotSection::kErrors);
  report.checks = from.number() != 0;
  for (uint64_t left = from.count(); left > 0; --left) {
    report.errors.push_back(read_error(from, report));
  }
}

}  // namespace

bool is_snapshot(std::string_view bytes) {
  constexpr std::string_view kMagic{wire::kSnapshotMagic, sizeof wire::kSnapshotMagic};
  // The first letters of one that was cut off are one too.
  return !bytes.empty() && kMagic.starts_with(bytes.substr(0, kMagic.size()));
}

Report read_snapshot(std::string_view bytes) {
  if (!is_snapshot(bytes)) {
    throw BrokenReport("it is no snapshot of heaptag");
  }
  if (bytes.size() < kHeaderBytes) {
    throw BrokenReport(fmt::format("it is cut off after {} bytes", bytes.size()));
  }
  const uint64_t version = read_fixed(bytes.substr(sizeof wire::kSnapshotMagic, 4));
  if (version == 0) {
    throw BrokenReport(fmt::format("it is damaged at byte {}", sizeof wire::kSnapshotMagic));
  }
  if (version > wire::kSnapshotVersion) {
    throw BrokenReport(
        fmt::format("it is a snapshot of a newer heaptag (format {}; this one reads up to {}): use "
                    "that heaptag's command",
                    version, wire::kSnapshotVersion));
  }
  Report report;
  Fields from(bytes);
  read_process(from, report);
  read_environment(from, report.environment);
  read_options(from, report);
  read_totals(from, report);
  read_modules(from, report);
  read_tags(from, report, version);
  if (version >= kVersionOfRules) {
    read_rules(from, report);
  }
  if (version >= kVersionOfErrors) {
    read_errors(from, report);
  }
  from.begin(SnapshotSection::kEnd);
  if (bytes.size() - from.position() < sizeof(uint64_t)) {
    throw BrokenReport(fmt::format("it is cut off after {} bytes", bytes.size()));
  }
  wire::SnapshotSum sum;
  sum.add(bytes.data(), from.position());
  if (bytes.size() != from.position() + sizeof(uint64_t) ||
      read_fixed(bytes.substr(from.position())) != sum.value()) {
    throw BrokenReport("it is damaged: its check sum is wrong");
  }
  name_owners(report);
  return report;
}

Report read_saved_report(const std::string& bytes) {
  if (is_snapshot(bytes)) {
    return read_snapshot(bytes);
  }
  const size_t begin = bytes.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos || bytes[begin] != '{') {
    throw BrokenReport("it is neither a snapshot nor a JSON report of heaptag");
  }
  return read_report(bytes);
}

}  // namespace heaptag::tools
