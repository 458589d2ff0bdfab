#include "core/render/text_errors.h"

#include <cstring>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/render/error_bytes.h"
#include "core/render/error_kinds.h"
#include "core/render/error_lines.h"
#include "core/render/text_notes.h"

namespace heaptag::render {
namespace {

constexpr size_t kFunctionColumns = 20;
constexpr size_t kMostFunctionColumns = 48;

using Then = ErrorTextOptions::Then;

uint64_t pid_of(const ErrorTextOptions& options) {
  return options.process == nullptr ? 0 : options.process->pid;
}

bool is_known(const Event& event) {
  return event.frame_count != 0 || event.thread != 0 || event.age_known;
}

bool has_line(const Frame& frame) {
  return frame.file != nullptr && frame.line != 0;
}

/// "src/conn.c:141", "libconn.so+0x2b7c1", "0x7f3a40012368".
void write_place(const Frame& frame, const Sink& out) {
  if (has_line(frame)) {
    put_printable(out, frame.file);
    out.put_char(':');
    out.put(format_decimal(frame.line).view());
    return;
  }
  if (frame.module != nullptr) {
    put_printable(out, base_name(frame.module));
    out.put_char('+');
  }
  out.put(format_hex(frame.offset).view());
}

std::string_view name_of(const ErrorKind& kind, const Error& error) {
  return error.kind == nullptr ? kind.name : error.kind;
}

/// The place in the function that the linker knows, of the call that leads the SUMMARY; or null.
const Frame* leading_frame_or_null(const Error& error) {
  const Event* event = &error.detected;
  if (!is_caught_in_the_act(error)) {
    switch (error_kind(error).culprit) {
      case Culprit::kFreer:
        event = &error.freed;
        break;
      case Culprit::kAllocator:
        event = &error.allocated;
        break;
      case Culprit::kDetector:
        break;
    }
  }
  for (size_t i = 0; i < event->frame_count; ++i) {
    if (!event->frames[i].inlined) {
      return &event->frames[i];
    }
  }
  return nullptr;
}

/// "use-after-free-write src/conn.c:141 in conn_close"
void write_key(const Error& error, const Sink& out) {
  put_printable(out, name_of(error_kind(error), error));
  const Frame* frame = leading_frame_or_null(error);
  if (frame == nullptr) {
    if (error.owner != nullptr) {
      out.put(" of a block of ");
      put_printable(out, error.owner);
    }
    return;
  }
  out.put_char(' ');
  write_place(*frame, out);
  if (frame->function != nullptr) {
    out.put(" in ");
    put_printable(out, frame->function);
  }
}

class ErrorText {
 public:
  ErrorText(const Error& error, const ErrorTextOptions& options, const Sink& out)
      : error_(error),
        options_(options),
        kind_(error_kind(error)),
        is_act_(is_caught_in_the_act(error)),
        lines_(pid_of(options), out) {}

  void write() const {
    write_first_lines();
    write_block();
    write_error_bytes(error_, lines_);
    write_evidence();
    const bool leads = is_act_ || kind_.culprit == Culprit::kDetector;
    if (leads) {
      write_detected();
    }
    write_event("Freed", error_.freed, error_.frees_ago_known);
    write_event("Allocated", error_.allocated, false);
    if (!leads) {
      write_detected();
    }
    write_neighbours();
    write_consequences();
    write_next();
  }

 private:
  void write_first_lines() const {
    const Sink& out = lines_.begin();
    out.put("heaptag: ERROR: ");
    put_printable(out, name_of(kind_, error_));
    out.put(": ");
    if (kind_.access != nullptr && error_.length != 0) {
      put_counted(out, error_.length, "byte");
      out.put(" at ");
    }
    out.put(format_hex(error_.address).view());
    lines_.end();
    lines_.begin().put(kind_.sentence);
    out.put(how_found(error_));
    out.put(".");
    lines_.end();
    if (error_.count > 1) {
      lines_.begin().put("It was seen ");
      put_counted(out, error_.count, "time");
      out.put(", or others like it.");
      lines_.end();
    }
    lines_.blank();
  }

  void write_block() const {
    if (error_.block == 0) {
      return;
    }
    const Sink& out = lines_.begin();
    out.put("Block ");
    out.put(format_hex(error_.block).view());
    out.put(", ");
    put_counted(out, error_.size, "byte");
    for (const char* part : {error_.owner, error_.block_state}) {
      if (part != nullptr) {
        out.put(", ");
        put_printable(out, part);
      }
    }
    out.put(".");
    if (kind_.access != nullptr) {
      out.put_char(' ');
      out.put(access());
      out.put(": ");
      write_range(out);
    } else if (error_.offset != 0) {
      out.put(" The pointer is ");
      put_counted(out, distance(error_.offset), "byte");
      out.put(error_.offset < 0 ? " before it." : " into it.");
    }
    lines_.end();
  }

