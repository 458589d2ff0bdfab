#include "tools/run/run_report.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/render/text.h"
#include "tools/model/naming.h"
#include "tools/model/rendering.h"
#include "tools/model/snapshot_reader.h"
#include "tools/model/symbolizer.h"
#include "tools/run/missing_report.h"
#include "tools/run/output_file.h"
#include "tools/text/message.h"
#include "tools/text/write_all.h"

namespace heaptag::tools {
namespace {

std::string program_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

/// A snapshot, but for names that say JSON and for descriptors, where a pipe to jq may stand.
bool is_json_output(const std::string& path) {
  return path.ends_with(".json") || path.starts_with("/dev/") || path.starts_with("/proc/");
}

constexpr int kErrorsFound = 23;  // unlike any status that programs use

int status_for(const std::vector<Report>& reports,
               const RunOptions& options,
               const Outcome& outcome) {
  const bool found = std::any_of(reports.begin(), reports.end(), [](const Report& report) {
    return report.checks && !report.errors.empty();
  });
  if (!found || outcome.killed_by_signal != 0 || outcome.exit_status != 0) {
    return 0;
  }
  return options.error_exit_code.empty() ? kErrorsFound : std::stoi(options.error_exit_code);
}

/// The last report of the program itself; what a signal asked for came before its end.
bool is_root_report(const Report& report, const Outcome& outcome) {
  return report.process.pid == static_cast<uint64_t>(outcome.pid) &&
         report.process.reason != "signal";
}

class Reporter {
 public:
  Reporter(const RunOptions& options, const Outcome& outcome, int status_for_errors)
      : options_(options), outcome_(outcome), status_for_errors_(status_for_errors) {}

  void handle(Report& report) {
    const bool is_root = is_root_report(report, outcome_);
    if (is_root) {
      report.process.exit_known = outcome_.killed_by_signal == 0;
      report.process.exit_status = outcome_.exit_status;
      report.process.killed_by_signal = outcome_.killed_by_signal;
    }
    show_asked_options(report);
    symbolizer_.resolve_all(report);
    name_owners(report);
    const std::string saved = save(report, is_root);
    if (!options_.report_path.empty()) {
      const std::string text = options_.format == "json"       ? as_json(report)
                               : options_.format == "snapshot" ? as_snapshot(report)
                                                               : whole_text_of(report, saved);
      const WrittenFile file = write_new_file(options_.report_path, report.process, text);
      if (file.error != 0) {
        complain("run: cannot write the report to {}: {}", file.path, std::strerror(file.error));
      }
    }
    if (!options_.quiet) {
      const bool shows_json = options_.format == "json" && options_.report_path.empty();
      write_all(2, shows_json ? as_json(report) : shown_text_of(report, saved));
    }
  }

 private:
  /// What we set for our own purpose is not what the user asked for.
  void show_asked_options(Report& report) const {
    const std::pair<const char*, const std::string&> asked[] = {
        {"HEAPTAG_REPORT", options_.report_path},
        {"HEAPTAG_FORMAT", options_.format},
        {"HEAPTAG_CHILDREN", options_.children},
        {"HEAPTAG_EXITCODE", options_.error_exit_code}};
    for (const auto& [name, value] : asked) {
      std::erase_if(report.options, [&](const auto& option) { return option.first == name; });
      if (!value.empty()) {
        report.options.emplace_back(name, value);
      }
    }
  }

  [[nodiscard]] std::string whole_text_of(const Report& report, const std::string& saved) const {
    return text_of(report, saved, {});
  }

  /// For the terminal, on which the program has told of each error when it found it.
  [[nodiscard]] std::string shown_text_of(const Report& report, const std::string& saved) const {
    render::TextOptions text_options;
    text_options.errors = render::ErrorDetail::kSummary;
    text_options.status_for_errors = is_root_report(report, outcome_) ? status_for_errors_ : 0;
    text_options.max_columns = terminal_columns(2).value_or(text_options.max_columns);
    return text_of(report, saved, text_options);
  }

