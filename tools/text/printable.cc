#include "tools/text/printable.h"

#include "core/base/format.h"
#include "core/base/utf8.h"

namespace heaptag::tools {

std::string printable(const std::string& text) {
  std::string shown;
  const Sink sink{[](void* context, const char* data, size_t size_bytes) {
                    static_cast<std::string*>(context)->append(data, size_bytes);
                  },
                  &shown};
  put_printable(sink, text);
  return shown;
}

std::string padded(const std::string& text, size_t columns) {
  const size_t used = count_columns(text);
  return text + std::string(columns > used ? columns - used : 0, ' ');
}

}  // namespace heaptag::tools
