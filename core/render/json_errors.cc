#include "core/render/json_errors.h"

namespace heaptag::render {
namespace {

void write_neighbour(JsonWriter& json, const Neighbour& neighbour) {
  json.open('{');
  json.signed_field("distance", neighbour.distance);
  json.field("size", neighbour.size);
  json.field("tag", neighbour.owner);
  json.field("state", neighbour.state);
  json.flag("intact", neighbour.intact);
  json.close('}');
}

/// Seconds since the block was freed, or else since it was allocated.
void write_age(JsonWriter& json, const Error& error) {
  const Event& event = error.freed.age_known ? error.freed : error.allocated;
  if (!event.age_known) {
    json.null_field("age_s");
    return;
  }
  constexpr uint64_t kNsPerMs = 1'000'000;
  const uint64_t ms = event.age_ns / kNsPerMs;
  NumberText seconds = format_decimal(ms / 1000);
  seconds.append('.');
  for (const unsigned scale : {100U, 10U, 1U}) {
    seconds.append(static_cast<char>('0' + ms / scale % 10));
  }
  json.key("age_s");
  json.value(seconds.view());
}

void write_thread_and_age(JsonWriter& json,
                          std::string_view thread_name,
                          std::string_view age_name,
                          const Event& event) {
  json.field_if(event.thread != 0, thread_name, event.thread);
  json.field_if(event.age_known, age_name, event.age_ns);
}

}  // namespace

void write_error(JsonWriter& json, const Error& error) {
  const bool is_in_block = error.block != 0;
  json.open('{');
  json.field("kind", error.kind);
  json.hex_field("address", error.address);
  json.field_if(is_in_block || error.size != 0, "size", error.size);
  json.signed_field("offset", error.offset);
  json.field_if(error.length != 0, "length", error.length);
  json.field("expected", error.expected);
  json.field("found", error.found);
  json.field("tag", error.owner);
  json.field_if(error.detected.thread != 0, "thread", error.detected.thread);
  write_frames(json, "allocated_by", error.allocated.frames, error.allocated.frame_count);
  write_frames(json, "freed_by", error.freed.frames, error.freed.frame_count);
  write_frames(json, "detected_at", error.detected.frames, error.detected.frame_count);
  json.field("found_when", error.found_when);
  json.field("count", error.count);
  write_age(json, error);
  json.field_if(error.frees_ago_known, "frees_ago", error.frees_ago);
  json.field("before", error.before);
  json.field("after", error.after);
  json.key("neighbours");
  json.open('[');
  for (size_t i = 0; i < error.neighbour_count; ++i) {
    write_neighbour(json, error.neighbours[i]);
  }
  json.close(']');
  json.key("block");
  if (is_in_block) {
    json.hex_value(error.block);
  } else {
    json.value("null");
  }
  json.field("block_state", error.block_state);
  json.field("caught_by", error.caught_by);
  json.field("value_is", error.value_is);
  json.flag("withdrawn", error.withdrawn);
  json.flag("refused", error.refused);
  json.field("advice", error.advice);
  write_thread_and_age(json, "allocated_thread", "allocated_age_ns", error.allocated);
  write_thread_and_age(json, "freed_thread", "freed_age_ns", error.freed);
  json.field_if(error.detected.age_known, "detected_age_ns", error.detected.age_ns);
  json.close('}');
}

}  // namespace heaptag::render
