// What is said of each kind of error. Layer: core/render.  Allocates: no.
#pragma once

#include <string_view>

#include "core/render/model.h"

namespace heaptag::render {

/// Whose mistake an error is taken for: that event leads its SUMMARY line.
enum class Culprit : uint8_t { kFreer, kAllocator, kDetector };

/// What Error::expected and found hold.
enum class Evidence : uint8_t { kNone, kBytes, kSizes, kFamilies, kTags };

struct ErrorKind {
  const char* name;      // DESIGN 2.6
  const char* sentence;  // what happened, without a full stop
  const char* access;    // "Changed" or "Read": heads the bytes; null: it is about a pointer
  Culprit culprit;       // where the error was not caught in the act
  Evidence evidence;
};

/// The row of a kind; a kind of a later version gets one that says little.
const ErrorKind& error_kind(const Error& error);

/// Was the instruction itself caught?
bool is_caught_in_the_act(const Error& error);

/// "; seen when the block was about to be reused", or nothing where it says nothing new.
std::string_view how_found(const Error& error);

}  // namespace heaptag::render
