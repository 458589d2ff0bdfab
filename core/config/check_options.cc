#include "core/config/check_options.h"

#include "core/base/text.h"
#include "core/config/size_text.h"

namespace heaptag::config {
namespace {

constexpr uint64_t kMostFrames = 64;
constexpr uint64_t kMostRedzoneBytes = 2048;
constexpr uint64_t kLargestStatus = 255;

// What HEAPTAG_CHECK means where nothing else was said.
constexpr uint32_t kCheckedStack = 16;
constexpr uint32_t kCheckedRedzoneBytes = 16;
constexpr uint32_t kBasicGuardEvery = 1000;

bool read_between(std::string_view text, uint64_t least, uint64_t most, uint64_t* value) {
  return read_number(text, value) == SizeProblem::kFine && *value >= least && *value <= most;
}

}  // namespace

bool CheckReader::read(std::string_view name, const char* value) {
  if (name == "HEAPTAG_CHECK") {
    read_level(name, value);
  } else if (name == "HEAPTAG_KMEM_DEBUG") {
    read_kmem_debug(name, value);
  } else if (name == "HEAPTAG_QUARANTINE") {
    read_quarantine(name, value);
  } else if (name == "HEAPTAG_REDZONE") {
    read_redzone(name, value);
  } else if (name == "HEAPTAG_GUARD") {
    read_guard(name, value);
  } else if (name == "HEAPTAG_ON_ERROR") {
    read_on_error(name, value);
  } else if (name == "HEAPTAG_EXITCODE") {
    read_exit_code(name, value);
  } else if (name == "HEAPTAG_SUPPRESSIONS") {
    read_suppressions(name, value);
  } else if (name == "HEAPTAG_STACK") {
    read_stack(name, value);
  } else {
    return false;
  }
  return true;
}

CheckOptions CheckReader::result() const {
  CheckOptions all = options_;
  if (level_ == Level::kNone) {
    return all;
  }
  if (!kmem_debug_given_) {
    all.kmem_debug = true;
  }
  if (!redzone_given_) {
    all.redzone_bytes = kCheckedRedzoneBytes;
  }
  if (!guard_given_) {
    all.guard_every = level_ == Level::kFull ? 1 : kBasicGuardEvery;
  }
  if (all.on_error == OnError::kDefault) {
    all.on_error = OnError::kReport;
  }
  if (all.stack == 0) {
    all.stack = kCheckedStack;
  }
  return all;
}

void CheckReader::read_level(std::string_view name, std::string_view value) {
  if (value == "basic") {
    level_ = Level::kBasic;
  } else if (value == "full") {
    level_ = Level::kFull;
  } else {
    complain(name, value, "is neither basic nor full");
  }
}

void CheckReader::read_kmem_debug(std::string_view name, std::string_view value) {
  if (value != "0" && value != "1") {
    complain(name, value, "is neither 0 nor 1");
    return;
  }
  options_.kmem_debug = value == "1";
  kmem_debug_given_ = true;
}

void CheckReader::read_quarantine(std::string_view name, std::string_view value) {
  uint64_t bytes = 0;
  switch (read_size(value, &bytes)) {
    case SizeProblem::kNoSize:
      return complain(name, value, "is no size: use 0, 256K, 64M, 1G");
    case SizeProblem::kTooLarge:
      return complain(name, value, "is more than any program can have");
    case SizeProblem::kFine:
      break;
  }
  // The largest number stands for "not given".
  options_.quarantine_bytes =
      bytes < CheckOptions::kDefaultBytes ? bytes : CheckOptions::kDefaultBytes - 1;
}

void CheckReader::read_redzone(std::string_view name, std::string_view value) {
  uint64_t bytes = 0;
  if (!read_between(value, 0, kMostRedzoneBytes, &bytes)) {
    complain(name, value, "is no number of bytes from 0 to 2048");
    return;
  }
  options_.redzone_bytes = static_cast<uint32_t>(bytes);
  redzone_given_ = true;
}

void CheckReader::read_guard(std::string_view name, std::string_view value) {
  constexpr std::string_view kAligned = ",aligned";
  constexpr std::string_view kOneIn = "1/";
  constexpr std::string_view kTag = "tag:";
  std::string_view which = value;
  const bool is_aligned = which.ends_with(kAligned);
  which.remove_suffix(is_aligned ? kAligned.size() : 0);
  uint64_t every = 0;
  std::string_view tag;
  const bool is_one_in = which.starts_with(kOneIn) &&
                         read_between(drop_first(which, kOneIn.size()), 1, UINT32_MAX, &every);
  if (which == "all") {
    every = 1;
  } else if (which.starts_with(kTag) && which.size() > kTag.size()) {
    tag = drop_first(which, kTag.size());
  } else if (!is_one_in && (which != "off" || is_aligned)) {
    complain(name, value, "is none of 1/1000, all, tag:NAME, off (,aligned may follow)");
    return;
  }
  options_.guard_every = static_cast<uint32_t>(every);
  options_.guard_tag = tag.data();
  options_.guard_tag_bytes = tag.size();
  options_.guard_aligned = is_aligned;
  options_.guard_named = true;
  guard_given_ = true;
}

void CheckReader::read_on_error(std::string_view name, std::string_view value) {
  if (value == "report") {
    options_.on_error = OnError::kReport;
  } else if (value == "abort") {
    options_.on_error = OnError::kAbort;
  } else {
    complain(name, value, "is neither report nor abort");
  }
}

void CheckReader::read_exit_code(std::string_view name, std::string_view value) {
  uint64_t status = 0;
  if (read_between(value, 1, kLargestStatus, &status)) {
    options_.exit_code = static_cast<int>(status);
  } else {
    complain(name, value, "is no exit status from 1 to 255");
  }
}

void CheckReader::read_suppressions(std::string_view name, const char* value) {
  if (value[0] == '\0') {
    complain(name, value, "is empty: give a file");
  } else {
    options_.suppressions = value;
  }
}

void CheckReader::read_stack(std::string_view name, std::string_view value) {
  uint64_t frames = 0;
  if (read_between(value, 1, kMostFrames, &frames)) {
    options_.stack = static_cast<uint32_t>(frames);
  } else {
    complain(name, value, "is no number of frames from 1 to 64");
  }
}

}  // namespace heaptag::config
