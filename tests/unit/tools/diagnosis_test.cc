// How a diagnosis reads.
#include "tools/doctor/diagnosis.h"

#include <gtest/gtest.h>

#include "tools/doctor/diagnosis_text.h"

namespace heaptag::tools {
namespace {

TEST(Diagnosis, RowsStandInColumns) {
  Diagnosis diagnosis;
  diagnosis.verdict = "/usr/sbin/orderd can run under heaptag; 1 warning";
  diagnosis.findings = {ok("program", "x86-64, dynamic"),
                        warning("HEAPTAG_TAGS", "2 rules", {"one way"}),
                        failure(Harm::kBarred, "access", "why", "no", {"first", "second"})};
  diagnosis.commands = {{"run it", "heaptag run -- /usr/sbin/orderd"}};
  EXPECT_EQ(as_text(diagnosis, 100),
            "/usr/sbin/orderd can run under heaptag; 1 warning\n"
            "  ok    program      x86-64, dynamic\n"
            "  warn  HEAPTAG_TAGS 2 rules\n"
            "        do           one way\n"
            "  FAIL  access       no\n"
            "        do one of    first\n"
            "                     second\n"
            "  run it:            heaptag run -- /usr/sbin/orderd\n");
}

TEST(Diagnosis, TextsAreWrappedAndCommandsAreNot) {
  const std::string word(30, 'x');
  Diagnosis diagnosis;
  diagnosis.findings = {ok("symbols", word + " " + word + " " + word)};
  diagnosis.commands = {{"run it", std::string(200, 'y')}};
  EXPECT_EQ(as_text(diagnosis, 83), "\n  ok    symbols      " + word + " " + word + "\n" +
                                        std::string(21, ' ') + word +
                                        "\n  run it:            " + std::string(200, 'y') + "\n");
}

TEST(Diagnosis, ATerminalObeysNoName) {
  Diagnosis diagnosis;
  diagnosis.verdict = "a\x1b[2Jb";
  diagnosis.findings = {ok("x\x07", "y\nz \x1b]0;t\x07")};
  for (const char c : as_text(diagnosis, 80)) {
    EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << static_cast<int>(c);
  }
}

TEST(Diagnosis, WarningsAreCounted) {
  EXPECT_EQ(warnings_text({ok("a", "")}), "");
  EXPECT_EQ(warnings_text({warning("a", ""), ok("b", "")}), "; 1 warning");
  EXPECT_EQ(warnings_text({warning("a", ""), warning("b", "")}), "; 2 warnings");
}

TEST(Diagnosis, TheCommandIsNamedAsItWasCalled) {
  Diagnosis diagnosis;
  diagnosis.findings = {warning("a", "heaptag run", {"sudo -u '#1' heaptag run -- heaptag x"})};
  diagnosis.commands = {{"run it", "A=1 heaptag run -- x"}, {"other", "cd /a/heaptag && make"}};
  name_command(diagnosis, "build/heaptag", "/opt/heaptag");
  EXPECT_EQ(diagnosis.findings[0].text, "heaptag run");
  EXPECT_EQ(diagnosis.findings[0].next[0], "sudo -u '#1' /opt/heaptag run -- heaptag x");
  EXPECT_EQ(diagnosis.commands[0].second, "A=1 build/heaptag run -- x");
  EXPECT_EQ(diagnosis.commands[1].second, "cd /a/heaptag && make");
}

TEST(Diagnosis, LinesForSystemd) {
  EXPECT_EQ(systemd_line({"LD_PRELOAD=/usr/lib/libheaptag.so", "HEAPTAG_PROGRAMS=orderd"}),
            "Environment=LD_PRELOAD=/usr/lib/libheaptag.so HEAPTAG_PROGRAMS=orderd");
  EXPECT_EQ(systemd_line({"A=1", "HEAPTAG_TAGS=a=func:x*; \"b\"=lib:y"}),
            "Environment=A=1 \"HEAPTAG_TAGS=a=func:x*; \\\"b\\\"=lib:y\"");
  EXPECT_EQ(systemd_line({"HEAPTAG_REPORT=/tmp/%e.%p"}), "Environment=HEAPTAG_REPORT=/tmp/%%e.%%p");
}

}  // namespace
}  // namespace heaptag::tools
