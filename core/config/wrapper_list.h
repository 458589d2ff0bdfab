// Functions that allocate on behalf of their caller, as text: FUNCTION_GLOB[@LIB_GLOB], separated
// by commas or newlines, # comments up to the end of the line.
// Layer: core/config.  Allocates: no.  Everything is lent from the text.
//
//     wrappers  wrapper { ( "," | newline ) wrapper }    blank ones are nothing
//     wrapper   glob [ "@" glob ]                        the first @ counts: of foo@@V1 behind it
//                                                        is "@V1"
//     glob      characters without , ; @ # " ' and line ends (behind the @, also @), or what stands
//               between "..." or '...'
//
// Blanks around globs and separators are nothing; quotes and comments are as in tag rules.
#pragma once

#include <string_view>

#include "core/config/mistake.h"

namespace heaptag::config {

/// Told about every wrapper, in order. One with a mistake is told as one and left out; what follows
/// it is read.
struct WrapperVisitor {
  /// `function` may also be an address, module+0x1f: the list does not care. `library` is "*" when
  /// none is given.
  void (*wrapper)(void* context, std::string_view function, std::string_view library);
  void (*mistake)(void* context, const Mistake& mistake);
  void* context;
};

/// Reads all wrappers of `text`. Cost: O(text).
void read_wrapper_list(std::string_view text, const WrapperVisitor& visitor);

}  // namespace heaptag::config
