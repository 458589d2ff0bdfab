// heaptag ls: the processes that run under heaptag.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/format.h"
#include "core/base/utf8.h"
#include "tools/command.h"
#include "tools/live/live_error.h"
#include "tools/live/live_process.h"
#include "tools/report/container.h"
#include "tools/report/report_options.h"
#include "tools/text/message.h"
#include "tools/text/printable.h"

namespace heaptag::tools {
namespace {

struct Row {
  std::string pid;
  std::string container = "-";
  std::string program;
  std::string resident = "-";
  std::string live = "-";
  std::string owners = "-";
  std::string up = "-";
  std::string mode = "-";  // the default one, or "aside": another malloc comes first
};

std::string size_text(uint64_t bytes, bool plain) {
  return std::string(plain ? format_grouped(bytes).view() : format_size(bytes).view());
}

void print_rows(const std::vector<Row>& rows) {
  const Row heading = {"PID", "CONTAINER", "PROGRAM", "RSS", "LIVE", "OWNERS", "UP", "MODE"};
  std::vector<Row> lines = {heading};
  lines.insert(lines.end(), rows.begin(), rows.end());
  size_t container_columns = 0;
  size_t program_columns = 0;
  size_t up_columns = 0;
  for (const Row& line : lines) {
    container_columns = std::max(container_columns, count_columns(line.container));
    program_columns = std::max(program_columns, count_columns(line.program));
    up_columns = std::max(up_columns, count_columns(line.up));
  }
  for (const Row& line : lines) {
    fmt::print("{:>7}  {}  {}  {:>8}  {:>8}  {:>6}  {}  {}\n", line.pid,
               padded(line.container, container_columns), padded(line.program, program_columns),
               line.resident, line.live, line.owners, padded(line.up, up_columns), line.mode);
  }
}

}  // namespace

int cmd_ls(const Arguments& arguments) {
  const auto parsed = parse_ls_options(arguments);
  if (const ExitStatus* status = std::get_if<ExitStatus>(&parsed)) {
    return *status;
  }
  const bool plain = std::get<ReportOptions>(parsed).text.bytes;
  std::vector<Row> rows;
  std::vector<std::string> complaints;
  for (const HeaptaggedProcess& process : heaptagged_processes()) {
    Row row;
    row.pid = std::to_string(process.pid);
    if (const std::string container = container_of(process.pid); !container.empty()) {
      row.container = printable(container);
    }
    row.program = printable(process.program);
    try {
      const Report report = read_live_process(process.pid);
      row.resident = size_text(report.totals.resident_bytes, plain);
      row.live = size_text(report.totals.figures.live_bytes, plain);
      row.owners = format_grouped(report.tags.size()).view();
      row.up = format_duration(report.process.run_ns).view();
    } catch (const StandsAside&) {
      row.mode = "aside";
    } catch (const LiveError& error) {
      complaints.emplace_back(error.what());
    }
    rows.push_back(std::move(row));
  }
  print_rows(rows);
  std::fflush(stdout);
  for (const std::string& text : complaints) {
    complain("{}", text);
  }
  return kDone;
}

}  // namespace heaptag::tools
