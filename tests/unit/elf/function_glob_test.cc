#include "core/elf/function_glob.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>

#include <random>
#include <string>
#include <vector>

#include "core/base/glob.h"
#include "core/elf/demangle.h"
#include "core/elf/elf_symbols.h"

namespace heaptag::elf {
namespace {

bool matches(std::string_view glob, std::string_view symbol) {
  return FunctionGlob(glob).matches(symbol);
}

TEST(FunctionGlob, RawSymbols) {
  EXPECT_TRUE(matches("load_*", "load_image"));
  EXPECT_FALSE(matches("load_*", "save_image"));
  EXPECT_TRUE(matches("_ZN4exif*", "_ZN4exif6Reader5fieldEi"));
  EXPECT_TRUE(matches("load", "load.part.0"));
  EXPECT_TRUE(matches("load", "load@@VERSION_1"));
  EXPECT_TRUE(matches("load.part.*", "load.part.0"));
  EXPECT_FALSE(matches("load", "loads.part.0"));
  EXPECT_FALSE(matches("", "load"));
}

TEST(FunctionGlob, DemangledNames) {
  const char* field = "_ZN4exif6Reader5fieldEi";
  EXPECT_TRUE(matches("exif::Reader::field", field));
  EXPECT_TRUE(matches("exif::*", field));
  EXPECT_TRUE(matches("*::field", field));
  EXPECT_TRUE(matches("exif::Reader::field(int)", field));
  EXPECT_TRUE(matches("*Reader::field(*)", field));
  EXPECT_FALSE(matches("exif::Reader::field(char)", field));
  EXPECT_FALSE(matches("exif::Reader", field));
  EXPECT_FALSE(matches("field", field));
  EXPECT_TRUE(matches("exif::Reader::field", "_ZN4exif6Reader5fieldEi.cold"));
  EXPECT_TRUE(matches("exif::Reader::field(int)", "_ZN4exif6Reader5fieldEi.constprop.0"));
}

TEST(FunctionGlob, NamesThatTheSymbolSpellsOtherwise) {
  EXPECT_TRUE(matches("std::*string*", "_ZNSs6appendEPKc"));
  EXPECT_TRUE(matches("operator new*", "_Znwm"));
  EXPECT_TRUE(matches("*lambda*", "_ZZ4mainENKUlvE_clEv"));
  EXPECT_TRUE(matches("*anonymous*", "_ZN12_GLOBAL__N_14loadEv"));
  EXPECT_TRUE(matches("Foo::operator()", "_ZN3FooclEi"));
  EXPECT_TRUE(matches("Foo::operator[[]]", "_ZN3FooixEi"));
  EXPECT_TRUE(matches("read<unsigned int>", "_Z4readIjEvT_"));
  EXPECT_TRUE(matches("read<5ul>", "_Z4readILm5EEvv"));
}

std::vector<std::string> symbols_of_the_runtime() {
  std::vector<std::string> names;
  void* handle = dlopen("libstdc++.so.6", RTLD_NOW);
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

// Looking for a word of the glob first must not lose a match.
TEST(FunctionGlob, AgreesWithDemanglingEverything) {
  const std::vector<std::string> symbols = symbols_of_the_runtime();
  ASSERT_GT(symbols.size(), 3000u);
  std::mt19937_64 random(4711);
  size_t found = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string& symbol = symbols[random() % symbols.size()];
    char name[8192];
    const bool whole = random() % 2 == 0;
    if (!demangle(symbol.c_str(), name, sizeof name,
                  whole ? DemangleForm::kWhole : DemangleForm::kName)) {
      continue;
    }
    const std::string text = name;
    const size_t begin = random() % text.size();
    const std::string part = text.substr(begin, 1 + random() % 12);
    const std::string glob = "*" + part + "*";
    // Brackets in names are classes in globs.
    if (part.find_first_of("[]*?") != std::string::npos || !glob_matches(glob, text) ||
        (whole && part.find('(') == std::string::npos)) {
      continue;
    }
    EXPECT_TRUE(matches(glob, symbol)) << glob << " is in " << text;
    ++found;
  }
  EXPECT_GT(found, 5'000u);
}

}  // namespace
}  // namespace heaptag::elf
