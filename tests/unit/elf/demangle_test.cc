#include "core/elf/demangle.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/elf/elf_symbols.h"

namespace heaptag::elf {
namespace {

std::string demangled(const std::string& symbol, DemangleForm form = DemangleForm::kWhole) {
  char buffer[8192];
  return demangle(symbol.c_str(), buffer, sizeof buffer, form) ? buffer : "-";
}

std::string by_the_runtime(const std::string& symbol) {
  int status = 0;
  char* text = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  const std::string copy = text == nullptr ? "-" : text;
  std::free(text);
  return copy;
}

/// All function symbols of a loaded library.
std::vector<std::string> symbols_of(const char* library) {
  std::vector<std::string> names;
  void* handle = dlopen(library, RTLD_NOW);
  link_map* map = nullptr;
  Symbols symbols;
  if (handle != nullptr && dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 &&
      open_symbols(map->l_name, nullptr, &symbols) == SymbolsStatus::kOpen) {
    const auto add = [](void* context, const char* symbol, uint64_t, uint64_t) {
      static_cast<std::vector<std::string>*>(context)->push_back(symbol);
    };
    visit_functions(symbols, {add, &names});
    close_symbols(&symbols);
  }
  return names;
}

TEST(Demangle, WholeNamesAndBareOnes) {
  EXPECT_EQ(demangled("_ZN4exif6Reader5fieldEi"), "exif::Reader::field(int)");
  EXPECT_EQ(demangled("_ZN4exif6Reader5fieldEi", DemangleForm::kName), "exif::Reader::field");
  EXPECT_EQ(demangled("_Z4readIiEvR6ReaderT_"), "void read<int>(Reader&, int)");
  EXPECT_EQ(demangled("_Z4readIiEvR6ReaderT_", DemangleForm::kName), "read<int>");
  EXPECT_EQ(demangled("_ZNK3Foo3getEv"), "Foo::get() const");
  EXPECT_EQ(demangled("_ZNK3Foo3getEv", DemangleForm::kName), "Foo::get");
  EXPECT_EQ(demangled("_ZZ4mainENKUlvE_clEv", DemangleForm::kName),
            "main::{lambda()#1}::operator()");
}

TEST(Demangle, RefusesWhatIsNotMangled) {
  for (const char* symbol : {"", "_", "_Z", "_ZZ", "main", "Z1f", "_ZN3Foo", "_RNvCs1_3foo3bar"}) {
    EXPECT_EQ(demangled(symbol), "-") << symbol;
  }
}

TEST(Demangle, RefusesWhatIsTooLongOrDoesNotFit) {
  const auto function = [](size_t size) {
    const std::string digits = std::to_string(size);
    return "_Z" + digits + std::string(size, 'f') + "v";
  };
  EXPECT_EQ(demangled(function(kMaxDemangledSymbol - 6)),
            std::string(kMaxDemangledSymbol - 6, 'f') + "()");
  EXPECT_EQ(demangled(function(kMaxDemangledSymbol - 5)), "-");
  char small[4];
  EXPECT_TRUE(demangle("_Z1fv", small, 4));
  EXPECT_STREQ(small, "f()");
  EXPECT_FALSE(demangle("_Z1fv", small, 3));
  EXPECT_EQ(small[2], '\0');
}

TEST(Demangle, SaysWhatTheRuntimeLibrarySays) {
  size_t count = 0;
  for (const std::string& symbol : symbols_of("libstdc++.so.6")) {
    if (symbol.starts_with("_Z") && symbol.size() <= kMaxDemangledSymbol) {
      ASSERT_EQ(demangled(symbol), by_the_runtime(symbol)) << symbol;
      ++count;
    }
  }
  EXPECT_GT(count, 3000u);
}

TEST(Demangle, SurvivesNonsense) {
  const std::vector<std::string> symbols = symbols_of("libstdc++.so.6");
  for (size_t i = 0; i < symbols.size(); i += 7) {
    for (const size_t at : {symbols[i].size() / 3, symbols[i].size() / 2}) {
      demangled(symbols[i].substr(0, at));
      std::string changed = symbols[i];
      changed[at] = static_cast<char>("NIEJSTKPRL0129_"[i % 15]);
      demangled(changed);
    }
  }
  for (const char c : {'P', 'R', 'K', 'N', 'I', 'F'}) {
    demangled("_Z1f" + std::string(kMaxDemangledSymbol - 5, c) + "i");
  }
}

}  // namespace
}  // namespace heaptag::elf
