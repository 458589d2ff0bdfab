#include "core/render/text.h"

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/render/text_errors.h"
#include "core/render/text_notes.h"
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
  if (report.error_count != 0) {
    out.put(", ");
    put_counted(out, report.error_count, "error");
    if (options.status_for_errors != 0) {
      out.put(" (exit status 0 -> ");
      out.put(format_signed(options.status_for_errors).view());
      out.put_char(')');
    }
  } else if (report.checks) {
    out.put(", no errors");
  }
  out.put_char('\n');
}

void write_errors(const Report& report, const TextOptions& options, const Sink& out) {
  ErrorTextOptions error_options;
  error_options.process = &report.process;
  for (size_t i = 0; i < report.error_count; ++i) {
    if (options.errors == ErrorDetail::kWhole) {
      out.put_char('\n');
      write_error_text(report.errors[i], error_options, out);
    } else {
      write_error_summary(report.errors[i], error_options, out);
    }
  }
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
    write_run_command(report.process, "", out);
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
  write_errors(report, options, sink);
  sink.put_char('\n');
  write_totals(report, options.bytes, sink);
  sink.put_char('\n');
  write_owner_table(report, options, sink);
  sink.put_char('\n');
  const bool has_lines = write_symbols_note(report, options, sink);
  write_rules_note(report, options, sink);
  write_wrappers_note(report, options, sink);
  write_closing(report, options, has_lines, sink);
  buffered.flush();
}

}  // namespace heaptag::render
