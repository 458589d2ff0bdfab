// heaptag ls: the processes that run under heaptag.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/format.h"
#include "tools/command.h"
#include "tools/live/live_error.h"
#include "tools/live/live_process.h"
#include "tools/report/report_options.h"
#include "tools/text/message.h"

namespace heaptag::tools {
namespace {

struct Row {
  std::string pid;
  std::string program;
  std::string resident = "-";
  std::string live = "-";
  std::string owners = "-";
  std::string up = "-";
};

std::string size_text(uint64_t bytes, bool plain) {
  return std::string(plain ? format_grouped(bytes).view() : format_size(bytes).view());
}

/// A terminal obeys nothing of a program's name.
std::string printable(const std::string& text) {
  std::string shown;
  const Sink sink{[](void* context, const char* data, size_t size_bytes) {
                    static_cast<std::string*>(context)->append(data, size_bytes);
                  },
                  &shown};
  put_printable(sink, text);
  return shown;
}

void print_rows(const std::vector<Row>& rows) {
  size_t program_width = 7;
  for (const Row& row : rows) {
    program_width = std::max(program_width, row.program.size());
  }
  fmt::print("{:>7}  {:<{}}  {:>8}  {:>8}  {:>6}  {}\n", "PID", "PROGRAM", program_width, "RSS",
             "LIVE", "OWNERS", "UP");
  for (const Row& row : rows) {
    fmt::print("{:>7}  {:<{}}  {:>8}  {:>8}  {:>6}  {}\n", row.pid, row.program, program_width,
               row.resident, row.live, row.owners, row.up);
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
    row.program = printable(process.program);
    try {
      const Report report = read_live_process(process.pid);
      row.resident = size_text(report.totals.resident_bytes, plain);
      row.live = size_text(report.totals.figures.live_bytes, plain);
      row.owners = format_grouped(report.tags.size()).view();
      row.up = format_duration(report.process.run_ns).view();
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
