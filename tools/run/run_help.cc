#include "tools/run/run_help.h"

#include <fmt/format.h>

#include <sstream>

namespace heaptag::tools {
namespace {

constexpr size_t kHelpColumn = 24;
constexpr size_t kLineWidth = 96;

std::string wrap(const std::string& text) {
  std::istringstream words(text);
  std::string out;
  std::string word;
  size_t column = kHelpColumn;
  while (words >> word) {
    if (column != kHelpColumn && column + 1 + word.size() > kLineWidth) {
      out += "\n" + std::string(kHelpColumn, ' ');
      column = kHelpColumn;
    } else if (column != kHelpColumn) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string left_side(const CLI::Option& option) {
  std::string text;
  for (const std::string& name : option.get_snames()) {
    text += (text.empty() ? "-" : ", -") + name;
  }
  for (const std::string& name : option.get_lnames()) {
    text += (text.empty() ? "--" : ", --") + name;
  }
  if (option.get_items_expected_max() > 0) {
    const std::string value = option.get_type_name();
    text += option.get_items_expected_min() == 0 ? "[=" + value + "]" : " " + value;
  }
  return text;
}

}  // namespace

void print_run_help(const CLI::App& app) {
  fmt::print(
      "heaptag run [options] [--] PROG ARGS...\n\n"
      "Runs PROG with heaptag as its malloc. Its input, output, signals and status stay its own;\n"
      "afterwards the report goes to stderr and is saved.\n\n");
  for (const CLI::Option* option : app.get_options()) {
    const std::string left = "  " + left_side(*option);
    const std::string gap = left.size() + 2 > kHelpColumn
                                ? "\n" + std::string(kHelpColumn, ' ')
                                : std::string(kHelpColumn - left.size(), ' ');
    fmt::print("{}{}{}\n", left, gap, wrap(option->get_description()));
  }
  fmt::print(
      "\nEach option from --report on is an environment variable of the library too: "
      "HEAPTAG_REPORT\n"
      "and so on, see heaptag(7). -o takes the placeholders of --report.\n"
      "Exit status: PROG's own (its signal too), but 23 (--error-exitcode) in place of 0 when an\n"
      "option that checks has found an error; 2 usage, 125 heaptag failed, 126 PROG cannot be\n"
      "executed, 127 PROG not found.\n");
}

std::string value_name(const OptionRow& row) {
  constexpr std::pair<const char*, const char*> kByFlag[] = {{"format", "text|json|snapshot"},
                                                             {"log", "FILE|stderr|syslog"},
                                                             {"children", "report|findings|off"},
                                                             {"check", "basic|full"},
                                                             {"on-error", "report|abort"},
                                                             {"redzone", "BYTES"},
                                                             {"suppressions", "FILE"}};
  constexpr std::pair<const char*, const char*> kByKind[] = {
      {"kPath", "PATH"},         {"kGlobs", "GLOBS"},
      {"kRules", "RULES|@FILE"}, {"kSignal", "NAME"},
      {"kWord", "WORD"},         {"kSize", "SIZE"},
      {"kNumber", "N"},          {"kBool", "0|1"},
      {"kList", "LIST"},         {"kGuard", "1/N|all|tag:NAME|off"}};
  for (const auto& [flag, name] : kByFlag) {
    if (row.flag == flag) {
      return name;
    }
  }
  for (const auto& [kind, name] : kByKind) {
    if (row.kind == kind) {
      return name;
    }
  }
  return "VALUE";
}

std::string bare_value(const OptionRow& row) {
  if (row.kind == "kLevel") {
    const std::string words = value_name(row);
    return words.substr(0, words.find('|'));
  }
  return row.kind == "kBool" ? "1" : "";
}

}  // namespace heaptag::tools
