// The registry (core/wire/areas_registry.h) as a process has it: its file, its lock, and who we
// are. Layer: core/areas.  Allocates: no.  errno: never touched.
#pragma once

#include <string_view>

#include "core/config/area_options.h"
#include "core/wire/areas_registry.h"

namespace heaptag::areas {

/// The options; every registry is opened by them. Called before any other function, by the
/// constructor of the library. `options` is copied, but for the name space, which is borrowed.
void configure(const config::AreaOptions& options);

const config::AreaOptions& settings();

inline bool speaks_haiku() {
  return settings().dialect == config::AreaDialect::kHaiku;
}

/// This process, as records name it.
struct Self {
  uint32_t pid = 0;
  uint64_t start_time = 0;
  uint64_t pid_namespace = 0;
  uint32_t areas = 0;         // how many records are ours
  uint32_t seen_changes = 0;  // AreasHeader::changes when ours were last looked at
};

/// A path on the caller's stack.
struct SharedPath {
  char text[128];
};

SharedPath path_of_registry();
SharedPath path_of_file(int32_t id);

/// The registry, locked and whole, with every signal of this thread blocked. Where is_open says
/// no, there is none: nothing may be done but to return kError.
class Session {
 public:
  Session() : is_open_(begin()) {}

  ~Session() {
    if (is_open_) {
      end();
    }
  }

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  bool is_open() const { return is_open_; }

  /// The same in two halves, for fork.
  static bool begin();
  static void end();

 private:
  bool is_open_;
};

// All that follows: within a session.

wire::AreasHeader& header();
wire::AreaRecord* area_records();
wire::ObjectRecord* object_records();
Self& self();

/// Gives memory to the first `areas` and `objects` records, so that touching them cannot fail.
bool back_records(uint32_t areas, uint32_t objects);

/// A new id. Ids only grow, until they have reached the largest number.
int32_t next_id();

/// The mask of signals that the session's end brings back.
uint64_t session_mask();

/// Has this process ever opened the registry?
bool is_in_use();

/// Nobody opens it meanwhile, so that a forked child can. Signals are blocked.
void hold_opening();
void release_opening();

}  // namespace heaptag::areas
