#include "tools/program/executable.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

namespace heaptag::tools {
namespace {

constexpr int kMostScripts = 5;  // the kernel gives up there, too

}  // namespace

std::string find_executable(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    return program;
  }
  const char* path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "/bin:/usr/bin" : path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    std::string file = (directory.empty() ? "." : directory) + "/" + program;
    struct stat status = {};
    if (access(file.c_str(), X_OK) == 0 && stat(file.c_str(), &status) == 0 &&
        S_ISREG(status.st_mode)) {
      return file;
    }
  }
  return "";
}

std::vector<std::string> script_words(const std::string& file) {
  std::vector<std::string> words;
  struct stat status = {};
  if (stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return words;  // a pipe would make us wait
  }
  std::ifstream script(file, std::ios::binary);
  char line[256] = {};
  script.read(line, sizeof line - 1);
  if (std::strncmp(line, "#!", 2) != 0) {
    return words;
  }
  line[std::strcspn(line, "\n")] = '\0';
  for (char *rest = line + 2, *word = nullptr; (word = strtok_r(rest, " \t", &rest)) != nullptr;) {
    words.emplace_back(word);
  }
  return words;
}

std::string script_interpreter(const std::string& file) {
  const std::vector<std::string> words = script_words(file);
  return words.empty() ? "" : words[0];
}

FileKind kind_of(const std::string& file) {
  struct stat status = {};
  if (stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode) ||
      access(file.c_str(), R_OK) != 0) {
    return FileKind::kUnreadable;
  }
  char begin[128] = {};
  std::ifstream content(file, std::ios::binary);
  content.read(begin, sizeof begin);
  const std::string_view head(begin, static_cast<size_t>(content.gcount()));
  if (head.starts_with("\177ELF")) {
    return FileKind::kElf;
  }
  if (!script_words(file).empty()) {
    return FileKind::kScript;
  }
  // As shells tell them apart: a NUL in the first line.
  return head.substr(0, head.find('\n')).find('\0') == std::string_view::npos ? FileKind::kText
                                                                              : FileKind::kData;
}

std::string without_carriage_return(std::string word) {
  if (word.ends_with('\r')) {
    word.pop_back();
  }
  return word;
}

std::string program_of_env(const std::vector<std::string>& words) {
  for (size_t i = 1; i < words.size(); ++i) {
    if (!words[i].starts_with('-') && words[i].find('=') == std::string::npos) {
      return words[i];
    }
  }
  return "";
}

std::string running_file(std::string file, std::vector<std::string>& through) {
  for (int depth = 0; depth < kMostScripts; ++depth) {
    const std::vector<std::string> words = script_words(file);
    if (words.empty()) {
      if (kind_of(file) == FileKind::kText) {
        through.push_back(file);
        file = "/bin/sh";
      }
      break;
    }
    through.push_back(file);
    const std::string& interpreter = words[0];
    const std::string behind_env =
        interpreter.ends_with("/env") ? program_of_env(words) : std::string();
    file = behind_env.empty() ? interpreter : find_executable(behind_env);
  }
  return file;
}

FilePrivilege privilege_of(const std::string& file) {
  FilePrivilege privilege;
  struct stat status = {};
  struct statvfs system = {};
  if (stat(file.c_str(), &status) != 0 ||
      (statvfs(file.c_str(), &system) == 0 && (system.f_flag & ST_NOSUID) != 0)) {
    return privilege;
  }
  if ((status.st_mode & S_ISUID) != 0) {
    privilege.marked = Privilege::kSetuid;
    if (status.st_uid != geteuid()) {
      privilege.gained = Privilege::kSetuid;
    }
  }
  // Without permission to execute for the group, the bit is a mark for locks.
  if ((status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IXGRP) != 0) {
    privilege.marked = privilege.marked == Privilege::kNone ? Privilege::kSetgid : privilege.marked;
    if (status.st_gid != getegid() && privilege.gained == Privilege::kNone) {
      privilege.gained = Privilege::kSetgid;
    }
  }
  if (getxattr(file.c_str(), "security.capability", nullptr, 0) > 0) {
    privilege.marked =
        privilege.marked == Privilege::kNone ? Privilege::kCapabilities : privilege.marked;
    if (geteuid() != 0 && privilege.gained == Privilege::kNone) {
      privilege.gained = Privilege::kCapabilities;  // root has them all anyway
    }
  }
  return privilege;
}

}  // namespace heaptag::tools
