#include "tools/run/environment.h"

#include <unistd.h>

#include <algorithm>

namespace heaptag::tools {
namespace {

bool is_entry_of(const std::string& entry, const std::string& name) {
  return entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name);
}

}  // namespace

ProgramEnvironment::ProgramEnvironment() {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    entries_.emplace_back(*entry);
  }
}

void ProgramEnvironment::set(const std::string& name, const std::string& value) {
  const std::string wanted = name + "=" + value;
  for (std::string& entry : entries_) {
    if (is_entry_of(entry, name)) {
      entry = wanted;
      return;
    }
  }
  entries_.push_back(wanted);
}

void ProgramEnvironment::unset(const std::string& name) {
  std::erase_if(entries_, [&](const std::string& entry) { return is_entry_of(entry, name); });
}

std::string ProgramEnvironment::get(const std::string& name) const {
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const std::string& one) { return is_entry_of(one, name); });
  return entry == entries_.end() ? "" : entry->substr(name.size() + 1);
}

void ProgramEnvironment::prepend_preload(const std::string& library) {
  std::string value = library;
  const std::string existing = get("LD_PRELOAD");
  for (size_t begin = 0; begin < existing.size();) {
    const size_t end = std::min(existing.find_first_of(" :", begin), existing.size());
    const std::string entry = existing.substr(begin, end - begin);
    if (!entry.empty() && entry != library) {
      value += ":" + entry;
    }
    begin = end + 1;
  }
  set("LD_PRELOAD", value);
}

char* const* ProgramEnvironment::data() {
  pointers_.clear();
  for (std::string& entry : entries_) {
    pointers_.push_back(entry.data());
  }
  pointers_.push_back(nullptr);
  return pointers_.data();
}

}  // namespace heaptag::tools
