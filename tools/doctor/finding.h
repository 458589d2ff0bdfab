// What the doctor finds: one row each.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace heaptag::tools {

enum class Grade { kOk, kWarning, kFailure };

/// What a failure does to the program.
enum class Harm {
  kBarred,         // heaptag does not get in, or the program does not start
  kCountsNothing,  // it runs, with somebody else's malloc
  kHindered,       // it is counted, and something that was asked for does not come
  kUnseen,         // none that is known: it may not be looked at
};

struct Finding {
  Grade grade = Grade::kOk;
  std::string topic;              // "privilege"
  std::string text;               // what is so, and what it means
  std::vector<std::string> next;  // what to type or change instead, one line each
  std::string verdict;            // of a failure: "PROG cannot run under heaptag: VERDICT"
  Harm harm = Harm::kHindered;    // of a failure
};

using Findings = std::vector<Finding>;

inline Finding ok(std::string topic, std::string text) {
  return {Grade::kOk, std::move(topic), std::move(text), {}, "", Harm::kHindered};
}

inline Finding warning(std::string topic, std::string text, std::vector<std::string> next = {}) {
  return {Grade::kWarning, std::move(topic), std::move(text), std::move(next), "", Harm::kHindered};
}

inline Finding failure(Harm harm,
                       std::string topic,
                       std::string verdict,
                       std::string text,
                       std::vector<std::string> next = {}) {
  return {Grade::kFailure, std::move(topic),   std::move(text),
          std::move(next), std::move(verdict), harm};
}

inline const Finding* first_failure_or_null(const Findings& findings) {
  for (const Finding& one : findings) {
    if (one.grade == Grade::kFailure) {
      return &one;
    }
  }
  return nullptr;
}

/// All of it: the verdict in a sentence, the rows, and what to type.
struct Diagnosis {
  std::string verdict;
  bool is_told = true;  // that it can or cannot
  Findings findings;
  std::vector<std::pair<std::string, std::string>> commands;  // "run it", "heaptag run -- ..."
};

inline void append(Findings& findings, Findings more) {
  for (Finding& one : more) {
    findings.push_back(std::move(one));
  }
}

}  // namespace heaptag::tools
