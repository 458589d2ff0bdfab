#include "tools/run/run_options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>

#include "core/base/format.h"
#include "core/config/signal_name.h"
#include "tools/run/option_rows.h"
#include "tools/run/output_file.h"
#include "tools/run/run_help.h"
#include "tools/run/setting_check.h"
#include "tools/run/tag_check.h"
#include "tools/run/unknown_option.h"
#include "tools/text/message.h"

namespace heaptag::tools {
namespace {

/// The words before PROG, one option each, as CLI11 wants them: "--name=value" or "--name".
struct OwnWords {
  std::vector<std::string> words;
  size_t program_index = 0;
};

int complain_value(const std::string& name) {
  complain("run: {} needs a value: {} VALUE; heaptag run --help", with_dashes(name),
           with_dashes(name));
  return kUsageOrCouldNot;
}

/// Splits our options from PROG and its own, which are never looked at. Returns 0 or a status.
class Splitter {
 public:
  Splitter(const CLI::App& app, const Arguments& arguments) : app_(app), arguments_(arguments) {}

  int split(OwnWords& own) {
    for (; index_ < arguments_.size(); ++index_) {
      const std::string& word = arguments_[index_];
      if (word == "--") {
        ++index_;
        break;
      }
      if (word.size() < 2 || word[0] != '-') {
        break;
      }
      const int status = word[1] == '-' ? take_long(word, own) : take_short(word, own);
      if (status != 0) {
        return status;
      }
    }
    own.program_index = index_;
    return 0;
  }

 private:
  static bool needs_value(const CLI::Option& option) { return option.get_items_expected_min() > 0; }

  /// Appends an option and, when it needs one that is not there yet, the next word as its value.
  int take(const CLI::Option& option,
           const std::string& name,
           std::optional<std::string> value,
           OwnWords& own) {
    if (!value && needs_value(option)) {
      if (index_ + 1 >= arguments_.size()) {
        return complain_value(name);
      }
      value = arguments_[++index_];
    }
    if (value && option.get_items_expected_max() == 0) {
      complain("run: {} takes no value", with_dashes(name));
      return kUsageOrCouldNot;
    }
    if (value && value->empty()) {
      return complain_value(name);
    }
    const std::string& canonical = option.get_lnames().empty() ? name : option.get_lnames().front();
    own.words.push_back(with_dashes(canonical) + (value ? "=" + *value : ""));
    return 0;
  }

  int take_long(const std::string& word, OwnWords& own) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const CLI::Option* option = app_.get_option_no_throw("--" + name);
    if (option == nullptr || name.size() < 2) {
      complain_unknown_option("run", app_, word, name);
      return kUsageOrCouldNot;
    }
    std::optional<std::string> value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    }
    return take(*option, name, value, own);
  }

  int take_short(const std::string& word, OwnWords& own) {
    for (size_t at = 1; at < word.size(); ++at) {
      const std::string name(1, word[at]);
      const CLI::Option* option = app_.get_option_no_throw("-" + name);
      if (option == nullptr) {
        // -leak-check=full, as some tools write long names with one dash
        const size_t equals = word.find('=');
        const std::string whole = word.substr(1, equals == std::string::npos ? equals : equals - 1);
        complain_unknown_option("run", app_, word, at == 1 ? whole : name);
        return kUsageOrCouldNot;
      }
      if (option->get_items_expected_max() == 0) {
        if (const int status = take(*option, name, std::nullopt, own); status != 0) {
          return status;
        }
        continue;
      }
      std::optional<std::string> value;
      if (at + 1 < word.size()) {
        value = word.substr(at + 1 + (word[at + 1] == '=' ? 1 : 0));
      }
      return take(*option, name, value, own);
    }
    return 0;
  }

  const CLI::App& app_;
  const Arguments& arguments_;
  size_t index_ = 0;
};

/// One of a few words, checked here so that a typing error is found before the program starts.
bool check_choice(const std::string& setting,
                  const std::string& value,
                  const std::vector<std::string>& choices) {
  if (value.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) {
    return true;
  }
  complain("run: {}={}: not one of {}", setting, value, fmt::join(choices, ", "));
  return false;
}

const std::vector<std::string> kFormats = {"text", "json", "snapshot"};
const std::vector<std::string> kChildren = {"report", "findings", "off"};

void add_options(CLI::App& app, RunOptions& options, std::map<std::string, std::string>& values) {
  app.add_option(
         "-o,--output", options.output_path,
         "save the report of this run here, with names and lines: as JSON in FILE.json, else "
         "as a snapshot for heaptag report; a file that is there is replaced "
         "(default: heaptag.PROGRAM.PID.snap)")
      ->type_name("FILE");
  app.add_flag("-q,--quiet", options.quiet, "no report on stderr");
  app.add_option("--top", values["--top"], "rows of the table (default 20); 0 shows all")
      ->type_name("N");
  app.add_flag("--bytes", options.plain_bytes, "sizes as plain integers");
  app.add_flag("--exec", options.replace_self,
               "become PROG instead of waiting for it: same pid; the program then writes its own "
               "report (--report), without file and line");
  for (const OptionRow& row : option_rows()) {
    CLI::Option* option = app.add_option("--" + row.flag, values[row.name], row.help);
    option->type_name(value_name(row));
    if (!bare_value(row).empty()) {
      option->expected(0, 1);
    }
  }
}

