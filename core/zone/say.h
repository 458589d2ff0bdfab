// What a zone has to tell people, by ways that the layers above provide. Layer: core/zone.
#pragma once

#include <initializer_list>
#include <string_view>

#include "core/base/types.h"

namespace heaptag::zone {

/// Set once, before main. Null: nobody listens.
struct Listener {
  void (*say)(std::initializer_list<std::string_view> parts);  // one line
  void (*list_sites)(TagId tag);  // a line for each site with blocks of the tag
};

extern constinit Listener listener;

inline void say(std::initializer_list<std::string_view> parts) {
  if (listener.say != nullptr) {
    listener.say(parts);
  }
}

}  // namespace heaptag::zone
