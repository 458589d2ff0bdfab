#include "tools/doctor/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "tools/doctor/diagnosis_text.h"
#include "tools/doctor/machine_checks.h"
#include "tools/doctor/proc_text.h"
#include "tools/doctor/process_checks.h"
#include "tools/doctor/program_checks.h"
#include "tools/live/proc_files.h"
#include "tools/model/rendering.h"
#include "tools/program/executable.h"
#include "tools/run/option_rows.h"

namespace heaptag::tools {
namespace {

/// What must hold before anything else of a program can be asked: up to the first that does not.
Findings check_basics(const ProgramFacts& program) {
  Findings findings;
  for (const auto check : {check_program, check_library, check_privilege}) {
    findings.push_back(check(program));
    if (findings.back().grade == Grade::kFailure) {
      return findings;
    }
  }
  append(findings, check_allocator(program));
  return findings;
}

std::string verdict_on(const std::string& name, const Findings& findings) {
  const Finding* failed = first_failure_or_null(findings);
  if (failed == nullptr) {
    return fmt::format("{} can run under heaptag{}", name, warnings_text(findings));
  }
  if (failed->harm == Harm::kUnseen) {
    return fmt::format("whether {} can run under heaptag cannot be told: {}", name,
                       failed->verdict);
  }
  const char* verb = failed->harm == Harm::kBarred ? "cannot run under heaptag:"
                     : failed->harm == Harm::kCountsNothing
                         ? "can run under heaptag, which would count nothing:"
                         : "can run under heaptag, but";
  return fmt::format("{} {} {}", name, verb, failed->verdict);
}

std::string command_line(const ProgramFacts& program,
                         const std::vector<std::string>& words,
                         const std::optional<std::string>& tags) {
  const std::string setting = helpful_setting(program);
  std::string line = (setting.empty() ? "" : setting + " ") + "heaptag run" +
                     (is_shell_script(program) ? " --children report" : "") +
                     (tags ? " --tags " + shell_word(*tags) : "") + " --";
  for (const std::string& word : words) {
    line += " " + shell_word(word);
  }
  return line;
}

/// Not in another root, and not when it reads a descriptor that is gone by then.
bool can_be_restarted_from_here(const ProgramFacts& program,
                                const std::vector<std::string>& words) {
  return program.root.empty() && std::none_of(words.begin(), words.end(), [](const auto& word) {
           return word.starts_with("/dev/fd/") || word.starts_with("/proc/self/fd/");
         });
}

/// "cd DIR && " when names of files hold in another folder than ours.
std::string enter_folder_of(pid_t pid) {
  std::error_code error;
  const std::string link = fmt::format("/proc/{}/cwd", pid);
  const std::string folder = std::filesystem::read_symlink(link, error).string();
  return error || std::filesystem::equivalent(link, ".", error)
             ? ""
             : fmt::format("cd {} && ", shell_word(without_deleted(folder)));
}

std::string unit_line(const ProgramFacts& program, const std::optional<std::string>& tags) {
  std::vector<std::string> variables = {"LD_PRELOAD=" + program.preload.path};
  const std::string name = program_name(program);
  const auto is_set = [&](const std::string& option) {
    return variable(program.environment, "HEAPTAG_" + option).value_or("") != "";
  };
  // Of a shell it would leave out what the script starts; and some names are no patterns.
  if (!is_set("PROGRAMS") && !is_shell_script(program) &&
      name.find_first_of(",!*?[]\\ \t\n") == std::string::npos) {
    variables.push_back("HEAPTAG_PROGRAMS=" + name);
  }
  if (tags) {
    variables.push_back("HEAPTAG_TAGS=" + *tags);
  }
  // A unit does not inherit what was examined here.
  for (const OptionRow& option : option_rows()) {
    if (is_set(option.name) && !(tags && option.name == "TAGS")) {
      variables.push_back("HEAPTAG_" + option.name + "=" +
                          *variable(program.environment, "HEAPTAG_" + option.name));
    }
  }
  if (const std::string setting = helpful_setting(program); !setting.empty()) {
    variables.push_back(setting);
  }
  return systemd_line(variables);
}

}  // namespace

std::string systemd_line(const std::vector<std::string>& variables) {
  std::string line = "Environment=";
  for (const std::string& variable : variables) {
    std::string escaped;
    for (const char c : variable) {
      escaped += c == '"' || c == '\\' ? std::string{'\\', c} : c == '%' ? "%%" : std::string(1, c);
    }
    const bool needs_quotes = escaped.find_first_of(" \t'\"\\;#") != std::string::npos;
    line += (line.ends_with('=') && &variable == &variables[0] ? "" : " ") +
            (needs_quotes ? "\"" + escaped + "\"" : escaped);
  }
  return line;
}

Diagnosis diagnose_program(const std::vector<std::string>& words,
                           const std::optional<std::string>& tags) {
  const ProgramFacts program = facts_of_command(words);
  Diagnosis diagnosis;
  diagnosis.findings = check_basics(program);
  const bool is_barred = first_failure_or_null(diagnosis.findings) != nullptr;
  if (!is_barred) {
    diagnosis.findings.push_back(check_memory(0));
    diagnosis.findings.push_back(check_symbols(program));
    const auto variable_tags = variable(program.environment, "HEAPTAG_TAGS");
    if (tags) {
      diagnosis.findings.push_back(check_rules(program, "--tags", *tags));
    } else if (variable_tags && !variable_tags->empty()) {
      diagnosis.findings.push_back(check_rules(program, "HEAPTAG_TAGS", *variable_tags));
    }
    append(diagnosis.findings, check_settings(program));
  }
  const Finding* failed = first_failure_or_null(diagnosis.findings);
  if (!is_barred && (failed == nullptr || failed->topic != "--tags")) {
    diagnosis.commands = {{"run it", command_line(program, words, tags)}};
    // Without #! only shells and execvp start it.
    if (program.scripts.empty() || kind_of(program.scripts.back()) == FileKind::kScript) {
      diagnosis.commands.emplace_back("systemd", unit_line(program, tags));
    }
  }
  diagnosis.verdict =
      verdict_on(program.file.empty() ? words[0] : program.file, diagnosis.findings);
  diagnosis.is_told = failed == nullptr || failed->harm != Harm::kUnseen;
  return diagnosis;
}

Diagnosis diagnose_process(pid_t pid) {
  const ProgramFacts program = facts_of_process(pid);
  const std::string name = fmt::format("{}[{}]", program.word, pid);
  Diagnosis diagnosis;
  Findings& findings = diagnosis.findings;
  Preload preload = Preload::kUnknown;
  findings.push_back(check_preloaded(pid, program, preload));
  append(findings, check_container(pid));
  if (preload == Preload::kUnknown) {
    diagnosis.verdict = fmt::format("{} {}", name, findings[0].verdict);
    diagnosis.is_told = findings[0].harm != Harm::kUnseen;
    return diagnosis;
  }
  if (preload == Preload::kNo) {
    const Findings basics = check_basics(program);
    const Finding* barred = first_failure_or_null(basics);
    append(findings, basics);
    diagnosis.verdict =
        fmt::format("{} runs without heaptag, which cannot be added to a running process; {}", name,
                    barred == nullptr ? "restarted, it can run under it"
                                      : "nor can it be restarted under it: " + barred->verdict);
    if (barred == nullptr) {
      findings.push_back(check_memory(pid));
      findings.push_back(check_symbols(program));
      std::vector<std::string> words = read_arguments(pid);
      words.resize(std::max<size_t>(words.size(), 1));
      if (can_be_restarted_from_here(program, words)) {
        diagnosis.commands.emplace_back(
            "restart it", enter_folder_of(pid) + command_line(program, words, std::nullopt));
      }
      diagnosis.commands.emplace_back("systemd", unit_line(program, std::nullopt));
    }
    return diagnosis;
  }
  findings.push_back(check_same_build(pid));
  append(findings, check_its_preloads(program));
  append(findings, check_allocator(program));
  if (first_failure_or_null(findings) == nullptr) {
    append(findings, check_access(pid));
  }
  findings.push_back(check_memory(pid));
  findings.push_back(check_symbols(program));
  append(findings, check_its_settings(pid, program));
  const Finding* failed = first_failure_or_null(findings);
  diagnosis.verdict =
      failed == nullptr
          ? fmt::format("{} runs under heaptag and may be read{}", name, warnings_text(findings))
          : fmt::format("{} runs under heaptag, {} {}", name,
                        failed->harm == Harm::kCountsNothing ? "which counts nothing:" : "but",
                        failed->verdict);
  if (failed == nullptr || failed->topic == "report") {
    diagnosis.commands = {{"next", fmt::format("heaptag report {}", pid)}};
  }
  return diagnosis;
}

Diagnosis diagnose_machine() {
  Diagnosis diagnosis;
  Findings& findings = diagnosis.findings;
  findings = check_versions();
  append(findings, check_other_copies());
  if (first_failure_or_null(findings) == nullptr) {
    findings.push_back(try_preloading());
  }
  findings.push_back(check_reading());
  findings.push_back(check_memory(0));
  findings.push_back(check_debug_files());
  findings.push_back(check_folders());
  const Finding* failed = first_failure_or_null(findings);
  diagnosis.verdict = failed == nullptr
                          ? fmt::format("heaptag {} works on this machine{}", HEAPTAG_VERSION,
                                        warnings_text(findings))
                          : fmt::format("heaptag {} does not work on this machine: {}",
                                        HEAPTAG_VERSION, failed->verdict);
  diagnosis.commands = {{"next", "heaptag doctor -- PROG ARGS..., heaptag doctor PID"}};
  return diagnosis;
}

}  // namespace heaptag::tools
