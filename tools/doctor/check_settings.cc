#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/config/options.h"
#include "tools/doctor/proc_text.h"
#include "tools/doctor/program_checks.h"

namespace heaptag::tools {
namespace {

/// The entries as the library reads them.
class EntryPointers {
 public:
  explicit EntryPointers(const std::vector<std::string>& entries) {
    for (const std::string& entry : entries) {
      pointers_.push_back(const_cast<char*>(entry.c_str()));
    }
    pointers_.push_back(nullptr);
  }

  char** data() { return pointers_.data(); }

 private:
  std::vector<char*> pointers_;
};

void add_preloads(const ProgramFacts& program, Findings& findings) {
  const std::string value = variable(program.environment, "LD_PRELOAD").value_or("");
  for (const std::string& entry : preload_entries(value)) {
    const std::string name = file_name(entry);
    if (name.starts_with("libheaptag.so")) {
      continue;
    }
    const ElfFacts elf = read_elf_facts(entry);
    const std::string conflict = preload_conflict(entry, elf);
    if (!conflict.empty()) {
      findings.push_back(warning(
          "LD_PRELOAD",
          fmt::format("has {}, which {}: heaptag run puts itself before it, and its malloc is not "
                      "used; behind it, heaptag would count nothing",
                      name, conflict),
          {"unset LD_PRELOAD"}));
    } else if (entry.find('/') != std::string::npos && !elf.is_elf) {
      findings.push_back(warning("LD_PRELOAD",
                                 fmt::format("has {}, which cannot be read: the loader will "
                                             "complain and go on",
                                             entry),
                                 {"unset LD_PRELOAD"}));
    } else {
      findings.push_back(
          ok("LD_PRELOAD", fmt::format("has {}, which stays, behind heaptag", name)));
    }
  }
}

void add_report_path(const ProgramFacts& program, Findings& findings) {
  const auto path = variable(program.environment, "HEAPTAG_REPORT");
  if (!path || path->empty()) {
    return;
  }
  const std::string reason = why_not_writable(*path);
  if (reason.empty()) {
    findings.push_back(ok("report", fmt::format("will be written as {}", *path)));
  } else {
    findings.push_back(failure(Harm::kHindered, "report", "its report cannot be written",
                               fmt::format("HEAPTAG_REPORT={}: {}", *path, reason),
                               {"HEAPTAG_REPORT=/tmp/%e.%p.txt"}));
  }
}

}  // namespace

std::string why_not_writable(const std::string& path_pattern) {
  struct stat status = {};
  if (stat(path_pattern.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      return "it is a directory; name a file in it";
    }
    if (!S_ISREG(status.st_mode)) {  // a device or a pipe is written into
      return access(path_pattern.c_str(), W_OK) == 0 ? "" : std::strerror(errno);
    }
  }
  const size_t slash = path_pattern.find_last_of('/');
  const std::string folder = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path_pattern.substr(0, slash);
  if (folder.find('%') != std::string::npos) {
    return "";  // depends on the process
  }
  if (stat(folder.c_str(), &status) != 0) {
    return fmt::format("{}: {}", folder, std::strerror(errno));
  }
  if (!S_ISDIR(status.st_mode)) {
    return folder + " is no directory";
  }
  return access(folder.c_str(), W_OK | X_OK) == 0
             ? ""
             : fmt::format("{} is not writable: {}", folder, std::strerror(errno));
}

Findings check_option_names(const ProgramFacts& program) {
  Findings findings;
  const config::Complaints complaints{
      [](void* context, std::string_view name, std::string_view value, std::string_view advice) {
        static_cast<Findings*>(context)->push_back(
            warning("options", fmt::format("{}={} {}; it is ignored", name, value, advice)));
      },
      &findings};
  EntryPointers entries(program.environment);
  config::read_options(entries.data(), complaints);
  return findings;
}

Findings check_settings(const ProgramFacts& program) {
  Findings findings;
  add_preloads(program, findings);
  add_report_path(program, findings);
  append(findings, check_option_names(program));
  return findings;
}

}  // namespace heaptag::tools
