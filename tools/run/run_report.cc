#include "tools/run/run_report.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/render/json.h"
#include "core/render/text.h"
#include "tools/model/naming.h"
#include "tools/model/report_reader.h"
#include "tools/model/report_view.h"
#include "tools/model/symbolizer.h"
#include "tools/run/missing_report.h"
#include "tools/run/output_file.h"
#include "tools/text/message.h"
#include "tools/text/write_all.h"

namespace heaptag::tools {
namespace {

constexpr const char* kDefaultOutput = "heaptag.%e.%p.json";

Sink string_sink(std::string& text) {
  return {[](void* context, const char* data, size_t size_bytes) {
            static_cast<std::string*>(context)->append(data, size_bytes);
          },
          &text};
}

std::string program_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

/// The width of a terminal; nothing when the descriptor is none.
std::optional<size_t> terminal_columns(int fd) {
  winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return std::nullopt;
  }
  return size.ws_col;
}

/// A word as a shell takes it, for a command that the user may copy.
std::string shell_word(const std::string& word) {
  const bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::strchr("-_./=:,+@%^", c) != nullptr || c >= 0x80;
  });
  if (is_plain) {
    return word;
  }
  std::string quoted = "'";
  for (const char c : word) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

class Reporter {
 public:
  Reporter(const RunOptions& options, const Outcome& outcome)
      : options_(options), outcome_(outcome) {}

  void handle(Report& report) {
    const bool is_root = report.process.pid == static_cast<uint64_t>(outcome_.pid);
    if (is_root) {
      report.process.exit_known = outcome_.killed_by_signal == 0;
      report.process.exit_status = outcome_.exit_status;
      report.process.killed_by_signal = outcome_.killed_by_signal;
    }
    show_asked_options(report);
    symbolizer_.resolve_all(report);
    name_owners(report);
    const std::string json = as_json(report);
    const std::string saved = save(report, json, is_root);
    if (!options_.report_path.empty()) {
      const std::string text = options_.format == "json" ? json : as_text(report, saved, {});
      const WrittenFile file = write_new_file(options_.report_path, report.process, text);
      if (file.error != 0) {
        complain("run: cannot write the report to {}: {}", file.path, std::strerror(file.error));
      }
    }
    if (!options_.quiet) {
      const bool shows_json = options_.format == "json" && options_.report_path.empty();
      write_all(2, shows_json ? json : as_text(report, saved, terminal_columns(2)));
    }
  }

 private:
  /// What we set for our own purpose is not what the user asked for.
  void show_asked_options(Report& report) const {
    const std::pair<const char*, const std::string&> asked[] = {
        {"HEAPTAG_REPORT", options_.report_path},
        {"HEAPTAG_FORMAT", options_.format},
        {"HEAPTAG_CHILDREN", options_.children}};
    for (const auto& [name, value] : asked) {
      std::erase_if(report.options, [&](const auto& option) { return option.first == name; });
      if (!value.empty()) {
        report.options.emplace_back(name, value);
      }
    }
  }

  static std::string as_json(const Report& report) {
    std::string json;
    render::write_json(ReportView(report).get(), string_sink(json));
    return json;
  }

  [[nodiscard]] std::string as_text(const Report& report,
                                    const std::string& saved,
                                    std::optional<size_t> columns) const {
    std::vector<uint32_t> scratch(report.tags.size());
    const std::string next = next_command(report);
    render::TextOptions text_options;
    text_options.top = options_.top.value_or(text_options.top);
    text_options.bytes = options_.plain_bytes;
    text_options.saved_path = saved.empty() ? nullptr : saved.c_str();
    text_options.next_command = next.c_str();
    text_options.max_columns = columns.value_or(text_options.max_columns);
    text_options.scratch = scratch;
    std::string text;
    render::write_text(ReportView(report).get(), text_options, string_sink(text));
    return text;
  }

  [[nodiscard]] std::string next_command(const Report& report) const {
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
  [[nodiscard]] std::string save(const Report& report,
                                 const std::string& json,
                                 bool is_root) const {
    // One name cannot hold several reports: those of children go to it only if it has a %p.
    const bool is_chosen =
        !options_.output_path.empty() && (is_root || has_placeholder(options_.output_path, 'p'));
    const WrittenFile file = is_chosen ? replace_file(options_.output_path, report.process, json)
                                       : write_new_file(kDefaultOutput, report.process, json);
    if (file.error != 0) {
      complain("run: cannot save the report as {}: {}; use -o FILE", file.path,
               std::strerror(file.error));
      return "";
    }
    return file.path.starts_with("/dev/") ? "" : file.path;
  }

  const RunOptions& options_;
  const Outcome& outcome_;
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

void report_run(const RunOptions& options,
                const Outcome& outcome,
                const std::vector<std::string>& json_texts) {
  const std::string name = fmt::format("{}[{}]", program_name(options.program[0]), outcome.pid);
  std::vector<Report> reports;
  std::string broken;
  for (const std::string& json : json_texts) {
    try {
      reports.push_back(read_report(json));
    } catch (const BrokenReport& error) {
      broken = error.what();
    }
  }
  const auto is_root = [&](const Report& report) {
    return report.process.pid == static_cast<uint64_t>(outcome.pid);
  };
  std::stable_sort(reports.begin(), reports.end(), [&](const Report& a, const Report& b) {
    return std::make_tuple(is_root(a), a.process.report_time) <
           std::make_tuple(is_root(b), b.process.report_time);
  });
  Reporter reporter(options, outcome);
  for (Report& report : reports) {
    reporter.handle(report);
  }
  if (!broken.empty()) {
    complain("run: a report that {} left cannot be used: {}", name, broken);
  } else if (reports.empty() || !is_root(reports.back())) {
    complain("run: no report from {}: {}", name,
             options.settings.contains("PROGRAMS")
                 ? "--programs leaves it out, or it could not write one"
                 : explain_missing_report(options.program[0], outcome));
  }
}

}  // namespace heaptag::tools
