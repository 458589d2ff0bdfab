// The file that a command word stands for, and what the kernel makes of it.
#pragma once

#include <string>
#include <vector>

namespace heaptag::tools {

/// The file that executing `program` runs: looked up in PATH if it has no slash, "" if not found.
std::string find_executable(const std::string& program);

/// The words behind the #! of a script: its interpreter and what that is given; none otherwise. As
/// the kernel sees them: a carriage return is part of a word.
std::vector<std::string> script_words(const std::string& file);

/// The first of them, or "".
std::string script_interpreter(const std::string& file);

/// What `env` of "#!/usr/bin/env -S NAME=VALUE python3 -u" runs: the first word that is neither an
/// option nor a variable.
std::string program_of_env(const std::vector<std::string>& words);

/// What the kernel makes of the beginning of a file.
enum class FileKind {
  kUnreadable,  // not there, not a regular file, or not for us
  kElf,
  kScript,  // with #! and an interpreter
  kText,    // neither: shells and execvp hand it to /bin/sh
  kData     // none of these
};

FileKind kind_of(const std::string& file);

/// A program name without the carriage return that a line of DOS leaves on it.
std::string without_carriage_return(std::string word);

/// The program that really runs: the interpreter of a script, its interpreter, and what
/// `/usr/bin/env NAME` finds; of text without #!, /bin/sh. `file` itself when it is no script; ""
/// when one does not exist.
/// `through` becomes the scripts on the way.
std::string running_file(std::string file, std::vector<std::string>& through);

/// Why the kernel gives a program more rights than its user has, so that the loader ignores
/// LD_PRELOAD.
enum class Privilege { kNone, kSetuid, kSetgid, kCapabilities };

/// What executing the file would give to this process, and whether it is marked at all.
struct FilePrivilege {
  Privilege gained = Privilege::kNone;
  Privilege marked = Privilege::kNone;
};

FilePrivilege privilege_of(const std::string& file);

}  // namespace heaptag::tools
