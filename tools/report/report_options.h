// What the user typed after `heaptag report`, `snapshot` and `ls`.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "core/render/text.h"
#include "tools/command.h"
#include "tools/model/grouping.h"

namespace heaptag::tools {

enum class ReportFormat { kText, kJson, kSnapshot };

struct ReportOptions {
  std::string target;  // "": the only one
  ReportFormat format = ReportFormat::kText;
  Grouping grouping = Grouping::kOwner;
  render::TextOptions text;
  std::string output_path;          // -o; "" is stdout
  std::optional<std::string> tags;  // rules, or @FILE
};

/// Each parses a command line. Returns the options, or the status to exit with: the reason, or the
/// help that was asked for, has been printed.
std::variant<ReportOptions, ExitStatus> parse_report_options(const Arguments& arguments);
std::variant<ReportOptions, ExitStatus> parse_snapshot_options(const Arguments& arguments);
std::variant<ReportOptions, ExitStatus> parse_ls_options(const Arguments& arguments);

}  // namespace heaptag::tools
