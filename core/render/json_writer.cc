#include "core/render/json_writer.h"

#include "core/base/text.h"

namespace heaptag::render {
namespace {

void write_frame(JsonWriter& json, const Frame& frame) {
  json.open('{');
  json.field("module", frame.module);
  json.field("build_id", frame.build_id);
  json.hex_field("offset", frame.offset);
  json.field("function", frame.function);
  json.field("file", frame.file);
  json.field_if(frame.line != 0, "line", frame.line);
  json.flag("inlined", frame.inlined);
  if (frame.function != nullptr) {
    json.hex_field("function_offset", frame.function_offset);
  }
  json.close('}');
}

}  // namespace

void JsonWriter::put_quoted(std::string_view text) {
  out_.put_char('"');
  size_t clean = 0;  // bytes that can be passed on as they are
  while (clean < text.size()) {
    const Utf8Char next = decode_utf8(drop_first(text, clean));
    const uint32_t c = next.code_point;
    if (next.valid && c >= 0x20 && c != 0x7F && c != '"' && c != '\\') {
      clean += next.length_bytes;
      continue;
    }
    out_.put(take_first(text, clean));
    put_escaped(next);
    text.remove_prefix(clean + next.length_bytes);
    clean = 0;
  }
  out_.put(text);
  out_.put_char('"');
}

void JsonWriter::put_escaped(Utf8Char c) {
  if (!c.valid) {
    out_.put(kReplacement);
    return;
  }
  switch (c.code_point) {
    case '"':
      return out_.put("\\\"");
    case '\\':
      return out_.put("\\\\");
    case '\n':
      return out_.put("\\n");
    case '\r':
      return out_.put("\\r");
    case '\t':
      return out_.put("\\t");
    default:
      break;
  }
  constexpr char kHex[] = "0123456789abcdef";
  const char escape[] = {
      '\\', 'u', '0', '0', kHex[c.code_point >> 4 & 15], kHex[c.code_point & 15]};
  out_.put({escape, sizeof escape});
}

void write_frames(JsonWriter& json, std::string_view name, const Frame* frames, size_t count) {
  json.key(name);
  json.open('[');
  for (size_t i = 0; i < count; ++i) {
    write_frame(json, frames[i]);
  }
  json.close(']');
}

}  // namespace heaptag::render