  [[nodiscard]] std::string text_of(const Report& report,
                                    const std::string& saved,
                                    render::TextOptions text_options) const {
    const std::string next = next_command(report, saved);
    text_options.top = options_.top.value_or(text_options.top);
    text_options.bytes = options_.plain_bytes;
    text_options.saved_path = saved.empty() ? nullptr : saved.c_str();
    text_options.next_command = next.c_str();
    text_options.rules_from = options_.settings.contains("TAGS") ? "--tags" : "HEAPTAG_TAGS";
    return as_text(report, text_options);
  }

  [[nodiscard]] std::string next_command(const Report& report, const std::string& saved) const {
    if (!saved.empty()) {
      return fmt::format("heaptag report {} --by module", shell_word(saved));
    }
    const size_t top = options_.top.value_or(render::TextOptions().top);
    if (top == 0 || report.tags.size() <= top) {
      return "heaptag run --help";
    }
    constexpr size_t kLongestCommand = 80;
    std::string command;
    for (const std::string& word : options_.program) {
      command += " " + shell_word(word);
    }
    if (command.size() > kLongestCommand) {
      command = " " + shell_word(options_.program[0]) + " ...";
    }
    const char* children = options_.children == "report" ? " --children report" : "";
    return fmt::format("heaptag run --top 0{} --{}", children, command);
  }

  /// Returns the name of the file for the last line of the text; "" when there is none to name.
  [[nodiscard]] std::string save(const Report& report, bool is_root) const {
    // One name cannot hold several reports: those of children go to it only if it has a %p.
    const bool is_chosen =
        !options_.output_path.empty() && (is_root || has_placeholder(options_.output_path, 'p'));
    const std::string bytes =
        is_chosen && is_json_output(options_.output_path) ? as_json(report) : as_snapshot(report);
    const WrittenFile file = is_chosen ? replace_file(options_.output_path, report.process, bytes)
                                       : write_new_file(kSnapshotFile, report.process, bytes);
    if (file.error != 0) {
      complain("run: cannot save the report as {}: {}; use -o FILE", file.path,
               std::strerror(file.error));
      return "";
    }
    return file.path.starts_with("/dev/") ? "" : file.path;
  }

  const RunOptions& options_;
  const Outcome& outcome_;
  int status_for_errors_;
  Symbolizer symbolizer_;
};

}  // namespace

std::vector<std::string> read_files(const std::vector<std::string>& paths) {
  std::vector<std::string> texts;
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return texts;
}

int report_run(const RunOptions& options,
               const Outcome& outcome,
               const std::vector<std::string>& contents) {
  const std::string name = fmt::format("{}[{}]", program_name(options.program[0]), outcome.pid);
  std::vector<Report> reports;
  std::string broken;
  for (const std::string& bytes : contents) {
    try {
      reports.push_back(read_saved_report(bytes));
    } catch (const BrokenReport& error) {
      broken = error.what();
    }
  }
  const auto is_root = [&](const Report& report) { return is_root_report(report, outcome); };
  std::stable_sort(reports.begin(), reports.end(), [&](const Report& a, const Report& b) {
    return std::make_tuple(is_root(a), a.process.report_time) <
           std::make_tuple(is_root(b), b.process.report_time);
  });
  const int status = status_for(reports, options, outcome);
  Reporter reporter(options, outcome, status);
  for (Report& report : reports) {
    reporter.handle(report);
  }
  if (!broken.empty()) {
    complain("run: a report that {} left cannot be used: {}", name, broken);
  } else if (reports.empty() || !is_root(reports.back())) {
    const std::string reason = options.settings.contains("PROGRAMS")
                                   ? "--programs leaves it out, or it could not write one"
                                   : explain_missing_report(options.program[0], outcome);
    if (!reason.empty()) {
      complain("run: no report from {}: {}", name, reason);
    }
  }
  return status;
}

}  // namespace heaptag::tools
