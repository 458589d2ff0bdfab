#include "tools/run/setting_check.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/config/options.h"
#include "tools/text/message.h"

namespace heaptag::tools {

bool check_setting(const std::string& typed, const std::string& name, const std::string& value) {
  std::string entry = "HEAPTAG_" + name + "=" + value;
  char* environment[] = {entry.data(), nullptr};
  std::string advice;
  const auto note = [](void* context, std::string_view, std::string_view, std::string_view text) {
    *static_cast<std::string*>(context) = text;
  };
  config::read_options(environment, {note, &advice});
  if (!advice.empty()) {
    complain("run: {}={} {}", typed, value, advice);
  }
  return advice.empty();
}

std::string readable_file(const std::string& typed, const std::string& path) {
  if (access(path.c_str(), R_OK) != 0) {
    complain("run: {}={}: {}", typed, path, std::strerror(errno));
    return "";
  }
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.string();
}

}  // namespace heaptag::tools
