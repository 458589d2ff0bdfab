// What runs when a command word is executed.
#include "tools/program/executable.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tools/program/elf_facts.h"

namespace heaptag::tools {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class Executable : public testing::Test {
 protected:
  Executable() { std::filesystem::create_directories(folder_); }

  ~Executable() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), 0755);
    return path;
  }

  std::string folder_ = testing::TempDir() + "executable." + std::to_string(getpid());
  std::vector<std::string> through_;
};

std::string built(const char* program) {
  return std::string(HEAPTAG_TEST_BUILD "/tests/programs/") + program;
}

TEST_F(Executable, ScriptsLeadToTheirInterpreter) {
  const std::string script = write("script", "#! /bin/sh -e\nexit 0\n");
  EXPECT_THAT(script_words(script), ElementsAre("/bin/sh", "-e"));
  EXPECT_EQ(running_file(script, through_), "/bin/sh");
  EXPECT_THAT(through_, ElementsAre(script));
}

TEST_F(Executable, ScriptsOfScripts) {
  const std::string inner = write("inner", "#!/bin/sh\n");
  const std::string outer = write("outer", "#!" + inner + "\n");
  EXPECT_EQ(running_file(outer, through_), "/bin/sh");
  EXPECT_THAT(through_, ElementsAre(outer, inner));
}

TEST_F(Executable, AScriptOfItselfEnds) {
  const std::string path = folder_ + "/self";
  write("self", "#!" + path + "\n");
  EXPECT_EQ(running_file(path, through_), path);
}

TEST_F(Executable, EnvLeadsToWhatItFinds) {
  for (const char* line : {"#!/usr/bin/env sh\n", "#!/usr/bin/env -S A=1 sh -e\n"}) {
    const std::string found = running_file(write("script", line), through_);
    EXPECT_TRUE(found.ends_with("/sh")) << found;
  }
  EXPECT_EQ(running_file(write("none", "#!/usr/bin/env no-such-program-x\n"), through_), "");
}

TEST_F(Executable, WhatIsNoScriptIsItself) {
  const std::string plain = write("plain", std::string("\0data\n", 6));
  EXPECT_EQ(kind_of(plain), FileKind::kData);
  EXPECT_THAT(script_words(plain), IsEmpty());
  EXPECT_EQ(running_file(plain, through_), plain);
  EXPECT_THAT(script_words(folder_), IsEmpty());
  EXPECT_THAT(script_words(folder_ + "/gone"), IsEmpty());
}

TEST_F(Executable, TextWithoutAnInterpreterIsTheShells) {
  const std::string text = write("text", "exit 0\n");
  EXPECT_EQ(kind_of(text), FileKind::kText);
  EXPECT_EQ(running_file(text, through_), "/bin/sh");
  EXPECT_THAT(through_, ElementsAre(text));
  EXPECT_EQ(kind_of(write("later", std::string("exit 0\n\0", 8))), FileKind::kText);
  EXPECT_EQ(kind_of(write("script", "#!/bin/sh\n")), FileKind::kScript);
  EXPECT_EQ(kind_of(folder_), FileKind::kUnreadable);
}

TEST_F(Executable, ACarriageReturnIsPartOfTheName) {
  EXPECT_THAT(script_words(write("dos", "#!/bin/sh -e\r\n")), ElementsAre("/bin/sh", "-e\r"));
  EXPECT_EQ(script_interpreter(write("bare", "#!/bin/sh\r\n")), "/bin/sh\r");
}

TEST_F(Executable, PathIsSearched) {
  EXPECT_TRUE(find_executable("sh").ends_with("/sh"));
  EXPECT_EQ(find_executable("no-such-program-x"), "");
  EXPECT_EQ(find_executable("./x"), "./x");
}

TEST_F(Executable, MarksOfPrivilege) {
  const std::string file = write("marked", "");
  EXPECT_EQ(privilege_of(file).marked, Privilege::kNone);
  chmod(file.c_str(), 04755);
  EXPECT_EQ(privilege_of(file).marked, Privilege::kSetuid);
  EXPECT_EQ(privilege_of(file).gained, Privilege::kNone);  // it is our own
  chmod(file.c_str(), 02644);                              // for locks
  EXPECT_EQ(privilege_of(file).marked, Privilege::kNone);
  chmod(file.c_str(), 02755);
  EXPECT_EQ(privilege_of(file).marked, Privilege::kSetgid);
}

TEST(ElfFacts, OfAProgram) {
  const ElfFacts facts = read_elf_facts(built("mix"));
  EXPECT_TRUE(facts.is_elf && facts.is_x86_64 && facts.has_symbols && facts.has_debug_lines);
  EXPECT_THAT(facts.loader, testing::HasSubstr("ld-linux"));
  EXPECT_THAT(facts.needed, Contains("libc.so.6"));
  EXPECT_THAT(facts.exports, Not(Contains("malloc")));
  EXPECT_GT(facts.glibc_minor_needed, 0U);
  EXPECT_FALSE(facts.is_go);
}

TEST(ElfFacts, Kinds) {
  EXPECT_FALSE(read_elf_facts(built("mix")).is_library);
  EXPECT_FALSE(read_elf_facts(built("doctor_static")).is_library);
  EXPECT_TRUE(read_elf_facts("/lib/x86_64-linux-gnu/libc.so.6").is_library);
  EXPECT_TRUE(read_elf_facts("/lib64/ld-linux-x86-64.so.2").soname.starts_with("ld-linux"));
}

TEST_F(Executable, FilesThatWereCutOff) {
  std::ifstream whole(built("mix"), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(whole), std::istreambuf_iterator<char>()};
  for (const size_t size : {size_t{5}, size_t{64}, size_t{200}, size_t{3000}, bytes.size()}) {
    const ElfFacts facts = read_elf_facts(write("cut", bytes.substr(0, size)));
    EXPECT_TRUE(facts.is_elf);
    EXPECT_EQ(facts.used_bytes > facts.file_bytes, size != bytes.size()) << size;
  }
}

TEST(ElfFacts, WhoseMalloc) {
  EXPECT_THAT(read_elf_facts(built("doctor_own_malloc")).exports, Contains("malloc"));
  EXPECT_THAT(read_elf_facts(built("doctor_takes_malloc")).exports, Not(Contains("malloc")));
}

TEST(ElfFacts, AStaticProgramHasNoLoader) {
  const ElfFacts facts = read_elf_facts(built("doctor_static"));
  EXPECT_TRUE(facts.is_elf && facts.is_x86_64);
  EXPECT_EQ(facts.loader, "");
}

TEST(ElfFacts, OfWhatIsNone) {
  EXPECT_FALSE(read_elf_facts("/proc/self/status").is_elf);
  EXPECT_FALSE(read_elf_facts("/nonexistent").is_elf);
  EXPECT_FALSE(read_elf_facts("").is_elf);
  EXPECT_FALSE(read_elf_facts("/").is_elf);
}

}  // namespace
}  // namespace heaptag::tools
