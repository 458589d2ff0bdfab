#include "core/config/signal_name.h"

#include <cstddef>

#include "core/base/edit_distance.h"
#include "core/base/text.h"

namespace heaptag::config {

namespace {

constexpr int kFirstRealTime = 34;  // SIGRTMIN of glibc, which keeps 32 and 33 for itself
constexpr int kLastSignal = 64;
constexpr size_t kMaxNameBytes = 12;

struct Row {
  std::string_view name;
  int number;
  std::string_view refusal;  // empty: it may be used
};

constexpr std::string_view kNever = "never reaches a program";
constexpr std::string_view kFault = "tells of a fault in the program";
constexpr std::string_view kStop = "stops the program";

// Linux on x86-64.
constexpr Row kRows[] = {
    {"USR1", 10, ""},
    {"USR2", 12, ""},
    {"HUP", 1, ""},
    {"INT", 2, ""},
    {"QUIT", 3, ""},
    {"ILL", 4, kFault},
    {"TRAP", 5, "is the debugger's"},
    {"ABRT", 6, "ends a program that has given up"},
    {"IOT", 6, "ends a program that has given up"},
    {"BUS", 7, kFault},
    {"FPE", 8, kFault},
    {"KILL", 9, kNever},
    {"SEGV", 11, kFault},
    {"PIPE", 13, ""},
    {"ALRM", 14, ""},
    {"TERM", 15, ""},
    {"STKFLT", 16, ""},
    {"CHLD", 17, ""},
    {"CLD", 17, ""},
    {"CONT", 18, ""},
    {"STOP", 19, kNever},
    {"TSTP", 20, kStop},
    {"TTIN", 21, kStop},
    {"TTOU", 22, kStop},
    {"URG", 23, ""},
    {"XCPU", 24, ""},
    {"XFSZ", 25, ""},
    {"VTALRM", 26, ""},
    {"PROF", 27, ""},
    {"WINCH", 28, ""},
    {"IO", 29, ""},
    {"POLL", 29, ""},
    {"PWR", 30, ""},
    {"SYS", 31, "is the sandbox's"},
    {"32", 32, "is the C library's own"},
    {"33", 33, "is the C library's own"},
};

// Of up to four digits; -1 when it is none.
int number_of(std::string_view text) {
  if (text.empty() || text.size() > 4) {
    return -1;
  }
  int number = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') {
      return -1;
    }
    number = number * 10 + (digit - '0');
  }
  return number;
}

// RTMIN, RTMIN+n, RTMAX, RTMAX-n; -1 when it is none of these.
int real_time_number(std::string_view name) {
  const bool from_first = name.starts_with("RTMIN");
  if (!from_first && !name.starts_with("RTMAX")) {
    return -1;
  }
  const std::string_view rest = drop_first(name, 5);
  if (rest.empty()) {
    return from_first ? kFirstRealTime : kLastSignal;
  }
  const int distance = rest[0] == (from_first ? '+' : '-') ? number_of(drop_first(rest, 1)) : -1;
  if (distance < 0) {
    return -1;
  }
  const int number = from_first ? kFirstRealTime + distance : kLastSignal - distance;
  return number >= kFirstRealTime && number <= kLastSignal ? number : -1;
}

const Row* find_row(std::string_view name, int number) {
  for (const Row& row : kRows) {
    if (row.name == name || row.number == number) {
      return &row;
    }
  }
  return nullptr;
}

std::string_view nearest(std::string_view name) {
  if (name.starts_with("RT")) {
    return "RTMIN+1";
  }
  const Row* best = &kRows[0];
  size_t least = SIZE_MAX;
  for (const Row& row : kRows) {
    const size_t found = edit_distance(name, row.name);
    if (row.refusal.empty() && found < least) {
      least = found;
      best = &row;
    }
  }
  return best->name;
}

// In capitals, without SIG.
std::string_view plain_name(std::string_view text, char (&name)[kMaxNameBytes]) {
  const size_t length = text.size() < sizeof(name) ? text.size() : sizeof(name);
  for (size_t i = 0; i < length; ++i) {
    const char c = text[i];
    name[i] = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  const std::string_view whole{name, length};
  return whole.starts_with("SIG") ? drop_first(whole, 3) : whole;
}

}  // namespace

int read_signal(std::string_view text, const Sink& advice) {
  if (text.empty()) {
    advice.put("is empty: give a signal, as USR1");
    return 0;
  }
  char buffer[kMaxNameBytes];
  const std::string_view name = plain_name(text, buffer);
  const int number = number_of(name);
  const Row* row = text.size() <= kMaxNameBytes ? find_row(name, number) : nullptr;
  if (row != nullptr && !row->refusal.empty()) {
    advice.put(row->refusal);
    advice.put(": use USR1, USR2 or RTMIN+1");
    return 0;
  }
  if (row != nullptr) {
    return row->number;
  }
  const int real_time =
      number >= kFirstRealTime && number <= kLastSignal ? number : real_time_number(name);
  if (real_time > 0 && text.size() <= kMaxNameBytes) {
    return real_time;
  }
  if (number >= 0) {
    advice.put("is no signal: they go from 1 to 64");
  } else {
    advice.put("is no signal; the nearest is ");
    advice.put(nearest(name));
  }
  return 0;
}

}  // namespace heaptag::config
