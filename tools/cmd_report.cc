// heaptag report: a running process or a saved report, as text, JSON or a snapshot.
#include <unistd.h>

#include <cstring>
#include <memory>

#include "tools/command.h"
#include "tools/model/naming.h"
#include "tools/model/rendering.h"
#include "tools/model/retag.h"
#include "tools/model/tag_rules.h"
#include "tools/report/report_options.h"
#include "tools/report/target.h"
#include "tools/run/output_file.h"
#include "tools/text/message.h"
#include "tools/text/write_all.h"

namespace heaptag::tools {
namespace {

std::string next_command(const ReportOptions& options, const Target& target) {
  const std::string name = target.pid != 0 ? std::to_string(target.pid) : shell_word(target.path);
  const std::string tags = options.tags ? " --tags " + shell_word(*options.tags) : "";
  constexpr size_t kLongestRules = 60;
  return fmt::format("heaptag report {}{} {}", name,
                     tags.size() > kLongestRules ? " --tags ..." : tags,
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

/// The rules of --tags, null without it. False after a complaint.
bool read_rules(const ReportOptions& options, std::unique_ptr<TagRules>& rules) {
  if (!options.tags) {
    return true;
  }
  rules = std::make_unique<TagRules>(*options.tags, config::RuleUse::kAfterwards);
  for (const std::string& problem : rules->problems()) {
    complain("report: --tags: {}", problem);
  }
  return rules->problems().empty();
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
  std::unique_ptr<TagRules> rules;
  if (!read_rules(options, rules)) {
    return kUsageOrCouldNot;
  }
  try {
    const Target target = find_target(options.target);
    Report report = read_target(target, true);
    if (rules != nullptr) {
      retag(report, rules->rules());
      name_owners(report);
    }
    group_by(report, options.grouping);
    const int status = put_out(options.output_path, report, render(report, options, target));
    return status == kDone && !report.errors.empty() ? kFoundSomething : status;
  } catch (const TargetError& error) {
    complain("{}", error.what());
    return kUsageOrCouldNot;
  }
}

}  // namespace heaptag::tools
