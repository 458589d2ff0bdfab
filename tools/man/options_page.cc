// Prints the man page heaptag.7: the environment variables, from the one table of options.
#include <cstdio>
#include <string>

namespace {

struct Row {
  const char* name;
  const char* flag;
  const char* default_value;  // as the table spells it
  const char* help;
};

constexpr Row kRows[] = {
#define HEAPTAG_OPTION(name, flag, kind, default_value, help) {#name, flag, #default_value, help},
#include "core/config/options.def"
#undef HEAPTAG_OPTION
};

/// Text that roff takes as it is: no escapes, no dash that becomes a hyphen, no request.
std::string roff(const char* text) {
  std::string out;
  for (const char* c = text == nullptr ? "" : text; *c != '\0'; ++c) {
    if (*c == '\\') {
      out += "\\e";
    } else if (*c == '-') {
      out += "\\-";
    } else if (out.empty() && (*c == '.' || *c == '\'')) {
      out += std::string("\\&") + *c;
    } else {
      out += *c;
    }
  }
  return out;
}

std::string default_of(const Row& row) {
  std::string value = row.default_value;
  if (value == "nullptr" || value == "\"\"") {
    return "";
  }
  if (value.size() >= 2 && value.front() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  return value;
}

}  // namespace

int main() {
  std::printf(
      ".TH HEAPTAG 7 \"\" \"heaptag %s\" \"Environment variables\"\n"
      ".SH NAME\n"
      "heaptag \\- environment variables of libheaptag.so\n"
      ".SH SYNOPSIS\n"
      ".B LD_PRELOAD=libheaptag.so\n"
      ".BI HEAPTAG_REPORT= PATH\n"
      ".I PROG ARGS...\n"
      ".SH DESCRIPTION\n"
      ".I libheaptag.so\n"
      "is a malloc that is preloaded onto a program. It reads these variables when the program\n"
      "starts. A name or value that it does not know is said in one line; the program runs all "
      "the\n"
      "same. Most are an option of\n"
      ".B heaptag run\n"
      "too.\n"
      ".SH VARIABLES\n",
      HEAPTAG_VERSION);
  for (const Row& row : kRows) {
    std::printf(".TP\n.B HEAPTAG_%s\n%s.\n", row.name, roff(row.help).c_str());
    if (const std::string value = default_of(row); !value.empty()) {
      std::printf("Default: %s.\n", roff(value.c_str()).c_str());
    }
    if (row.flag != nullptr && row.flag[0] != '\0') {
      std::printf("Option:\n.BR \\-\\-%s .\n", roff(row.flag).c_str());
    }
  }
  std::printf(
      ".PP\n"
      "In paths: %%p pid, %%e program, %%n first free number, %%t time, %%h host, %%%% a percent\n"
      "sign. Sizes take K, M and G, powers of 1024.\n"
      ".SH SEE ALSO\n"
      ".BR heaptag (1),\n"
      ".BR ld.so (8)\n");
  return 0;
}
