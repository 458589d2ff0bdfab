// heaptag report: a running process or a saved report, as text, JSON or a snapshot.
#include <unistd.h>

#include <cstring>

#include "tools/command.h"
#include "tools/model/rendering.h"
#include "tools/report/report_options.h"
#include "tools/report/target.h"
#include "tools/run/output_file.h"
#include "tools/text/message.h"
#include "tools/text/write_all.h"

namespace heaptag::tools {
namespace {

std::string next_command(const ReportOptions& options, const Target& target) {
  const std::string name = target.pid != 0 ? std::to_string(target.pid) : shell_word(target.path);
  return fmt::format("heaptag report {} {}", name,
                     options.grouping == Grouping::kModule ? "--top 0" : "--by module");
}

std::string render(const Report& report, const ReportOptions& options, const Target& target) {
  if (options.format == ReportFormat::kJson) {
    return as_json(report);
  }
  if (options.format == ReportFormat::kSnapshot) {
    return as_snapshot(report);
  }
  render::TextOptions text = options.text;
  const std::string next = next_command(options, target);
  text.next_command = next.c_str();
  if (options.output_path.empty()) {
    text.max_columns = terminal_columns(STDOUT_FILENO).value_or(text.max_columns);
  }
  return as_text(report, text);
}

int put_out(const std::string& output_path, const Report& report, const std::string& bytes) {
  if (output_path.empty()) {
    if (const int error = write_all(STDOUT_FILENO, bytes); error != 0) {
      complain("cannot write the report: {}", std::strerror(error));
      return kUsageOrCouldNot;
    }
    return kDone;
  }
  const WrittenFile file = replace_file(output_path, report.process, bytes);
  if (file.error != 0) {
    complain("cannot write {}: {}", file.path, std::strerror(file.error));
    return kUsageOrCouldNot;
  }
  return kDone;
}

}  // namespace

int cmd_report(const Arguments& arguments) {
  const auto parsed = parse_report_options(arguments);
  if (const ExitStatus* status = std::get_if<ExitStatus>(&parsed)) {
    return *status;
  }
  const ReportOptions& options = std::get<ReportOptions>(parsed);
  if (options.format == ReportFormat::kSnapshot && options.output_path.empty() &&
      isatty(STDOUT_FILENO) != 0) {
    complain("report: a snapshot is nothing for a terminal; use -o FILE");
    return kUsageOrCouldNot;
  }
  try {
    const Target target = find_target(options.target);
    Report report = read_target(target, true);
    group_by(report, options.grouping);
    return put_out(options.output_path, report, render(report, options, target));
  } catch (const TargetError& error) {
    complain("{}", error.what());
    return kUsageOrCouldNot;
  }
}

}  // namespace heaptag::tools
