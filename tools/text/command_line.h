// The words that the user typed after a sub-command: CLI11, with our words for what is wrong.
#pragma once

#include <CLI/App.hpp>
#include <map>
#include <optional>
#include <string>

#include "tools/command.h"
#include "tools/text/message.h"

namespace heaptag::tools {

class CommandLine {
 public:
  CommandLine(std::string name, const std::string& summary);

  CLI::App& app() { return app_; }

  /// Nothing when all is well; else what to exit with: the reason, or the help that was asked for,
  /// has been printed.
  std::optional<ExitStatus> parse(const Arguments& arguments);

  /// A word of a list; a complaint with all of them otherwise.
  template <typename Value>
  bool choose(const char* option,
              const std::string& word,
              const std::map<std::string, Value>& choices,
              Value& value) {
    if (word.empty()) {
      return true;
    }
    const auto found = choices.find(word);
    if (found == choices.end()) {
      std::string list;
      for (const auto& [choice, ignored] : choices) {
        list += (list.empty() ? "" : ", ") + choice;
      }
      complain("{}: {}={}: not one of {}", name_, option, word, list);
      return false;
    }
    value = found->second;
    return true;
  }

 private:
  ExitStatus complain_extra();

  std::string name_;
  CLI::App app_;
};

}  // namespace heaptag::tools
