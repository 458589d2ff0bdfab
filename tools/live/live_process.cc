#include "tools/live/live_process.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <ctime>

#include "core/base/rfc3339.h"
#include "tools/live/figure_reader.h"
#include "tools/live/find_descriptor.h"
#include "tools/live/live_error.h"
#include "tools/live/proc_files.h"

namespace heaptag::tools {
namespace {

constexpr uint32_t kMostModules = 1 << 20;
constexpr uint32_t kMostTags = 1 << 20;
constexpr uint32_t kMostRules = 1 << 16;
constexpr unsigned kPeakTries = 200;

uint64_t clock_ns(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000U + static_cast<uint64_t>(now.tv_nsec);
}

std::string time_text(uint64_t since_epoch_ns) {
  char text[kRfc3339Bytes];
  write_rfc3339(since_epoch_ns, text);
  return text;
}

std::string hex_text(const uint8_t* bytes, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += fmt::format("{:02x}", bytes[i]);
  }
  return text;
}

render::Figures figures_of(const wire::OwnerCounters& sum) {
  render::Figures figures;
  figures.allocations = sum.allocations;
  figures.frees = sum.frees;
  figures.live_blocks = sum.allocations - sum.frees;
  figures.live_bytes = sum.allocated_bytes - sum.freed_bytes;
  // A thread counts a block's bytes before its rounding: it may be read in between.
  figures.usable_bytes = std::max(sum.allocated_usable - sum.freed_usable, figures.live_bytes);
  figures.allocated_bytes = sum.allocated_bytes;
  figures.failed = sum.failed;
  return figures;
}

class LiveReader {
 public:
  explicit LiveReader(pid_t pid) : memory_(pid), started_(start_ticks(pid)) {}

  Report read() {
    descriptor_ = find_descriptor(memory_);
    const LiveFigures figures = FigureReader(memory_, descriptor_).read();
    read_owners();  // after the figures: everybody whom they name is there by now
    read_modules();
    read_tags_and_rules();
    add_tags(figures);
    add_totals(figures);
    add_memory();
    describe();
    if (start_ticks(memory_.pid()) != started_) {
      throw LiveError(fmt::format("process {} ended while it was read", memory_.pid()));
    }
    return std::move(report_);
  }

 private:
  // Those at the peak add up to it, unless it is being written just now.
  void read_owners() {
    for (unsigned tries = 1; tries <= kPeakTries; ++tries) {
      const size_t count = memory_.value<uint32_t>(descriptor_.owner_count);
      owners_.resize(count);
      memory_.read(descriptor_.owners, owners_.data(), count * sizeof(wire::OwnerRecord));
      peak_ = memory_.value<wire::PeakRecord>(descriptor_.peak);
      uint64_t sum = 0;
      for (const wire::OwnerRecord& owner : owners_) {
        sum += owner.at_peak_bytes;
      }
      if (sum == peak_.live_bytes) {
        return;
      }
      if (tries == kPeakTries) {
        peak_.live_bytes = sum;
      } else {
        usleep(100);
      }
    }
  }

  void read_modules() {
    const auto count = memory_.value<uint32_t>(descriptor_.module_count);
    if (count > kMostModules) {
      throw LiveError(fmt::format("process {} changed while it was read", memory_.pid()));
    }
    std::vector<wire::ModuleRecord> records(count);
    memory_.read(descriptor_.modules, records.data(), count * sizeof(wire::ModuleRecord));
    for (uint32_t i = 1; i < count; ++i) {
      const wire::ModuleRecord& record = records[i];
      const size_t id_bytes = std::min<size_t>(record.build_id_bytes, sizeof record.build_id);
      report_.modules.push_back({memory_.text(record.path), hex_text(record.build_id, id_bytes),
                                 record.base, record.end, time_text(record.loaded_at),
                                 record.unloaded_at == 0 ? "" : time_text(record.unloaded_at)});
    }
  }