bool check_signal(const std::string& value) {
  char advice[128];
  BufferSink text(advice, sizeof advice);
  if (config::read_signal(value, text.sink()) != 0) {
    return true;
  }
  complain("run: --signal={} {}", value, text.view());
  return false;
}

bool finish(RunOptions& options, std::map<std::string, std::string>& values, const CLI::App& app) {
  for (const OptionRow& row : option_rows()) {
    if (app.count("--" + row.flag) == 0) {
      continue;
    }
    const std::string value = values[row.name].empty() ? bare_value(row) : values[row.name];
    if (row.name == "REPORT") {
      options.report_path = value;
    } else if (row.name == "FORMAT") {
      options.format = value;
    } else if (row.name == "CHILDREN") {
      options.children = value;
    } else if (row.name == "TAGS") {
      if (!check_tag_rules(value)) {
        return false;
      }
      options.settings[row.name] = absolute_tag_rules(value);
    } else if (row.name == "SIGNAL") {
      if (!check_signal(value)) {
        return false;
      }
      options.settings[row.name] = value;
    } else if (row.name == "WRAPPERS") {
      if (!check_wrappers(value)) {
        return false;
      }
      options.settings[row.name] = absolute_tag_rules(value);
    } else if (!check_setting(with_dashes(row.flag), row.name, value)) {
      return false;
    } else if (row.name == "EXITCODE") {
      options.error_exit_code = value;
    } else if (row.name == "SUPPRESSIONS") {
      const std::string path = readable_file(with_dashes(row.flag), value);
      if (path.empty()) {
        return false;
      }
      options.settings[row.name] = path;
    } else {
      options.settings[row.name] = value;
    }
  }
  if (!check_choice("--format", options.format, kFormats) ||
      !check_choice("--children", options.children, kChildren)) {
    return false;
  }
  if (options.format == "snapshot" && options.report_path.empty() && !options.replace_self) {
    complain("run: --format snapshot is of --report FILE; a snapshot is saved anyway (-o FILE)");
    return false;
  }
  if (options.replace_self && (!options.output_path.empty() || app.count("--top") != 0 ||
                               options.quiet || options.plain_bytes)) {
    complain("run: with --exec nothing of heaptag stays to do that; use --report FILE, --format");
    return false;
  }
  if (app.count("--top") != 0) {
    size_t rows = 0;
    const std::string& value = values["--top"];
    const char* end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, rows);
    if (error != std::errc() || stopped != end) {
      complain("run: --top={}: not a number of rows (0 shows all)", value);
      return false;
    }
    options.top = rows;
  }
  if (options.program.empty()) {
    complain("run: no program; heaptag run [options] [--] PROG ARGS...");
    return false;
  }
  return true;
}

}  // namespace

void adopt_environment(RunOptions& options, const ProgramEnvironment& environment) {
  const auto adopt = [&](std::string& value, const char* name) {
    if (value.empty() && environment.get("HEAPTAG_ROOT").empty()) {
      value = environment.get(name);
    }
  };
  adopt(options.report_path, "HEAPTAG_REPORT");
  adopt(options.format, "HEAPTAG_FORMAT");
  adopt(options.children, "HEAPTAG_CHILDREN");
  adopt(options.error_exit_code, "HEAPTAG_EXITCODE");
  if (!check_choice("HEAPTAG_FORMAT", options.format, kFormats)) {
    options.format.clear();
  }
  if (!check_choice("HEAPTAG_CHILDREN", options.children, kChildren)) {
    options.children.clear();
  }
  if (!options.error_exit_code.empty() &&
      !check_setting("HEAPTAG_EXITCODE", "EXITCODE", options.error_exit_code)) {
    options.error_exit_code.clear();
  }
  if (options.children.empty()) {
    const bool one_per_process = has_placeholder(options.report_path, 'p');
    options.children = one_per_process ? "report" : "findings";
  }
}

std::variant<RunOptions, ExitStatus> parse_run_options(const Arguments& arguments) {
  RunOptions options;
  std::map<std::string, std::string> values;
  CLI::App app;
  app.set_help_flag("-h,--help", "this text");
  add_options(app, options, values);

  OwnWords own;
  if (Splitter(app, arguments).split(own) != 0) {
    return kUsageOrCouldNot;
  }
  options.program.assign(arguments.begin() + static_cast<ptrdiff_t>(own.program_index),
                         arguments.end());
  try {
    std::reverse(own.words.begin(), own.words.end());  // CLI11 takes them from the back
    app.parse(own.words);
  } catch (const CLI::CallForHelp&) {
    print_run_help(app);
    return kDone;
  } catch (const CLI::ParseError& error) {
    complain("run: {}", error.what());
    return kUsageOrCouldNot;
  }
  if (!finish(options, values, app)) {
    return kUsageOrCouldNot;
  }
  return options;
}

}  // namespace heaptag::tools