  /// Something that was caught is what was done, else what came of it.
  const char* access() const {
    return is_act_ && std::strcmp(kind_.access, "Changed") == 0 ? "Written" : kind_.access;
  }

  static uint64_t distance(int64_t offset) {
    return offset < 0 ? -static_cast<uint64_t>(offset) : static_cast<uint64_t>(offset);
  }

  void write_range(const Sink& out) const {
    const int64_t first = error_.offset;
    out.put(error_.length > 1 ? "bytes " : error_.length == 1 ? "byte " : "from byte ");
    out.put(format_signed(first).view());
    if (error_.length > 1) {
      out.put(first < 0 ? " to " : "-");
      out.put(format_signed(static_cast<int64_t>(static_cast<uint64_t>(first) + error_.length - 1))
                  .view());
    }
    out.put(error_.length == 0 ? " on" : "");
    if (first < 0) {
      out.put(", before its beginning");
    } else if (static_cast<uint64_t>(first) >= error_.size) {
      const uint64_t behind = static_cast<uint64_t>(first) - error_.size;
      out.put(", ");
      if (behind != 0) {
        put_counted(out, behind, "byte");
      }
      out.put(behind == 0 ? "right behind its end" : " behind its end");
    }
  }

  /// What was expected and found, when it is no bytes.
  void write_evidence() const {
    if (error_.expected == nullptr || error_.found == nullptr) {
      return;
    }
    const char* allocated = nullptr;
    const char* freed = nullptr;
    switch (kind_.evidence) {
      case Evidence::kSizes:
        allocated = "Allocated with size ";
        freed = ", freed with size ";
        break;
      case Evidence::kFamilies:
        allocated = "Allocated by ";
        freed = ", freed by ";
        break;
      case Evidence::kTags:
        allocated = "Allocated under ";
        freed = ", freed under ";
        break;
      case Evidence::kNone:
      case Evidence::kBytes:
        return;
    }
    const Sink& out = lines_.begin();
    out.put(allocated);
    put_printable(out, error_.expected);
    out.put(freed);
    put_printable(out, error_.found);
    out.put(".");
    lines_.end();
  }

  void write_thread(std::string_view preposition, uint64_t thread) const {
    if (thread == 0) {
      return;
    }
    const Sink& out = lines_.sink();
    out.put(preposition);
    if (thread == pid_of(options_)) {
      out.put("the main thread");
    } else {
      out.put("thread ");
      out.put(format_decimal(thread).view());
    }
  }

  /// "Freed 1.8 s ago (2,317 frees ago) by thread 20819:", and its frames.
  void write_event(std::string_view verb, const Event& event, bool knows_frees) const {
    if (!is_known(event)) {
      return;
    }
    const Sink& out = lines_.begin();
    out.put(verb);
    if (event.age_known) {
      out.put_char(' ');
      out.put(format_duration(event.age_ns).view());
      out.put(" ago");
    }
    if (knows_frees) {
      out.put(" (");
      put_counted(out, error_.frees_ago, "free");
      out.put(" ago)");
    }
    write_thread(" by ", event.thread);
    out.put(event.frame_count != 0 ? ":" : ".");
    lines_.end();
    write_frames(event);
  }

  /// "Detected in thread 20817, in malloc(96) called by:", or who was caught.
  void write_detected() const {
    const Event& event = error_.detected;
    if (is_act_ && kind_.access != nullptr) {
      write_event(access(), event, false);
      return;
    }
    if (!is_known(event) && error_.caught_by == nullptr) {
      return;
    }
    const Sink& out = lines_.begin();
    out.put("Detected");
    write_thread(" in ", event.thread);
    if (error_.caught_by != nullptr) {
      out.put(event.thread != 0 ? ", " : " ");
      put_printable(out, error_.caught_by);
      out.put(event.frame_count != 0 ? " called by" : "");
    }
    out.put(event.frame_count != 0 ? ":" : ".");
    lines_.end();
    write_frames(event);
  }

  void write_frames(const Event& event) const {
    size_t columns = kFunctionColumns;
    for (size_t i = 0; i < event.frame_count; ++i) {
      const char* function = event.frames[i].function;
      const size_t wanted = function == nullptr ? 0 : count_columns(function);
      columns = wanted > columns && wanted <= kMostFunctionColumns ? wanted : columns;
    }
    for (size_t i = 0; i < event.frame_count; ++i) {
      const Frame& frame = event.frames[i];
      const Sink& out = lines_.begin();
      out.put("    #");
      out.put(format_decimal(i).view());
      out.put_char(' ');
      if (frame.function != nullptr) {
        put_printable(out, frame.function);
        const size_t used = count_columns(frame.function);
        put_repeated(out, ' ', used < columns ? columns - used : 0);
        out.put(" ");
      }
      write_place(frame, out);
      lines_.end();
    }
  }