  // After the owners: everything that they name is there by now.
  void read_tags_and_rules() {
    const auto tag_count = memory_.value<uint32_t>(descriptor_.tag_count);
    const auto rule_count = memory_.value<uint32_t>(descriptor_.rule_count);
    if (tag_count > kMostTags || rule_count > kMostRules) {
      throw LiveError(fmt::format("process {} changed while it was read", memory_.pid()));
    }
    tag_records_.resize(tag_count);
    memory_.read(descriptor_.tags, tag_records_.data(), tag_count * sizeof(wire::TagRecord));
    std::vector<wire::RuleRecord> rules(rule_count);
    if (rule_count != 0) {
      memory_.read(memory_.value<uint64_t>(descriptor_.rules), rules.data(),
                   rule_count * sizeof(wire::RuleRecord));
    }
    for (const wire::RuleRecord& rule : rules) {
      report_.rules.push_back(
          {memory_.text(rule.name), memory_.text(rule.text), rule.matched_sites});
    }
  }

  void add_tags(const LiveFigures& figures) {
    std::vector<size_t> place_of_tag(tag_records_.size(), SIZE_MAX);
    for (uint32_t i = 1; i < owners_.size(); ++i) {
      const wire::OwnerRecord& owner = owners_[i];
      const bool counted = i < figures.owners.size();
      if (!counted || (figures.owners[i].allocations == 0 && figures.owners[i].failed == 0)) {
        lost_at_peak_ += owner.at_peak_bytes;
        continue;
      }
      Tag& tag = tag_of(owner, place_of_tag);
      Site site = site_of(i, owner);
      site.figures = figures_of(figures.owners[i]);
      site.at_peak_bytes = owner.at_peak_bytes;
      tag.at_peak_bytes += owner.at_peak_bytes;
      add_figures(tag.figures, site.figures);
      add_figures(report_.totals.figures, site.figures);
      tag.sites.push_back(std::move(site));
    }
  }

  // The row of a named tag, or a new one for a site that is its own.
  Tag& tag_of(const wire::OwnerRecord& owner, std::vector<size_t>& place_of_tag) {
    const bool is_named = owner.tag != 0 && owner.tag < tag_records_.size();
    if (is_named && place_of_tag[owner.tag] != SIZE_MAX) {
      return report_.tags[place_of_tag[owner.tag]];
    }
    Tag tag;
    tag.origin = "site";
    tag.peak_live_bytes = owner.peak_live_bytes;
    if (is_named) {
      const wire::TagRecord& record = tag_records_[owner.tag];
      place_of_tag[owner.tag] = report_.tags.size();
      tag.name = memory_.text(record.name);
      tag.origin = wire::origin_name(record.origin);
      tag.peak_live_bytes = record.peak_live_bytes;
      if (record.origin == wire::TagOrigin::kMtype && record.account != 0) {
        tag.limit_bytes = memory_.value<wire::AccountRecord>(record.account).limit_bytes;
      }
    } else if (&owner == &owners_[wire::kOverflowOwner]) {
      tag.name = "(more call sites than can be told apart)";
    }
    report_.tags.push_back(std::move(tag));
    return report_.tags.back();
  }

  Site site_of(uint32_t id, const wire::OwnerRecord& owner) const {
    Site site;
    site.id = id;
    site.size_classes = static_cast<uint32_t>(std::popcount(owner.size_classes));
    if (id != wire::kOverflowOwner) {
      Frame frame;
      frame.offset = owner.offset;
      if (owner.module != 0 && owner.module <= report_.modules.size()) {
        frame.module = report_.modules[owner.module - 1].path;
        frame.build_id = report_.modules[owner.module - 1].build_id;
      }
      site.frames.push_back(std::move(frame));
    }
    return site;
  }

  void add_totals(const LiveFigures& figures) {
    render::Totals& totals = report_.totals;
    totals.reallocations = figures.reallocations;
    totals.foreign_frees = figures.foreign_frees;
    totals.threads = memory_.value<uint32_t>(descriptor_.threads_ever);
    totals.peak_live_bytes = peak_.live_bytes - std::min(peak_.live_bytes, lost_at_peak_);
    totals.peak_error_bytes = std::max(peak_.watermark_bytes, peak_.live_bytes) -
                              totals.peak_live_bytes + figures.unseen_bytes;
    at_peak_ns_ = peak_.at_ns;
    // Threads that go on may have passed the recorded peak: then it is now.
    if (totals.figures.live_bytes > totals.peak_live_bytes) {
      totals.peak_live_bytes = totals.figures.live_bytes;
      at_peak_ns_ = clock_ns(CLOCK_MONOTONIC);
      for (Tag& tag : report_.tags) {
        tag.at_peak_bytes = tag.figures.live_bytes;
        for (Site& site : tag.sites) {
          site.at_peak_bytes = site.figures.live_bytes;
        }
      }
    }
    for (Tag& tag : report_.tags) {
      tag.peak_live_bytes =
          std::max({tag.peak_live_bytes, tag.at_peak_bytes, tag.figures.live_bytes});
    }
  }

