#include "core/stack/eh_frame.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <random>

#include "core/os/loader.h"
#include "tests/unit/stack/unwind_image.h"

namespace heaptag::stack {
namespace {

using testing::Bytes;
using testing::Function;
using testing::Image;
using testing::ImageOptions;
using testing::kCode;
using testing::kCodeBytes;
using testing::Program;
using testing::operator+;

constexpr int64_t kEnd = kCode + static_cast<int64_t>(kCodeBytes);

TEST(EhFrame, FindsTheFunctionThatCoversAnAddress) {
  std::vector<Function> functions;
  for (int64_t i = 0; i < 15; ++i) {  // with a hole of 16 behind each
    functions.push_back({kCode + i * 64, 48, {0x0e, static_cast<uint8_t>(8 * (i + 1))}});
  }
  for (size_t count = 0; count <= functions.size(); ++count) {
    const Image image(
        std::vector<Function>(functions.begin(), functions.begin() + static_cast<long>(count)));
    EXPECT_EQ(image.range_at(kCode - 1), "-");
    for (size_t i = 0; i < count; ++i) {
      const int64_t begin = functions[i].begin;
      const std::string row = "rsp+" + std::to_string(8 * (i + 1));
      EXPECT_EQ(image.row_at(begin), row);
      EXPECT_EQ(image.row_at(begin + 47), row);
      EXPECT_EQ(image.range_at(begin + 48), "-");
      EXPECT_EQ(image.range_at(begin + 63), "-");
    }
    EXPECT_EQ(image.range_at(kCode + static_cast<int64_t>(count) * 64), "-");
  }
  EXPECT_EQ(Image(functions).range_at(kCode + 64), "2040..2070");
}

TEST(EhFrame, CodeMayLieBeforeItsTables) {
  const Image image(std::vector<Function>{{-0x3000, 0x100}, {-0x1000, 0x100}, {kCode, 0x100}});
  EXPECT_EQ(image.row_at(-0x3000), "rsp+8");
  EXPECT_EQ(image.row_at(-0x1000), "rsp+8");
  EXPECT_EQ(image.row_at(-0x1001), "-");
  EXPECT_EQ(image.row_at(kCode), "rsp+8");
}

TEST(EhFrame, ReadsPointersInAllEncodings) {
  for (const uint8_t encoding :
       {0x00, 0x04, 0x0c, 0x10, 0x11, 0x12, 0x13, 0x14, 0x19, 0x1a, 0x1b, 0x1c}) {
    ImageOptions options;
    options.encoding = encoding;
    options.augmentation_data = {encoding};
    const Image image({{kCode, kCodeBytes, Program({}, 16, {0x0e, 16})}}, options);
    EXPECT_EQ(image.range_at(kCode), "2000..3000") << int{encoding};
    EXPECT_EQ(image.row_at(kCode + 15), "rsp+8") << int{encoding};
    EXPECT_EQ(image.row_at(kCode + 16), "rsp+16") << int{encoding};
  }
  for (const uint8_t encoding : {0x2b, 0x3b, 0x4b, 0x9b, 0x50, 0xff}) {
    ImageOptions options;
    options.encoding = encoding;
    options.augmentation_data = {encoding};
    EXPECT_EQ(Image(std::vector<Function>(1), options).range_at(kCode), "-") << int{encoding};
  }
}

TEST(EhFrame, ReadsAugmentations) {
  const struct {
    const char* letters;
    Bytes data;
    const char* row;
  } cases[] = {
      {"z", {}, "rsp+8"},
      {"zR", {0x1b}, "rsp+8"},
      {"zR", {0x1b, 0, 0}, "rsp+8"},
      {"zPLR", {0x9b, 1, 2, 3, 4, 0x1b, 0x1b}, "rsp+8"},
      {"zPLR", {0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b, 0x1b}, "rsp+8"},
      {"zLR", {0x1b, 0x1b}, "rsp+8"},
      {"zRB", {0x1b}, "rsp+8"},
      {"zR", {}, "-"},
      {"zPLR", {0x9b, 1, 2, 3}, "-"},
      {"zPR", {0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0x1b}, "-"},
      {"zRX", {0x1b}, "-"},
      {"eh", {0x1b}, "-"},
  };

  for (const auto& augmentation : cases) {
    ImageOptions options;
    options.augmentation = augmentation.letters;
    options.augmentation_data = augmentation.data;
    options.encoding = options.augmentation.find('R') == std::string::npos ? 0x00 : 0x1b;
    EXPECT_EQ(Image(std::vector<Function>(1), options).row_at(kCode), augmentation.row)
        << augmentation.letters;
  }
  ImageOptions none;
  none.augmentation = "";
  none.encoding = 0x00;
  EXPECT_EQ(Image(std::vector<Function>(1), none).row_at(kCode), "rsp+8");
}

TEST(EhFrame, SignalFramesAreFunctionsToo) {
  ImageOptions options;
  options.augmentation = "zRS";
  EXPECT_EQ(Image(std::vector<Function>(1), options).range_at(kCode), "2000..3000");
}

TEST(EhFrame, ReadsVersions) {
  ImageOptions options;
  options.version = 3;
  EXPECT_EQ(Image(std::vector<Function>(1), options).row_at(kCode), "rsp+8");
  for (const uint8_t version : {0, 2, 4, 255}) {
    options.version = version;
    EXPECT_EQ(Image(std::vector<Function>(1), options).range_at(kCode), "-") << int{version};
  }
}

TEST(EhFrame, ReadsHeaders) {
  ImageOptions options;
  for (const uint8_t encoding : {0x01, 0x02, 0x03, 0x04, 0x0b, 0x00}) {
    options.count_encoding = encoding;
    EXPECT_EQ(Image(std::vector<Function>(1), options).row_at(kCode), "rsp+8") << int{encoding};
  }
  options = {};
  for (const uint8_t encoding : {0x00, 0x10, 0x1b, 0x1c, 0x3b, 0xff}) {
    options.frames_encoding = encoding;
    EXPECT_EQ(Image(std::vector<Function>(1), options).row_at(kCode), "rsp+8") << int{encoding};
  }
}

TEST(EhFrame, GivesUpWithoutATableThatCanBeSearched) {
  ImageOptions options;
  options.table_encoding = 0xff;
  EXPECT_EQ(Image(std::vector<Function>(1), options).range_at(kCode), "-");
  options.table_encoding = 0x3c;
  EXPECT_EQ(Image(std::vector<Function>(1), options).range_at(kCode), "-");
  options = {};
  options.count_encoding = 0xff;
  EXPECT_EQ(Image(std::vector<Function>(1), options).range_at(kCode), "-");
  options = {};
  options.header_version = 2;
  EXPECT_EQ(Image(std::vector<Function>(1), options).range_at(kCode), "-");
}

TEST(EhFrame, RefusesRecordsThatAreNone) {
  const auto changed = [](auto change) {
    Image image(std::vector<Function>(1));
    change(&image, image.entries()[0]);
    return image.range_at(kCode);
  };
  const auto write = [](Image* image, size_t at, const Bytes& bytes) {
    std::copy(bytes.begin(), bytes.end(), &(*image)[at]);
  };
  EXPECT_EQ(changed([](Image*, size_t) {}), "2000..3000");
  for (const uint32_t size_bytes : {0U, 3U, 0x7fffffffU, 0xfffffff0U, 0xffffffffU}) {
    EXPECT_EQ(changed([&](Image* image, size_t entry) {
                write(image, entry, testing::fixed(size_bytes));
              }),
              "-");
    EXPECT_EQ(changed([&](Image* image, size_t) {
                write(image, image->common(), testing::fixed(size_bytes));
              }),
              "-");
  }
  for (const uint32_t distance : {0U, 4U, 0x7fffffffU, 0xffffffffU}) {
    EXPECT_EQ(changed([&](Image* image, size_t entry) {
                write(image, entry + 4, testing::fixed(distance));
              }),
              "-");
  }
  EXPECT_EQ(changed([&](Image* image, size_t) {
              write(image, image->common() + 4, testing::fixed(uint32_t{1}));
            }),
            "-")
      << "not a CIE";
  constexpr size_t kFirstRowEntry = 16;  // behind the header's 12 bytes and the code
  for (const int32_t entry : {0, -4, -0x7fffffff, 0x7fffffff}) {
    EXPECT_EQ(
        changed([&](Image* image, size_t) { write(image, kFirstRowEntry, testing::fixed(entry)); }),
        "-");
  }
}

TEST(EhFrame, AnotherFunctionsCodeIsNotCovered) {
  Image image(std::vector<Function>(1));
  EXPECT_EQ(image.range_at(kEnd - 1), "2000..3000");
  EXPECT_EQ(image.range_at(kEnd), "-");
  const Image endless(std::vector<Function>{{kCode, UINT64_MAX}});
  EXPECT_EQ(endless.range_at(kCode), "-");
}

// Whatever the bytes are, the reader stays inside of them: AddressSanitizer guards the ends.
void ask_everything(const Image& image) {
  for (const int64_t offset : {-1, 0, 1, 20, 0xff, 0x100, 0x111, 0x200, 0x23f, 0x1000000}) {
    image.row_at(kCode + offset);
  }
}

/// All instructions, and both kinds of CIE.
std::vector<Image> samples() {
  std::vector<Image> images;
  ImageOptions options;
  const Bytes all = Bytes{0x41, 0x0e, 16, 0x86, 2, 0x02, 9, 0x0d, 6, 0x0a, 0x03, 9, 0, 0xc6} +
                    Bytes{0x0c, 7, 8, 0x04, 9, 0, 0, 0, 0x0b, 0x05, 6, 2, 0x06, 6, 0x07, 3, 0x41} +
                    Bytes{0x08, 6, 0x09, 3, 12, 0x11, 6, 2, 0x12, 7, 0x7e, 0x13, 0x7d, 0x41, 0x14} +
                    Bytes{6, 2, 0x15, 6, 2, 0x41, 0x2e, 16, 0x2f, 6, 5, 0x41, 0x10, 6, 2, 0x77, 8} +
                    Bytes{0x41, 0x16, 6, 2, 0x77, 8, 0x41, 0x0f, 2, 0x77, 8};
  const std::vector<Function> functions = {{kCode, 0x100, all},
                                           {kCode + 0x100, 0x80, Program({0x41}, 0x10, {0x0e, 24})},
                                           {kCode + 0x200, 0x40}};
  images.emplace_back(functions, options);
  options.augmentation = "zPLR";
  options.augmentation_data = {0x9b, 1, 2, 3, 4, 0x1b, 0x1b};
  options.version = 3;
  images.emplace_back(functions, options);
  return images;
}

TEST(EhFrameHostile, TruncatedAtEveryLength) {
  for (const Image& whole : samples()) {
    EXPECT_EQ(whole.row_at(kCode + 1), "rsp+16 c-16");
    const Bytes bytes = whole.bytes();
    for (size_t size_bytes = 0; size_bytes <= bytes.size(); ++size_bytes) {
      ask_everything(Image(Bytes(bytes.begin(), bytes.begin() + static_cast<long>(size_bytes))));
    }
  }
}

TEST(EhFrameHostile, EachByteChanged) {
  for (Image& image : samples()) {
    for (size_t at = 0; at < image.size_bytes(); ++at) {
      const uint8_t before = image[at];
      for (unsigned value = 0; value < 256; ++value) {
        image[at] = static_cast<uint8_t>(value);
        ask_everything(image);
      }
      image[at] = before;
    }
  }
}

TEST(EhFrameHostile, SomeWordsChanged) {
  std::mt19937_64 random(4711);
  const uint64_t extremes[] = {
      0, 1, 0xff, 0x7fffffff, 0xffffffff, 0x8080808080808080, INT64_MAX, UINT64_MAX};
  for (int round = 0; round < 3'000; ++round) {
    for (Image& image : samples()) {
      for (uint64_t change = 0; change < 1 + random() % 4; ++change) {
        const uint64_t word = extremes[random() % std::size(extremes)];
        const size_t size_bytes = size_t{1} << random() % 4;
        std::memcpy(&image[random() % (image.size_bytes() - 8)], &word, size_bytes);
      }
      ask_everything(image);
    }
  }
}

// The C library's own tables, with their segment cut and spoilt.
TEST(EhFrameHostile, ARealModulesTables) {
  os::LoadedObject libc{};
  uintptr_t begin = 0;
  uintptr_t end = 0;
  ASSERT_TRUE(os::find_object(reinterpret_cast<uintptr_t>(dlsym(RTLD_DEFAULT, "puts")), &libc));
  ASSERT_TRUE(os::find_segment(libc, libc.eh_frame_hdr, &begin, &end));
  const auto* mapped = reinterpret_cast<const uint8_t*>(libc.eh_frame_hdr);
  const Bytes whole(mapped, mapped + (end - libc.eh_frame_hdr));
  const auto code = static_cast<int64_t>(libc.base - libc.eh_frame_hdr);
  std::mt19937_64 random(4712);
  const auto ask = [&](const Image& image) {
    unsigned rows = 0;
    for (int i = 0; i < 100; ++i) {
      const auto offset = static_cast<int64_t>(random() % (libc.end - libc.base));
      rows += image.row_at(code + offset) != "-" ? 1 : 0;
    }
    return rows;
  };
  EXPECT_GT(ask(Image(whole)), 10U);
  for (int round = 0; round < 100; ++round) {
    ask(Image(Bytes(whole.begin(), whole.begin() + static_cast<long>(random() % whole.size()))));
  }
  Image image(whole);
  for (int round = 0; round < 500; ++round) {
    for (int change = 0; change < 50; ++change) {
      image[12 + random() % (whole.size() - 12)] = static_cast<uint8_t>(random());
    }
    ask(image);
  }
}

}  // namespace
}  // namespace heaptag::stack
