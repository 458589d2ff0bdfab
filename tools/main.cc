// heaptag, the command: finds the sub-command and lets it run.
#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <exception>

#include "tools/command.h"
#include "tools/text/message.h"
#include "tools/text/nearest.h"

namespace heaptag::tools {
namespace {

// One row per sub-command that exists; help, dispatch and the answer to a typing error come from
// it.
constexpr Command kCommands[] = {
    {"run", "[options] [--] PROG ARGS...", "run a program under heaptag and report its memory",
     cmd_run},
    {"report", "[TARGET] [options]", "show a running process, or a saved report", cmd_report},
    {"snapshot", "[PID] [-o FILE]", "save the figures of a running process", cmd_snapshot},
    {"ls", "", "list the processes that run under heaptag", cmd_ls},
    {"vmstat", "[PID] [-M] [-m]", "MALLOC's memory in a running process, by bucket and type",
     cmd_vmstat},
    {"doctor", "[PID | -- PROG ARGS...]", "can it run under heaptag, be read? what to type instead",
     cmd_doctor},
    {"areas", "[--gc] [--json]", "list the areas (BeOS) of this user's programs", cmd_areas},
};

void print_help() {
  fmt::print("heaptag: who owns the memory of a program, exactly\n\n");
  for (const Command& command : kCommands) {
    fmt::print("  heaptag {}{}{}\n      {}\n", command.name, *command.arguments == '\0' ? "" : " ",
               command.arguments, command.summary);
  }
  fmt::print(
      "  heaptag --version, heaptag --help\n\n"
      "`heaptag COMMAND --help` lists the options of one; `man heaptag` says more.\n"
      "Without this command:  LD_PRELOAD=libheaptag.so HEAPTAG_REPORT=FILE PROG ARGS...\n");
}

int complain_about(const std::string& word) {
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    names.emplace_back(command.name);
  }
  if (word.starts_with('-')) {
    complain("no option {} before a command; `heaptag --help` lists the commands", word);
  } else if (word.find('/') != std::string::npos) {
    complain("no command {}; to run a program: heaptag run -- {}", word, word);
  } else if (const std::string close = nearest(word, names); !close.empty()) {
    complain("no command {}; did you mean {}?", word, close);
  } else {
    complain("no command {}; there is: {}", word, fmt::join(names, ", "));
  }
  return kUsageOrCouldNot;
}

/// With a standard descriptor closed, the next file that is opened takes its number, and messages
/// would go there. A program that is run still gets it closed: O_CLOEXEC.
void occupy_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) {
      [[maybe_unused]] const int same = open("/dev/null", O_RDWR | O_CLOEXEC);
    }
  }
}

int run_main(const Arguments& arguments) {
  if (arguments.empty()) {
    complain("a command is missing; `heaptag --help` lists them, heaptag run -- PROG is the first");
    return kUsageOrCouldNot;
  }
  const std::string& word = arguments.front();
  if (word == "--help" || word == "-h" || word == "help") {
    print_help();
    return kDone;
  }
  if (word == "--version") {
    fmt::print("heaptag {}\n", HEAPTAG_VERSION);
    return kDone;
  }
  for (const Command& command : kCommands) {
    if (word == command.name) {
      return command.run(Arguments(arguments.begin() + 1, arguments.end()));
    }
  }
  return complain_about(word);
}

}  // namespace
}  // namespace heaptag::tools

int main(int argc, char** argv) {
  heaptag::tools::occupy_standard_descriptors();
  try {
    return heaptag::tools::run_main(
        heaptag::tools::Arguments(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const std::exception& error) {
    heaptag::tools::complain("cannot go on: {}", error.what());
    return heaptag::tools::kUsageOrCouldNot;
  }
}