  // live + rounding + cached + quarantined + metadata + not_heap - untouched = resident
  void add_memory() {
    render::Totals& totals = report_.totals;
    render::Memory& memory = report_.memory;
    const uint64_t page_bytes = descriptor_.span_page_bytes;
    const uint64_t used = memory_.value<uint32_t>(descriptor_.used_pages) * page_bytes +
                          memory_.value<uint64_t>(descriptor_.outside_bytes);
    const uint64_t dirty = memory_.value<uint32_t>(descriptor_.dirty_pages) * page_bytes;
    const uint64_t usable = totals.figures.usable_bytes;
    totals.metadata_bytes = memory_.value<uint64_t>(descriptor_.metadata_bytes);
    totals.cached_bytes = (used > usable ? used - usable : 0) + dirty;
    totals.resident_bytes = resident_bytes_of(memory_.pid());
    totals.max_resident_bytes =
        std::max(read_status(memory_.pid()).max_resident_bytes, totals.resident_bytes);
    memory.live = totals.figures.live_bytes;
    memory.rounding = usable - std::min(usable, memory.live);
    memory.cached = totals.cached_bytes;
    memory.metadata = totals.metadata_bytes;
    memory.resident = totals.resident_bytes;
    const uint64_t ours = memory.live + memory.rounding + memory.cached + memory.metadata;
    memory.not_heap = memory.resident > ours ? memory.resident - ours : 0;
    memory.untouched = memory.resident > ours ? 0 : ours - memory.resident;
  }

  void describe() {
    const pid_t pid = memory_.pid();
    const uint64_t now = clock_ns(CLOCK_REALTIME);
    const uint64_t run_ns = now - std::min(now, descriptor_.start_ns);
    const uint64_t start_monotonic = clock_ns(CLOCK_MONOTONIC) - run_ns;
    report_.version = HEAPTAG_VERSION;
    Process& process = report_.process;
    process.pid = static_cast<uint64_t>(pid);
    process.program = program_of(pid);
    process.argv = read_arguments(pid);
    process.start_time = time_text(descriptor_.start_ns);
    process.report_time = time_text(now);
    process.run_ns = run_ns;
    process.at_peak_ns = at_peak_ns_ > start_monotonic ? at_peak_ns_ - start_monotonic : 0;
    process.reason = "request";
    for (const std::string& entry : read_environment_of(pid)) {
      const size_t equals = entry.find('=');
      if (entry.starts_with("HEAPTAG_") && equals != std::string::npos) {
        report_.options.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
      }
    }
    Environment& environment = report_.environment;
    utsname kernel = {};
    environment.kernel = uname(&kernel) == 0 ? kernel.release : "";
    if (const std::string group = cgroup_of(pid); !group.empty()) {
      environment.cgroup_limit_known =
          read_number_file(group + "/memory.max", environment.cgroup_limit);
      environment.cgroup_use_known =
          read_number_file(group + "/memory.current", environment.cgroup_use);
    }
  }

  RemoteMemory memory_;
  uint64_t started_;
  wire::Descriptor descriptor_ = {};
  wire::PeakRecord peak_ = {};
  std::vector<wire::OwnerRecord> owners_;
  std::vector<wire::TagRecord> tag_records_;
  uint64_t lost_at_peak_ = 0;
  uint64_t at_peak_ns_ = 0;
  Report report_;
};

}  // namespace

Report read_live_process(pid_t pid) {
  return LiveReader(pid).read();
}

std::vector<HeaptaggedProcess> heaptagged_processes() {
  std::vector<HeaptaggedProcess> found;
  for (const pid_t pid : all_process_ids()) {
    if (pid != getpid() && is_heaptagged(pid)) {
      found.push_back({pid, program_of(pid)});
    }
  }
  return found;
}

}  // namespace heaptag::tools
