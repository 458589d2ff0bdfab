#include "core/render/text_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace heaptag::render {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Frame frame_of(const char* function, const char* file, uint32_t line) {
  Frame frame;
  frame.module = "/usr/sbin/orderd";
  frame.offset = 0x2b7c1;
  frame.function = function;
  frame.file = file;
  frame.line = line;
  return frame;
}

/// A write into a block that a server has freed; its text is the golden one below.
class ErrorTexts : public testing::Test {
 protected:
  ErrorTexts() {
    process_.pid = 20817;
    process_.argv = argv_;
    process_.argv_count = 2;
    options_.process = &process_;
    options_.then = ErrorTextOptions::Then::kGoesOn;
    error_.kind = "use-after-free-write";
    error_.found_when = "reuse";
    error_.address = 0x7f3a40012368;
    error_.block = 0x7f3a40012340;
    error_.size = 96;
    error_.offset = 40;
    error_.length = 8;
    error_.expected = "0000000000000000";
    error_.found = "804c01403a7f0000";
    error_.before = "0200000000000000";
    error_.value_is = "start of a live block of 64 bytes, list_node_new";
    error_.owner = "conn_new";
    error_.caught_by = "in malloc(96)";
    error_.freed = {freed_, 2, 20819, 1'840'000'000, true};
    error_.frees_ago = 2317;
    error_.frees_ago_known = true;
    error_.allocated = {allocated_, 1, 20817, 62'100'000'000, true};
    error_.detected = {allocated_, 1, 20817, 0, false};
    error_.neighbours = neighbours_;
    error_.neighbour_count = 3;
    error_.withdrawn = true;
  }

  static Sink sink_of(std::string& text) {
    return {[](void* context, const char* data, size_t size_bytes) {
              static_cast<std::string*>(context)->append(data, size_bytes);
            },
            &text};
  }

  std::string text() const {
    std::string out;
    write_error_text(error_, options_, sink_of(out));
    return out;
  }

  std::vector<std::string> lines() const {
    std::istringstream all(text());
    std::vector<std::string> found;
    for (std::string line; std::getline(all, line);) {
      EXPECT_TRUE(line.starts_with("==20817==")) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
      found.push_back(line.substr(std::min<size_t>(10, line.size())));
    }
    return found;
  }

  std::string summary() const { return lines().back(); }

  const char* const argv_[2] = {"./server", "--port=80"};
  const Frame freed_[2] = {frame_of("conn_close", "src/conn.c", 141),
                           frame_of("worker_main", nullptr, 0)};
  const Frame allocated_[1] = {frame_of("conn_new", "src/conn.c", 57)};
  const Neighbour neighbours_[3] = {{-96, 96, "conn_new", "live", true},
                                    {96, 96, "conn_new", "freed", false},
                                    {192, 0, nullptr, "never used", true}};
  Process process_;
  ErrorTextOptions options_;
  Error error_;
};

constexpr char kGolden[] =
    "==20817== heaptag: ERROR: use-after-free-write: 8 bytes at 0x7f3a40012368\n"
    "==20817== Someone wrote into a block after it was freed; seen when the block was about to be "
    "reused.\n"
    "==20817==\n"
    "==20817== Block 0x7f3a40012340, 96 bytes, conn_new. Changed: bytes 40-47\n"
    "==20817==   +32  at free  02 00 00 00 00 00 00 00   00 00 00 00 00 00 00 00\n"
    "==20817==        now      02 00 00 00 00 00 00 00  [80 4c 01 40 3a 7f 00 00]\n"
    "==20817==   new value 0x7f3a40014c80 = start of a live block of 64 bytes, list_node_new\n"
    "==20817== Freed 1.8 s ago (2,317 frees ago) by thread 20819:\n"
    "==20817==     #0 conn_close           src/conn.c:141\n"
    "==20817==     #1 worker_main          orderd+0x2b7c1\n"
    "==20817== Allocated 62.1 s ago by the main thread:\n"
    "==20817==     #0 conn_new             src/conn.c:57\n"
    "==20817== Detected in the main thread, in malloc(96) called by:\n"
    "==20817==     #0 conn_new             src/conn.c:57\n"
    "==20817== Neighbours: -96 conn_new, live, intact; +96 conn_new, freed, damaged; +192 never "
    "used.\n"
    "==20817== The block is withdrawn; the program goes on.\n"
    "==20817== The writer itself was not seen: it ran between free and now.\n"
    "==20817== To catch it in the act:\n"
    "==20817==     heaptag run --check --guard=tag:conn_new -- ./server ...\n"
    "==20817== SUMMARY: heaptag: use-after-free-write src/conn.c:141 in conn_close\n";

TEST_F(ErrorTexts, IsTheGoldenText) {
  EXPECT_EQ(text(), kGolden);
}

TEST_F(ErrorTexts, WhatIsNotKnownIsLeftOut) {
  error_ = Error();
  error_.kind = "use-after-free-write";
  error_.address = 0x1000;
  options_ = ErrorTextOptions();
  EXPECT_EQ(text(),
            "==-== heaptag: ERROR: use-after-free-write: 0x1000\n"
            "==-== Someone wrote into a block after it was freed.\n"
            "==-==\n"
            "==-== The writer itself was not seen: it ran between free and now.\n"
            "==-== To catch it in the act:\n"
            "==-==     heaptag run --check=full -- PROGRAM\n"
            "==-== SUMMARY: heaptag: use-after-free-write\n");
  error_.kind = nullptr;
  EXPECT_THAT(text(), HasSubstr("heaptag: ERROR: error: 0x1000\n"));
}

TEST_F(ErrorTexts, EveryLineBeginsWithThePidOrWithNone) {
  error_.owner = "conn\nnew\x1b[2J";
  for (const std::string& line : lines()) {
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
  }
}

TEST_F(ErrorTexts, ChangesOverSeveralRowsAreBracketedInEach) {
  error_.before = "aabb";
  error_.offset = 38;
  error_.expected = "000000000000000000000000000000000000";
  error_.found = "111111111111111111111111111111111111";
  error_.after = "ccdd";
  error_.length = 18;
  error_.value_is = nullptr;
  EXPECT_THAT(text(), HasSubstr("==20817==   +36  at free  aa bb 00 00 00 00 00 00   00 00 00 00 "
                                "00 00 00 00\n"
                                "==20817==        now      aa bb[11 11 11 11 11 11   11 11 11 11 "
                                "11 11 11 11]\n"
                                "==20817==   +52  at free  00 00 00 00 cc dd\n"
                                "==20817==        now     [11 11 11 11]cc dd\n"));
}

TEST_F(ErrorTexts, ChangesThatEndWithAGroup) {
  error_.after = "ccdd";
  error_.before = nullptr;
  EXPECT_THAT(text(), HasSubstr("==20817==   +40  at free  00 00 00 00 00 00 00 00   cc dd\n"
                                "==20817==        now     [80 4c 01 40 3a 7f 00 00]  cc dd\n"));
}

TEST_F(ErrorTexts, BytesThatWereNotKeptAreNotMadeUp) {
  error_.expected = nullptr;
  EXPECT_THAT(text(), Not(HasSubstr("at free ")));
  EXPECT_THAT(text(), HasSubstr("==20817==   +32  now  02 00 00 00 00 00 00 00  [80 4c"));
  error_.found = nullptr;
  EXPECT_THAT(text(), Not(HasSubstr("now ")));
  EXPECT_THAT(text(), Not(HasSubstr("new value")));
  error_.found = "no hex";
  EXPECT_THAT(text(), Not(HasSubstr("no hex")));
  error_.found = "123";
  EXPECT_THAT(text(), Not(HasSubstr("123 ")));
}

TEST_F(ErrorTexts, OfManyBytesTheFirstAreShown) {
  const std::string many(2 * 100, '1');
  error_.found = many.c_str();
  error_.expected = nullptr;
  error_.length = 5000;
  error_.after = "ff";
  EXPECT_THAT(text(), HasSubstr("==20817==   +80  now [11 11"));
  EXPECT_THAT(text(), Not(HasSubstr("  +96  ")));
  EXPECT_THAT(text(), Not(HasSubstr("ff")));
  EXPECT_THAT(text(), HasSubstr("==20817==   and 4,944 bytes more\n"));
}

TEST_F(ErrorTexts, TheNewValueIsTheAlignedWord) {
  error_.offset = 41;
  error_.before =
      "0200000000000000"
      "80";
  error_.found = "4c01403a7f0000";
  error_.expected = "00000000000000";
  EXPECT_THAT(text(), HasSubstr("new value 0x7f3a40014c80 = start"));
  error_.before = nullptr;  // then a byte of it is missing
  EXPECT_THAT(text(), HasSubstr("new value = start"));
}

TEST_F(ErrorTexts, AnOverflowBlamesTheAllocator) {
  error_.kind = "overflow";
  error_.found_when = "free";
  error_.offset = 96;
  error_.address = 0x7f3a400123a0;
  error_.length = 1;
  error_.found = "00";
  error_.expected = "a5";
  error_.before = nullptr;
  error_.value_is = nullptr;
  error_.freed = Event();
  error_.frees_ago_known = false;
  const auto all = lines();
  EXPECT_EQ(all[0], "heaptag: ERROR: overflow: 1 byte at 0x7f3a400123a0");
  EXPECT_EQ(all[1], "Someone wrote behind the end of a block; seen when the block was freed.");
  EXPECT_EQ(all[3],
            "Block 0x7f3a40012340, 96 bytes, conn_new. Changed: byte 96, right behind its end");
  EXPECT_EQ(all[4], "  +96  expected  a5");
  EXPECT_EQ(all[5], "       now      [00]");
  EXPECT_THAT(text(), HasSubstr("it ran after the allocation.\n"));
  EXPECT_THAT(text(), Not(HasSubstr("Freed")));
  EXPECT_EQ(summary(), "SUMMARY: heaptag: overflow src/conn.c:57 in conn_new");
}

TEST_F(ErrorTexts, AnUnderflowLiesBeforeTheBlock) {
  error_.kind = "underflow";
  error_.offset = -8;
  EXPECT_THAT(text(), HasSubstr("Changed: bytes -8 to -1, before its beginning\n"));
  EXPECT_THAT(text(), HasSubstr("==20817==   -16  expected  02"));
}

TEST_F(ErrorTexts, WhoIsCaughtComesFirst) {
  error_.found_when = "fault";
  error_.length = 0;
  error_.expected = error_.found = error_.value_is = nullptr;
  error_.detected = {freed_ + 1, 1, 20820, 0, false};
  error_.caught_by = nullptr;
  const auto all = lines();
  EXPECT_EQ(all[1], "Someone wrote into a block after it was freed; caught in the act.");
  EXPECT_EQ(all[3], "Block 0x7f3a40012340, 96 bytes, conn_new. Written: from byte 40 on");
  EXPECT_EQ(all[4], "Written by thread 20820:");
  EXPECT_THAT(all[6], StartsWith("Freed 1.8 s ago"));
  EXPECT_THAT(text(), Not(HasSubstr("To catch it")));
  EXPECT_EQ(summary(), "SUMMARY: heaptag: use-after-free-write orderd+0x2b7c1 in worker_main");
  error_.kind = "overflow-read";
  EXPECT_EQ(lines()[4], "Read by thread 20820:");
}

TEST_F(ErrorTexts, AWrongFreeIsItsCallersMistake) {
  error_.kind = "double-free";
  error_.found_when = "free";
  error_.offset = 0;
  error_.length = 0;
  error_.expected = error_.found = error_.value_is = nullptr;
  error_.caught_by = "in free";
  error_.withdrawn = false;
  error_.refused = true;
  error_.block_state = "freed";
  const auto all = lines();
  EXPECT_EQ(all[0], "heaptag: ERROR: double-free: 0x7f3a40012368");
  EXPECT_EQ(all[1], "A block was freed that was free already.");
  EXPECT_EQ(all[3], "Block 0x7f3a40012340, 96 bytes, conn_new, freed.");
  EXPECT_EQ(all[4], "Detected in the main thread, in free called by:");
  EXPECT_THAT(text(), HasSubstr("The call did nothing; the program goes on.\n"));
  EXPECT_EQ(summary(), "SUMMARY: heaptag: double-free src/conn.c:57 in conn_new");
  error_.kind = "interior-free";
  error_.offset = 8;
  EXPECT_EQ(lines()[3],
            "Block 0x7f3a40012340, 96 bytes, conn_new, freed. The pointer is 8 bytes into it.");
}

TEST_F(ErrorTexts, MismatchesSayWhatDoesNotMatch) {
  error_.kind = "family-mismatch";
  error_.expected = "new[]";
  error_.found = "free";
  EXPECT_THAT(text(), HasSubstr("==20817== Allocated by new[], freed by free.\n"));
  error_.kind = "size-mismatch";
  error_.expected = "96";
  error_.found = "64";
  EXPECT_THAT(text(), HasSubstr("==20817== Allocated with size 96, freed with size 64.\n"));
  EXPECT_THAT(text(), Not(HasSubstr("+32")));
  error_.kind = "tag-mismatch";
  error_.expected = "conn";
  error_.found = "net";
  EXPECT_THAT(text(), HasSubstr("==20817== Allocated under conn, freed under net.\n"));
}

TEST_F(ErrorTexts, EveryKindHasASentenceOfItsOwn) {
  std::vector<std::string> sentences;
  for (const char* kind :
       {"use-after-free-write", "use-after-free-read", "overflow", "underflow", "overflow-read",
        "underflow-read", "double-free", "invalid-free", "interior-free", "family-mismatch",
        "size-mismatch", "tag-mismatch", "tag-released", "of a later version"}) {
    error_.kind = kind;
    EXPECT_THAT(summary(), StartsWith("SUMMARY: heaptag: " + std::string(kind)));
    sentences.push_back(lines()[1]);
  }
  std::sort(sentences.begin(), sentences.end());
  EXPECT_EQ(std::unique(sentences.begin(), sentences.end()), sentences.end());
}

TEST_F(ErrorTexts, WithoutTheCallTheOwnerIsNamed) {
  error_.freed = Event();
  EXPECT_EQ(summary(), "SUMMARY: heaptag: use-after-free-write of a block of conn_new");
}

TEST_F(ErrorTexts, WhatIsInlinedDoesNotLead) {
  Frame frames[] = {frame_of("inlined", "src/conn.h", 9), frame_of("conn_close", "src/conn.c", 8)};
  frames[0].inlined = true;
  error_.freed.frames = frames;
  EXPECT_EQ(summary(), "SUMMARY: heaptag: use-after-free-write src/conn.c:8 in conn_close");
}

TEST_F(ErrorTexts, CommandsCanBeTyped) {
  error_.owner = "std::vector<int>::push_back";
  EXPECT_THAT(text(), HasSubstr("run --check --guard='tag:std::vector<int>::push_back' -- ./"));
  error_.owner = "it's";
  EXPECT_THAT(text(), HasSubstr("run --check=full -- ./"));
  const std::string long_name(300, 'x');
  error_.owner = long_name.c_str();
  EXPECT_THAT(text(), HasSubstr("run --check=full -- ./"));
  error_.advice = "heaptag run --guard=all -- ./server";
  EXPECT_THAT(text(), HasSubstr("==20817== What to try next:\n"
                                "==20817==     heaptag run --guard=all -- ./server\n"));
}

TEST_F(ErrorTexts, WhatTheProgramDoesNextIsSaidWhenItIsKnown) {
  options_.then = ErrorTextOptions::Then::kAborts;
  EXPECT_THAT(text(), HasSubstr("==20817== The block is withdrawn; the program is aborted.\n"));
  error_.withdrawn = false;
  EXPECT_THAT(text(), HasSubstr("==20817== The program is aborted.\n"));
  options_.then = ErrorTextOptions::Then::kNotSaid;
  EXPECT_THAT(text(), Not(HasSubstr("program is")));
}

TEST_F(ErrorTexts, ARepeatIsOneLine) {
  error_.count = 3;
  std::string out;
  write_error_repeat(error_, options_, sink_of(out));
  EXPECT_EQ(out,
            "==20817== heaptag: use-after-free-write src/conn.c:141 in conn_close: seen again (3 "
            "times)\n");
  EXPECT_THAT(text(), HasSubstr("==20817== It was seen 3 times, or others like it.\n"));
}

TEST_F(ErrorTexts, NoOffsetIsTooOdd) {
  for (const int64_t offset : {INT64_MIN, INT64_MIN + 3, INT64_MAX}) {
    error_.offset = offset;
    for (const uint64_t length : {uint64_t{0}, uint64_t{1}, UINT64_MAX}) {
      error_.length = length;
      EXPECT_FALSE(text().empty());
    }
    error_.kind = "interior-free";
    EXPECT_FALSE(text().empty());
    error_.kind = "overflow";
  }
}

}  // namespace
}  // namespace heaptag::render
