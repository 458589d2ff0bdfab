#include "core/stack/row_program.h"

#include <gtest/gtest.h>

#include "tests/unit/stack/unwind_image.h"

namespace heaptag::stack {
namespace {

using testing::Bytes;
using testing::Image;
using testing::ImageOptions;
using testing::kCode;
using testing::kCodeBytes;
using testing::Program;
using testing::sleb;
using testing::uleb;
using testing::operator+;

// One instruction that shows where it holds: the CFA becomes rsp + 16.
const Bytes kPush = {0x0e, 16};

std::string row_of(const Program& program, uint64_t offset, const ImageOptions& options = {}) {
  const Image image({{kCode, kCodeBytes, program}}, options);
  return image.row_at(kCode + static_cast<int64_t>(offset));
}

/// The row behind the instructions.
std::string row_after(const Program& program, const ImageOptions& options = {}) {
  return row_of(program, kCodeBytes - 1, options);
}

TEST(RowProgram, WithoutInstructionsTheCommonRowHolds) {
  EXPECT_EQ(row_of({}, 0), "rsp+8");
  EXPECT_EQ(row_of({0, 0, 0}, kCodeBytes - 1), "rsp+8");
}

TEST(RowProgram, ARowHoldsFromItsPlace) {
  const struct {
    const char* name;
    Program program;
    uint64_t place;
  } advances[] = {
      {"advance_loc", Bytes{0x40 | 3} + kPush, 3},
      {"advance_loc1", Bytes{0x02, 0xfe} + kPush, 0xfe},
      {"advance_loc2", Bytes{0x03, 0x02, 0x01} + kPush, 0x102},
      {"advance_loc4", Bytes{0x04, 0x03, 0x02, 0, 0} + kPush, 0x203},
      {"set_loc", Program({}, 0x345, kPush), 0x345},
      {"set_loc to where it is", Program({0x45}, 5, kPush), 5},
  };

  for (const auto& advance : advances) {
    EXPECT_EQ(row_of(advance.program, advance.place - 1), "rsp+8") << advance.name;
    EXPECT_EQ(row_of(advance.program, advance.place), "rsp+16") << advance.name;
    EXPECT_EQ(row_of(advance.program, kCodeBytes - 1), "rsp+16") << advance.name;
  }
}

TEST(RowProgram, PlacesAreInUnitsOfTheCode) {
  ImageOptions options;
  options.code_factor = 4;
  EXPECT_EQ(row_of(Bytes{0x43} + kPush, 11, options), "rsp+8");
  EXPECT_EQ(row_of(Bytes{0x43} + kPush, 12, options), "rsp+16");
}

TEST(RowProgram, PlacesDoNotGoBack) {
  EXPECT_EQ(row_after(Program(Bytes{0x45}, 4, kPush)), "-");
  ImageOptions options;
  options.code_factor = UINT64_MAX;
  EXPECT_EQ(row_after(Bytes{0x41} + kPush, options), "-");
}

TEST(RowProgram, DefinesTheCfa) {
  EXPECT_EQ(row_after({0x0c, 6, 16}), "rbp+16") << "def_cfa";
  EXPECT_EQ(row_after(Bytes{0x0c, 7} + uleb(1 << 20)), "rsp+1048576");
  EXPECT_EQ(row_after(Bytes{0x12, 6} + sleb(-2)), "rbp+16") << "def_cfa_sf";
  EXPECT_EQ(row_after({0x0d, 6}), "rbp+8") << "def_cfa_register";
  EXPECT_EQ(row_after({0x0e, 24}), "rsp+24") << "def_cfa_offset";
  EXPECT_EQ(row_after(Bytes{0x13} + sleb(-3)), "rsp+24") << "def_cfa_offset_sf";
}

TEST(RowProgram, RefusesACfaThatItCannotSay) {
  EXPECT_EQ(row_after({0x0c, 10, 0}), "-") << "from r10";
  EXPECT_EQ(row_after(Bytes{0x0c} + uleb(7 + (uint64_t{1} << 32)) + uleb(8)), "-");
  EXPECT_EQ(row_after({0x0e, 12}), "-") << "no multiple of a word";
  EXPECT_EQ(row_after({0x0e, 0}), "-") << "the return address would lie below the stack pointer";
  EXPECT_EQ(row_after(Bytes{0x13} + sleb(1)), "-") << "negative";
  EXPECT_EQ(row_after(Bytes{0x0e} + uleb(FrameRow::kMaxCfaOffset)), "rsp+134217720");
  EXPECT_EQ(row_after(Bytes{0x0e} + uleb(uint64_t{FrameRow::kMaxCfaOffset} + 8)), "-");
  EXPECT_EQ(row_after(Bytes{0x0e} + uleb((uint64_t{1} << 32) + 8)), "-");
  EXPECT_EQ(row_after({0x0f, 2, 0x77, 8}), "-") << "an expression";
}

TEST(RowProgram, AnExpressionIsOneUntilARegisterIsNamed) {
  const Bytes expression = {0x0f, 2, 0x77, 8};
  EXPECT_EQ(row_after(expression + kPush), "-");
  EXPECT_EQ(row_after(expression + Bytes{0x13} + sleb(-3)), "-");
  EXPECT_EQ(row_after(expression + Bytes{0x0d, 6}), "rbp+8");
  EXPECT_EQ(row_after(expression + Bytes{0x0c, 7, 16}), "rsp+16");
  EXPECT_EQ(row_after(expression + Bytes{0x12, 7} + sleb(-2)), "rsp+16");
}

TEST(RowProgram, KnowsWhereRbpIsSaved) {
  EXPECT_EQ(row_after({0x80 | 6, 2}), "rsp+8 c-16") << "offset";
  EXPECT_EQ(row_after({0x05, 6, 2}), "rsp+8 c-16") << "offset_extended";
  EXPECT_EQ(row_after(Bytes{0x11, 6} + sleb(2)), "rsp+8 c-16") << "offset_extended_sf";
  EXPECT_EQ(row_after({0x05, 6, 0x82, 0x00}), "rsp+8 c-16") << "padded";
  EXPECT_EQ(row_after(Bytes{0x05, 6} + uleb(8192)), "rsp+8 c-65536");
  ImageOptions upward;
  upward.data_factor = 8;
  upward.initial_program = Bytes{0x0c, 7, 8, 0x11, 16} + sleb(-1);
  EXPECT_EQ(row_after({0x2f, 6, 2}, upward), "rsp+8 c-16") << "GNU_negative_offset_extended";
  EXPECT_EQ(row_after({0x86, 2, 0x08, 6}), "rsp+8") << "same_value";
}

TEST(RowProgram, RefusesAnRbpThatItCannotSay) {
  EXPECT_EQ(row_after({0x07, 6}), "-") << "undefined";
  EXPECT_EQ(row_after({0x09, 6, 3}), "-") << "register";
  EXPECT_EQ(row_after({0x10, 6, 2, 0x77, 8}), "-") << "expression";
  EXPECT_EQ(row_after({0x14, 6, 2}), "-") << "val_offset";
  EXPECT_EQ(row_after({0x15, 6, 0x7e}), "-") << "val_offset_sf";
  EXPECT_EQ(row_after({0x16, 6, 2, 0x77, 8}), "-") << "val_expression";
  EXPECT_EQ(row_after(Bytes{0x11, 6} + sleb(-2)), "-") << "above the CFA";
  EXPECT_EQ(row_after({0x86, 0}), "-") << "at the CFA";
  EXPECT_EQ(row_after(Bytes{0x86} + uleb(FrameRow::kMaxRbpSavedBelow / 8)), "rsp+8 c-67108856");
  EXPECT_EQ(row_after(Bytes{0x86} + uleb(FrameRow::kMaxRbpSavedBelow / 8 + 1)), "-");
  EXPECT_EQ(row_after(Bytes{0x86} + uleb(uint64_t{1} << 60)), "-") << "the smallest number";
  ImageOptions bytes;
  bytes.data_factor = -1;
  bytes.initial_program = {0x0c, 7, 8, 0x80 | 16, 8};
  EXPECT_EQ(row_after({0x86, 16}, bytes), "rsp+8 c-16");
  EXPECT_EQ(row_after({0x86, 12}, bytes), "-") << "no multiple of a word";
}

TEST(RowProgram, TheReturnAddressLiesBelowTheCfa) {
  EXPECT_EQ(row_after({0x07, 16}), "-") << "undefined: the outermost frame";
  EXPECT_EQ(row_after({0x09, 16, 5}), "-") << "in rdi";
  EXPECT_EQ(row_after({0x08, 16}), "-");
  EXPECT_EQ(row_after({0x80 | 16, 2}), "-");
  EXPECT_EQ(row_after({0x10, 16, 2, 0x77, 8}), "-");
  ImageOptions without;
  without.initial_program = {0x0c, 7, 8};
  EXPECT_EQ(row_after({}, without), "-");
  EXPECT_EQ(row_after({0x80 | 16, 1}, without), "rsp+8");
}

TEST(RowProgram, OtherRegistersDoNotMatter) {
  const Bytes others =
      Bytes{0x83, 3, 0x05, 12, 4, 0x06, 12, 0xc3, 0x07, 14, 0x08, 15, 0x09, 13, 3} +
      Bytes{0x10, 12, 3, 0x76, 0x78, 0x06, 0x11, 3} + sleb(-300) +
      Bytes{0x14, 3, 2, 0x15, 3, 0x7e, 0x16, 3, 2, 0x77, 8, 0x2f, 3, 5} + Bytes{0x05} +
      uleb(UINT64_MAX) + uleb(4);
  EXPECT_EQ(row_after(others + kPush), "rsp+16");
}

TEST(RowProgram, RestoresWhatTheCommonPartSays) {
  EXPECT_EQ(row_after({0x86, 2, 0xc6}), "rsp+8") << "restore";
  EXPECT_EQ(row_after({0x86, 2, 0x06, 6}), "rsp+8") << "restore_extended";
  EXPECT_EQ(row_after({0x07, 16, 0xc0 | 16}), "rsp+8");
  ImageOptions options;
  options.initial_program = {0x0c, 7, 8, 0x80 | 16, 1, 0x86, 4};
  EXPECT_EQ(row_after({0x86, 2}, options), "rsp+8 c-16");
  EXPECT_EQ(row_after({0x86, 2, 0xc6}, options), "rsp+8 c-32");
}

TEST(RowProgram, RemembersAndRestoresStates) {
  EXPECT_EQ(row_after({0x0a, 0x0c, 6, 16, 0x86, 2, 0x0b}), "rsp+8");
  EXPECT_EQ(row_after({0x0a, 0x0f, 1, 0x30, 0x0b}), "rsp+8");
  EXPECT_EQ(row_after({0x0a, 0x0e, 16, 0x0a, 0x0e, 24, 0x0b, 0x86, 2}), "rsp+16 c-16") << "nested";
  EXPECT_EQ(row_after({0x0b}), "-") << "nothing to restore";
  Bytes deep;
  for (uint8_t depth = 1; depth <= 8; ++depth) {
    deep = deep + Bytes{0x0a, 0x0e, static_cast<uint8_t>(8 * depth)};
  }
  EXPECT_EQ(row_after(deep), "rsp+64");
  EXPECT_EQ(row_after(deep + Bytes{0x0b, 0x0b}), "rsp+48");
  EXPECT_EQ(row_after(deep + Bytes{0x0a}), "-") << "too deep";
  ImageOptions options;
  options.initial_program = {0x0c, 7, 8, 0x80 | 16, 1, 0x0a};
  EXPECT_EQ(row_after({0x0b}, options), "-") << "remembered by others";
}

TEST(RowProgram, ArgumentsOnTheStackDoNotMatter) {
  EXPECT_EQ(row_after(Bytes{0x2e} + uleb(300) + kPush), "rsp+16") << "GNU_args_size";
}

TEST(RowProgram, RefusesInstructionsThatItDoesNotKnow) {
  for (const uint8_t instruction : {0x17, 0x1c, 0x1d, 0x2d, 0x30, 0x3f}) {
    EXPECT_EQ(row_after({instruction, 0, 0, 0}), "-") << int{instruction};
    EXPECT_EQ(row_of({0x50, instruction, 0, 0}, 15), "rsp+8") << "not reached";
  }
}

TEST(RowProgram, RefusesInstructionsThatAreCut) {
  for (const Bytes& cut :
       {Bytes{0x02}, Bytes{0x03, 1}, Bytes{0x04, 1, 0, 0}, Bytes{0x0e}, Bytes{0x0e, 0x80, 0x80},
        Bytes{0x0c, 7}, Bytes{0x86}, Bytes{0x0f, 1}, Bytes{0x0f, 0xff, 0x01}, Bytes{0x10, 6},
        Bytes{0x10, 6, 1}, Bytes{0x2e}, Bytes{0x08}}) {
    // Behind 13 bytes of a record, this many need no padding: nothing follows.
    const Bytes nops(3 - cut.size() % 4, 0);
    EXPECT_EQ(row_after(nops + cut), "-");
  }
}

TEST(RowProgram, TheCommonPartHasNoPlaces) {
  ImageOptions options;
  options.initial_program = {0x0c, 7, 8, 0x80 | 16, 1, 0x41};
  EXPECT_EQ(row_after({}, options), "-");
  options.initial_program = {0x0c, 7, 8, 0x80 | 16, 1, 0x17};
  EXPECT_EQ(row_after({}, options), "-");
}

TEST(RowProgram, SignalFramesAndOtherReturnRegistersHaveNoRow) {
  ImageOptions options;
  options.augmentation = "zRS";
  EXPECT_EQ(row_after({}, options), "-");
  options = {};
  options.return_register = 15;
  EXPECT_EQ(row_after({}, options), "-");
}

}  // namespace
}  // namespace heaptag::stack
