#include "tools/doctor/doctor_options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "tools/run/unknown_option.h"
#include "tools/text/message.h"

namespace heaptag::tools {
namespace {

constexpr const char* kHelp =
    "heaptag doctor                       this machine\n"
    "heaptag doctor TARGET                a process: a pid, or a program's name if it runs once\n"
    "heaptag doctor [--tags RULES|@FILE] -- PROG ARGS...\n"
    "                                     a program, which is not run\n\n"
    "Says whether a program can run under heaptag, whether a process does and may be read, or\n"
    "whether this machine is ready; why not, and what to type instead.\n\n"
    "  --tags RULES|@FILE    tag rules: what of the program behind -- each would match\n"
    "  -h, --help            this text\n\n"
    "  heaptag doctor --tags 'net=lib:libssl*' -- ./server --port 8080\n\n"
    "Exit status: 0 it can be (warnings allowed), 1 something fails, 2 usage or it cannot be\n"
    "told.\n";

ExitStatus complain_extra(const CLI::App& app) {
  const std::string word = app.remaining().front();
  if (word.starts_with('-')) {
    const std::string bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
    complain_unknown_option("doctor", app, word.substr(0, word.find('=')),
                            bare.substr(0, bare.find('=')));
  } else {
    complain("doctor: {} is one word too many; a program with arguments goes behind --", word);
  }
  return kUsageOrCouldNot;
}

}  // namespace

std::variant<DoctorOptions, ExitStatus> parse_doctor_options(const Arguments& arguments) {
  DoctorOptions options;
  std::string tags;
  CLI::App app("", "heaptag doctor");
  app.set_help_flag("-h,--help", "this text");
  app.add_option("TARGET", options.process, "a pid, or a program's name if it runs once");
  app.add_option("--tags", tags, "tag rules: what of the program behind -- each would match")
      ->type_name("RULES|@FILE");
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  Arguments words(arguments.begin(), dashes);
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", kHelp);
    return kDone;
  } catch (const CLI::ExtrasError&) {
    return complain_extra(app);
  } catch (const CLI::ParseError& error) {
    complain("doctor: {}; heaptag doctor --help", error.what());
    return kUsageOrCouldNot;
  }
  if (dashes != arguments.end()) {
    options.program.assign(dashes + 1, arguments.end());
    if (options.program.empty() || options.program[0].empty()) {
      complain("doctor: no program behind --; heaptag doctor -- PROG ARGS...");
      return kUsageOrCouldNot;
    }
  }
  if (app.count("TARGET") != 0 && options.process.empty()) {
    complain("doctor: the target is empty; heaptag doctor PID, heaptag doctor -- PROG ARGS...");
    return kUsageOrCouldNot;
  }
  if (!options.process.empty() && !options.program.empty()) {
    complain("doctor: a process or a program, not both: {} and {}", options.process,
             options.program[0]);
    return kUsageOrCouldNot;
  }
  if (app.count("--tags") != 0) {
    if (options.program.empty()) {
      complain("doctor: --tags is of a program: heaptag doctor --tags RULES -- PROG ARGS...");
      return kUsageOrCouldNot;
    }
    options.tags = tags;
  }
  return options;
}

}  // namespace heaptag::tools