  void write_neighbours() const {
    if (error_.neighbour_count == 0) {
      return;
    }
    const Sink& out = lines_.begin();
    out.put("Neighbours: ");
    for (size_t i = 0; i < error_.neighbour_count; ++i) {
      const Neighbour& neighbour = error_.neighbours[i];
      out.put(i == 0 ? "" : "; ");
      out.put(neighbour.distance < 0 ? "" : "+");
      out.put(format_signed(neighbour.distance).view());
      const char* separator = " ";
      for (const char* part : {neighbour.owner, neighbour.state}) {
        if (part != nullptr) {
          out.put(separator);
          put_printable(out, part);
          separator = ", ";
        }
      }
      if (neighbour.owner != nullptr) {
        out.put(neighbour.intact ? ", intact" : ", damaged");
      }
    }
    out.put(".");
    lines_.end();
  }

  bool is_writer_unseen() const { return kind_.evidence == Evidence::kBytes && !is_act_; }

  void write_consequences() const {
    const char* what = error_.withdrawn ? "The block is withdrawn"
                       : error_.refused ? "The call did nothing"
                                        : nullptr;
    if (what != nullptr || options_.then != Then::kNotSaid) {
      const Sink& out = lines_.begin();
      out.put(what == nullptr ? "" : what);
      out.put(what == nullptr || options_.then == Then::kNotSaid ? "" : "; ");
      if (options_.then != Then::kNotSaid) {
        out.put(what == nullptr ? "The program " : "the program ");
        out.put(options_.then == Then::kGoesOn ? "goes on" : "is aborted");
      }
      out.put(".");
      lines_.end();
    }
    if (is_writer_unseen()) {
      lines_.begin().put(kind_.culprit == Culprit::kFreer
                             ? "The writer itself was not seen: it ran between free and now."
                             : "The writer itself was not seen: it ran after the allocation.");
      lines_.end();
    }
  }

  void write_next() const {
    if (error_.advice != nullptr) {
      lines_.begin().put("What to try next:");
      lines_.end();
      put_printable(begin_command(), error_.advice);
      lines_.end();
    } else if (is_writer_unseen()) {
      lines_.begin().put("To catch it in the act:");
      lines_.end();
      write_guarding_command();
    } else if (error_.block != 0 && error_.allocated.frame_count == 0) {
      lines_.begin().put("To see who allocated the block, and who freed it:");
      lines_.end();
      write_command("--check ");
    }
  }

  const Sink& begin_command() const {
    const Sink& out = lines_.begin();
    out.put("    ");
    return out;
  }

  void write_command(std::string_view run_options) const {
    const Process unknown;
    write_run_command(options_.process == nullptr ? unknown : *options_.process, run_options,
                      begin_command());
    lines_.end();
  }

  void write_guarding_command() const {
    const std::string_view owner = error_.owner == nullptr ? "" : error_.owner;
    char guarding[160];
    BufferSink text(guarding, sizeof guarding);
    const Sink sink = text.sink();
    const std::string_view quote = is_plain_word(owner) ? "" : "'";
    sink.put("--check --guard=");
    sink.put(quote);
    sink.put("tag:");
    put_printable(sink, owner);
    sink.put(quote);
    sink.put(" ");
    const bool can_be_typed = !owner.empty() && !text.truncated() && !has_quote(owner);
    write_command(can_be_typed ? text.view() : "--check=full ");
  }

  static bool has_quote(std::string_view text) {
    return std::memchr(text.data(), '\'', text.size()) != nullptr;
  }

  const Error& error_;
  const ErrorTextOptions& options_;
  const ErrorKind& kind_;
  bool is_act_;
  ErrorLines lines_;
};

}  // namespace

void write_error_text(const Error& error, const ErrorTextOptions& options, const Sink& out) {
  ErrorText(error, options, out).write();
  write_error_summary(error, options, out);
}

void write_error_repeat(const Error& error, const ErrorTextOptions& options, const Sink& out) {
  const ErrorLines lines(pid_of(options), out);
  lines.begin().put("heaptag: ");
  write_key(error, out);
  out.put(": seen again (");
  put_counted(out, error.count, "time");
  out.put(")");
  lines.end();
}

void write_error_summary(const Error& error, const ErrorTextOptions& options, const Sink& out) {
  const ErrorLines lines(pid_of(options), out);
  lines.begin().put("SUMMARY: heaptag: ");
  write_key(error, out);
  lines.end();
}

}  // namespace heaptag::render
