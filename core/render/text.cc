#include "core/render/text.h"

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/render/names.h"
#include "core/render/text_table.h"

namespace heaptag::render {
namespace {

constexpr const char* kSignalNames[] = {
    nullptr,     "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
constexpr int kSignalCount = sizeof kSignalNames / sizeof kSignalNames[0];

bool is_at_exit(const Process& process) {
  return process.exit_known || process.killed_by_signal != 0 ||
         (process.reason != nullptr && std::strcmp(process.reason, "exit") == 0);
}

void put_counted(const Sink& out, uint64_t count, std::string_view noun) {
  out.put(format_grouped(count).view());
  out.put_char(' ');
  out.put(noun);
  out.put(count == 1 ? "" : "s");
}

/// A size in running text: a bare integer says what it counts.
void put_size(const Sink& out, uint64_t bytes, bool as_integer) {
  if (as_integer || bytes < 1024) {
    put_counted(out, bytes, "byte");
  } else {
    out.put(format_size(bytes).view());
  }
}

void write_process_name(const Process& process, const Sink& out) {
  put_printable(out, process.program == nullptr ? "process" : process.program);
  if (process.pid != 0) {
    out.put_char('[');
    out.put(format_decimal(process.pid).view());
    out.put_char(']');
  }
}

void write_ending(const Process& process, const Sink& out) {
  if (process.killed_by_signal != 0) {
    write_process_name(process, out);
    out.put(" was killed by signal ");
    out.put(format_signed(process.killed_by_signal).view());
    if (process.killed_by_signal > 0 && process.killed_by_signal < kSignalCount) {
      out.put(" (");
      out.put(kSignalNames[process.killed_by_signal]);
      out.put_char(')');
    }
  } else if (process.exit_known) {
    write_process_name(process, out);
    out.put(" exited with status ");
    out.put(format_signed(process.exit_status).view());
  } else {
    out.put("report of ");
    write_process_name(process, out);
    out.put(is_at_exit(process) ? " at exit" : "");
  }
}

void write_verdict(const Report& report, const TextOptions& options, const Sink& out) {
  write_ending(report.process, out);
  if (report.process.run_ns != 0) {
    out.put(" after ");
    out.put(format_duration(report.process.run_ns).view());
  }
  out.put(": peak ");
  put_size(out, report.totals.peak_live_bytes, options.bytes);
  out.put(", ");
  put_size(out, report.totals.figures.live_bytes, options.bytes);
  out.put(is_at_exit(report.process) ? " still in use" : " in use");
  if (options.verdict != nullptr) {
    out.put(", ");
    put_printable(out, options.verdict);
  }
  out.put_char('\n');
}

/// A figure of the totals block, with room for "17,179,869,184 bytes in 1,000,000,000 blocks".
class Figure {
 public:
  Figure() : text_(buffer_, sizeof buffer_) {}

  Figure(const Figure&) = delete;
  Figure& operator=(const Figure&) = delete;

  Sink sink() { return text_.sink(); }

  std::string_view view() const { return text_.view(); }

 private:
  char buffer_[128];
  BufferSink text_;
};

struct Totals3x3 {
  static constexpr size_t kLines = 3;
  static constexpr size_t kColumns = 3;
  std::string_view labels[kLines][kColumns];
  Figure figures[kLines][kColumns];
};

void write_peak(const Report& report, bool bytes, const Sink& out) {
  const uint64_t peak = report.totals.peak_live_bytes;
  const uint64_t bound = peak + report.totals.peak_error_bytes;
  put_size(out, peak, bytes);
  // The peak is a lower bound with a known error. Said only when the error can be seen.
  if (bound > peak && (bytes || format_size(bound).view() != format_size(peak).view())) {
    out.put(" to ");
    put_size(out, bound, bytes);
  }
  if (report.process.at_peak_ns != 0) {
    out.put("  at ");
    out.put(format_duration(report.process.at_peak_ns).view());
  }
}

void write_resident(uint64_t resident_bytes, bool bytes, const Sink& out) {
  if (resident_bytes == 0) {
    out.put("-");
    return;
  }
  put_size(out, resident_bytes, bytes);
  out.put(" (kernel)");
}

void fill_totals(const Report& report, bool bytes, Totals3x3* block) {
  const Totals& totals = report.totals;
  const Figures& figures = totals.figures;
  block->labels[0][0] = "peak";
  write_peak(report, bytes, block->figures[0][0].sink());
  block->labels[1][0] = "in use";
  put_size(block->figures[1][0].sink(), figures.live_bytes, bytes);
  block->figures[1][0].sink().put(" in ");
  put_counted(block->figures[1][0].sink(), figures.live_blocks, "block");
  block->labels[2][0] = "max RSS";
  write_resident(totals.max_resident_bytes, bytes, block->figures[2][0].sink());

  block->labels[0][1] = "allocations";
  block->figures[0][1].sink().put(format_grouped(figures.allocations).view());
  block->labels[1][1] = "frees";
  block->figures[1][1].sink().put(format_grouped(figures.frees).view());
  block->labels[2][1] = "threads";
  block->figures[2][1].sink().put(format_grouped(totals.threads).view());

  block->labels[0][2] = "allocated";
  put_size(block->figures[0][2].sink(), figures.allocated_bytes, bytes);
  block->labels[1][2] = "failed";
  block->figures[1][2].sink().put(format_grouped(figures.failed).view());
  if (totals.foreign_frees != 0) {
    // Blocks of another allocator that were given to our free: rare, and worth a question.
    block->labels[2][2] = "foreign frees";
    block->figures[2][2].sink().put(format_grouped(totals.foreign_frees).view());
  } else if (!is_at_exit(report.process) && totals.resident_bytes != 0) {
    block->labels[2][2] = "RSS now";
    write_resident(totals.resident_bytes, bytes, block->figures[2][2].sink());
  }
}

void write_totals(const Report& report, bool bytes, const Sink& out) {
  Totals3x3 block;
  fill_totals(report, bytes, &block);
  size_t label_width[Totals3x3::kColumns] = {12, 11, 9};
  size_t figure_width[Totals3x3::kColumns] = {24, 10, 0};
  for (size_t column = 0; column < Totals3x3::kColumns; ++column) {
    for (size_t line = 0; line < Totals3x3::kLines; ++line) {
      const size_t label = block.labels[line][column].size();
      const size_t figure = count_columns(block.figures[line][column].view());
      label_width[column] = label > label_width[column] ? label : label_width[column];
      figure_width[column] = figure > figure_width[column] ? figure : figure_width[column];
    }
  }
  for (size_t line = 0; line < Totals3x3::kLines; ++line) {
    for (size_t column = 0; column < Totals3x3::kColumns; ++column) {
      const std::string_view figure = block.figures[line][column].view();
      const bool is_last =
          column + 1 == Totals3x3::kColumns || block.labels[line][column + 1].empty();
      out.put("  ");
      put_padded_right(out, block.labels[line][column], label_width[column]);
      out.put("  ");
      put_padded_right(out, figure, is_last ? 0 : figure_width[column]);
      if (is_last) {
        break;
      }
    }
    out.put_char('\n');
  }
}

/// The modules whose owners have no line. The list names the first few; the count is exact up to
/// the capacity, and that is what "or more" is for.
class MissingModules {
 public:
  void add(const Frame& frame) {
    if (frame.module == nullptr) {
      return;
    }
    for (size_t i = 0; i < count_; ++i) {
      if (modules_[i]->module == frame.module ||
          std::strcmp(modules_[i]->module, frame.module) == 0) {
        return;
      }
    }
    if (count_ == kCapacity) {
      overflowed_ = true;
    } else {
      modules_[count_++] = &frame;
    }
  }

  size_t count() const { return count_; }

  void write(const Sink& out) const {
    const size_t shown = count_ < kShown ? count_ : kShown;
    for (size_t i = 0; i < shown; ++i) {
      out.put(i == 0 ? "" : ", ");
      put_printable(out, base_name(modules_[i]->module));
      write_build_id(modules_[i]->build_id, out);
    }
    if (count_ > shown) {
      out.put(", ");
      out.put(format_grouped(count_ - shown).view());
      out.put(overflowed_ ? " or more others" : " more");
    }
  }

 private:
  static constexpr size_t kShown = 2;
  static constexpr size_t kCapacity = 64;
  static constexpr size_t kBuildIdDigits = 6;

  static void write_build_id(const char* build_id, const Sink& out) {
    if (build_id == nullptr) {
      return;
    }
    const std::string_view digits = build_id;
    out.put(" (build-id ");
    put_printable(out, take_first(digits, kBuildIdDigits));
    out.put(digits.size() > kBuildIdDigits ? "\xE2\x80\xA6)" : ")");
  }

  const Frame* modules_[kCapacity];
  size_t count_ = 0;
  bool overflowed_ = false;
};

/// How many owners have a line. Returns whether any has.
bool write_symbols_note(const Report& report, const TextOptions& options, const Sink& out) {
  uint64_t sites = 0;
  uint64_t with_line = 0;
  bool is_one_each = true;  // an owner is a site
  MissingModules missing;
  for (size_t i = 0; i < report.tag_count; ++i) {
    const Tag& tag = report.tags[i];
    is_one_each = is_one_each && tag.site_count <= 1;
    for (size_t s = 0; s < tag.site_count; ++s) {
      const Frame* frame = linked_frame_or_null(tag.sites[s]);
      if (frame == nullptr) {
        continue;
      }
      ++sites;
      if (frame->file != nullptr && frame->line != 0) {
        ++with_line;
      } else {
        missing.add(*frame);
      }
    }
  }
  // A program that writes its own report reads no debug information: nothing is missing then that
  // could be installed, and the last line says what to do.
  const bool is_own_report = with_line == 0 && options.next_command == nullptr;
  if (sites == with_line || is_own_report) {
    return with_line != 0;
  }
  out.put("  file and line for ");
  out.put(format_grouped(with_line).view());
  out.put(" of ");
  put_counted(out, sites, is_one_each ? options.noun : "site");
  if (missing.count() != 0) {
    out.put("; missing: ");
    missing.write(out);
    out.put(":\n  install their debug symbols (Debian: -dbgsym packages)");
  }
  out.put_char('\n');
  return with_line != 0;
}

void write_run_suggestion(const Process& process, const Sink& out) {
  out.put("heaptag run -- ");
  if (process.argv_count != 0 && process.argv[0] != nullptr && process.argv[0][0] != '\0') {
    put_printable(out, process.argv[0]);
    out.put(process.argv_count > 1 ? " ..." : "");
  } else {
    put_printable(out, process.program == nullptr ? "PROGRAM" : process.program);
  }
}

void write_closing(const Report& report,
                   const TextOptions& options,
                   bool has_lines,
                   const Sink& out) {
  out.put("  ");
  if (options.saved_path != nullptr) {
    out.put("saved: ");
    put_printable(out, options.saved_path);
    out.put("    ");
  }
  out.put("next: ");
  if (options.next_command != nullptr) {
    put_printable(out, options.next_command);
  } else {
    write_run_suggestion(report.process, out);
    out.put(has_lines ? "" : "    (adds file and line)");
  }
  out.put_char('\n');
}

}  // namespace

void write_text(const Report& report, const TextOptions& given_options, const Sink& out) {
  TextOptions options = given_options;
  if (options.sort == SortKey::kByReason) {
    options.sort = is_at_exit(report.process) ? SortKey::kAtPeak : SortKey::kLive;
  }
  BufferedSink buffered(out);
  const Sink sink = buffered.sink();
  write_verdict(report, options, sink);
  sink.put_char('\n');
  write_totals(report, options.bytes, sink);
  sink.put_char('\n');
  write_owner_table(report, options, sink);
  sink.put_char('\n');
  const bool has_lines = write_symbols_note(report, options, sink);
  write_closing(report, options, has_lines, sink);
  buffered.flush();
}

}  // namespace heaptag::render
