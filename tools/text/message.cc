#include "tools/text/message.h"

#include "tools/text/write_all.h"

namespace heaptag::tools {

void complain_text(const std::string& text) {
  std::string line = "heaptag: ";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  line += '\n';
  write_all(2, line);
}

}  // namespace heaptag::tools
