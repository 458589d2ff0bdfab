// A sub-command: a row of the table in main.cc, one cmd_NAME.cc each.
#pragma once

#include <string>
#include <vector>

namespace heaptag::tools {

using Arguments = std::vector<std::string>;

/// What every sub-command but `run` exits with.
enum ExitStatus : int {
  kDone = 0,
  kFoundSomething = 1,
  kUsageOrCouldNot = 2,
  // `run` and nothing else, as env(1) and timeout(1):
  kHeaptagFailed = 125,
  kNotExecutable = 126,
  kNotFound = 127,
};

struct Command {
  const char* name;
  const char* arguments;  // as in the usage line
  const char* summary;    // one line of `heaptag --help`
  int (*run)(const Arguments& arguments);
};

int cmd_run(const Arguments& arguments);
int cmd_report(const Arguments& arguments);
int cmd_snapshot(const Arguments& arguments);
int cmd_ls(const Arguments& arguments);
int cmd_vmstat(const Arguments& arguments);
int cmd_doctor(const Arguments& arguments);
int cmd_areas(const Arguments& arguments);

}  // namespace heaptag::tools
