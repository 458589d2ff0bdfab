#include "tools/run/unknown_option.h"

#include <vector>

#include "tools/run/foreign_options.h"
#include "tools/run/option_rows.h"
#include "tools/text/message.h"
#include "tools/text/nearest.h"

namespace heaptag::tools {
namespace {

/// What we have in the place of another tool's option.
std::string answer_to(const ForeignOption& foreign,
                      const std::string& command,
                      const CLI::App& app) {
  if (foreign.ours.empty()) {
    return "heaptag has nothing like it";
  }
  if (app.get_option_no_throw(with_dashes(foreign.ours)) != nullptr) {
    return "heaptag's is " + with_dashes(foreign.ours);
  }
  if (command != "run" && has_option_flag(foreign.ours)) {
    return "heaptag's is heaptag run " + with_dashes(foreign.ours);
  }
  return "heaptag has none yet";
}

}  // namespace

std::string with_dashes(const std::string& name) {
  return (name.size() == 1 ? "-" : "--") + name;
}

void complain_unknown_option(const std::string& command,
                             const CLI::App& app,
                             const std::string& word,
                             const std::string& name) {
  const std::string spelled = with_dashes(name).size() < word.size() ? with_dashes(name) : word;
  if (const auto foreign = find_foreign_option(name)) {
    complain("{}: no option {} (that is {}'s); {}", command, spelled, foreign->owner,
             answer_to(*foreign, command, app));
    return;
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    const auto& longs = option->get_lnames();
    names.insert(names.end(), longs.begin(), longs.end());
  }
  const std::string close = nearest(name, names);
  complain("{}: no option {}; {}", command, spelled,
           close.empty() ? "heaptag " + command + " --help lists them"
                         : "did you mean --" + close + "?");
}

}  // namespace heaptag::tools
