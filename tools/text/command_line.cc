#include "tools/text/command_line.h"

#include <fmt/core.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <vector>

#include "tools/text/nearest.h"

namespace heaptag::tools {

CommandLine::CommandLine(std::string name, const std::string& summary)
    : name_(std::move(name)), app_(summary, "heaptag " + name_) {
  app_.set_help_flag("-h,--help", "this text");
}

std::optional<ExitStatus> CommandLine::parse(const Arguments& arguments) {
  Arguments words = arguments;
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  try {
    app_.parse(words);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app_.help());
    return kDone;
  } catch (const CLI::ExtrasError&) {
    return complain_extra();
  } catch (const CLI::ParseError& error) {
    complain("{}: {}; heaptag {} --help", name_, error.what(), name_);
    return kUsageOrCouldNot;
  }
  return std::nullopt;
}

ExitStatus CommandLine::complain_extra() {
  const std::string word = app_.remaining().front();
  if (!word.starts_with('-')) {
    complain("{}: {} is one word too many; heaptag {} --help", name_, word, name_);
    return kUsageOrCouldNot;
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : app_.get_options()) {
    const auto& longs = option->get_lnames();
    names.insert(names.end(), longs.begin(), longs.end());
  }
  const std::string bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  const std::string close = nearest(bare.substr(0, bare.find('=')), names);
  complain(
      "{}: no option {}; {}", name_, word,
      close.empty() ? "heaptag " + name_ + " --help lists them" : "did you mean --" + close + "?");
  return kUsageOrCouldNot;
}

}  // namespace heaptag::tools
