#include "tools/report/report_options.h"

#include <map>

#include "tools/text/command_line.h"
#include "tools/text/message.h"

namespace heaptag::tools {
namespace {

using render::RowKey;
using render::SortKey;

const std::map<std::string, ReportFormat> kFormats = {{"text", ReportFormat::kText},
                                                      {"json", ReportFormat::kJson},
                                                      {"snapshot", ReportFormat::kSnapshot}};
const std::map<std::string, Grouping> kGroupings = {{"owner", Grouping::kOwner},
                                                    {"site", Grouping::kSite},
                                                    {"module", Grouping::kModule},
                                                    {"tag", Grouping::kTag}};
const std::map<std::string, std::pair<SortKey, RowKey>> kSorts = {
    {"peak", {SortKey::kAtPeak, RowKey::kFirstColumn}},
    {"live", {SortKey::kLive, RowKey::kFirstColumn}},
    {"blocks", {SortKey::kByReason, RowKey::kBlocks}},
    {"calls", {SortKey::kByReason, RowKey::kCalls}},
    {"allocated", {SortKey::kByReason, RowKey::kAllocated}}};

ReportFormat format_of_file(const std::string& path) {
  return path.ends_with(".json")   ? ReportFormat::kJson
         : path.ends_with(".snap") ? ReportFormat::kSnapshot
                                   : ReportFormat::kText;
}

render::RowKind rows_of(Grouping grouping) {
  switch (grouping) {
    case Grouping::kSite:
      return render::RowKind::kSite;
    case Grouping::kModule:
      return render::RowKind::kModule;
    case Grouping::kTag:
      return render::RowKind::kTag;
    default:
      return render::RowKind::kOwner;
  }
}

constexpr const char* kTargetHelp =
    "a pid, a program's name if it runs once, a snapshot or a JSON report; left out: the only "
    "process under heaptag";

}  // namespace

std::variant<ReportOptions, ExitStatus> parse_report_options(const Arguments& arguments) {
  CommandLine line("report",
                   "Shows who owns the memory of a process, or of one that was saved. The process "
                   "is not stopped and does not help.");
  ReportOptions options;
  std::string format;
  std::string sort;
  std::string grouping;
  std::string tags;
  CLI::App& app = line.app();
  app.add_option("TARGET", options.target, kTargetHelp);
  app.add_option("--format", format, "text, json or snapshot (default: as FILE is called, or text)")
      ->type_name("FORMAT");
  app.add_option("--by", grouping, "a row for each owner, site, module or tag")->type_name("WHAT");
  app.add_option(
         "--tags", tags,
         "tag rules to apply now, as NAME=lib:GLOB or NAME=func:GLOB,src:GLOB; several with "
         "\";\" between them")
      ->type_name("RULES|@FILE");
  app.add_option("--sort", sort,
                 "peak, live, blocks, calls or allocated (default: live; peak when it has ended)")
      ->type_name("KEY");
  app.add_option("--top", options.text.top, "rows of the table (default 20); 0 shows all")
      ->type_name("N");
  app.add_flag("--bytes", options.text.bytes, "sizes as plain integers");
  app.add_option("-o,--output", options.output_path,
                 "write to this file; one that is there is replaced")
      ->type_name("FILE");
  if (const auto status = line.parse(arguments)) {
    return *status;
  }
  options.format = format_of_file(options.output_path);
  std::pair<SortKey, RowKey> keys{options.text.sort, options.text.order};
  if (!line.choose("--format", format, kFormats, options.format) ||
      !line.choose("--by", grouping, kGroupings, options.grouping) ||
      !line.choose("--sort", sort, kSorts, keys)) {
    return kUsageOrCouldNot;
  }
  std::tie(options.text.sort, options.text.order) = keys;
  options.text.rows = rows_of(options.grouping);
  if (app.count("--tags") != 0) {
    options.tags = tags;
    options.text.rules_from = "--tags";
  }
  if (options.format == ReportFormat::kSnapshot && options.grouping != Grouping::kOwner) {
    complain("report: a snapshot keeps every owner; --by is of text and JSON");
    return kUsageOrCouldNot;
  }
  return options;
}

std::variant<ReportOptions, ExitStatus> parse_snapshot_options(const Arguments& arguments) {
  CommandLine line(
      "snapshot",
      "Saves the figures of a running process in a small file, for heaptag report. The "
      "process is not stopped and does not help.");
  ReportOptions options;
  options.format = ReportFormat::kSnapshot;
  CLI::App& app = line.app();
  app.add_option("TARGET", options.target, kTargetHelp);
  app.add_option(
         "-o,--output", options.output_path,
         "the file; one that is there is replaced (default: heaptag.PROGRAM.PID.snap, which "
         "is not)")
      ->type_name("FILE");
  if (const auto status = line.parse(arguments)) {
    return *status;
  }
  return options;
}

std::variant<ReportOptions, ExitStatus> parse_ls_options(const Arguments& arguments) {
  CommandLine line("ls", "Lists the processes that run under heaptag, as far as we may look.");
  ReportOptions options;
  line.app().add_flag("--bytes", options.text.bytes, "sizes as plain integers");
  if (const auto status = line.parse(arguments)) {
    return *status;
  }
  return options;
}

}  // namespace heaptag::tools
