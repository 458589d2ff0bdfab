#include "core/elf/elf_symbols.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace heaptag::elf {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint64_t kTextBegin = 0x1000;
constexpr uint64_t kTextEnd = 0x2000;
constexpr uint64_t kFiniEnd = 0x2100;

struct TestSymbol {
  const char* name;
  uint64_t value;
  uint64_t size_bytes;
  unsigned char binding = STB_GLOBAL;
  unsigned char type = STT_FUNC;
  uint16_t section = 1;
};

template <class T>
void append(Bytes* bytes, const T& value) {
  const auto* from = reinterpret_cast<const uint8_t*>(&value);
  bytes->insert(bytes->end(), from, from + sizeof value);
}

template <class T>
void overwrite(Bytes* bytes, size_t offset, const T& value) {
  std::memcpy(bytes->data() + offset, &value, sizeof value);
}

const Bytes kBuildId = {0x1f, 0x3c, 0x9a, 0x01};
constexpr char kBuildIdHex[] = "1f3c9a01";

struct BuildOptions {
  uint32_t table_type = SHT_SYMTAB;
  bool extended_numbering = false;
  std::string debug_link = {};
  Bytes build_id = kBuildId;
};

/// An ELF file with .text at 0x1000, .fini at 0x2000, a build-id and these symbols.
Bytes build_elf(const std::vector<TestSymbol>& symbols, const BuildOptions& options = {}) {
  Bytes file(sizeof(Elf64_Ehdr));
  std::string names(1, '\0');
  Bytes table;
  append(&table, Elf64_Sym{});
  for (const TestSymbol& symbol : symbols) {
    Elf64_Sym raw = {};
    raw.st_name = static_cast<uint32_t>(names.size());
    raw.st_info = ELF64_ST_INFO(symbol.binding, symbol.type);
    raw.st_shndx = symbol.section;
    raw.st_value = symbol.value;
    raw.st_size = symbol.size_bytes;
    append(&table, raw);
    names += symbol.name;
    names += '\0';
  }
  Bytes note;
  append(&note, Elf64_Nhdr{4, static_cast<uint32_t>(options.build_id.size()), NT_GNU_BUILD_ID});
  note.insert(note.end(), {'G', 'N', 'U', 0});
  note.insert(note.end(), options.build_id.begin(), options.build_id.end());

  std::string section_names(1, '\0');
  std::vector<Elf64_Shdr> sections(1);
  const auto add = [&](const char* name, uint32_t type, const void* data, size_t size_bytes) {
    Elf64_Shdr header = {};
    header.sh_name = static_cast<uint32_t>(section_names.size());
    section_names += name;
    section_names += '\0';
    header.sh_type = type;
    header.sh_offset = file.size();
    header.sh_size = size_bytes;
    const auto* from = static_cast<const uint8_t*>(data);
    if (data != nullptr) {
      file.insert(file.end(), from, from + size_bytes);
    }
    sections.push_back(header);
  };
  add(".text", SHT_NOBITS, nullptr, kTextEnd - kTextBegin);
  sections.back().sh_addr = kTextBegin;
  sections.back().sh_flags = SHF_ALLOC | SHF_EXECINSTR;
  add(".fini", SHT_NOBITS, nullptr, kFiniEnd - kTextEnd);
  sections.back().sh_addr = kTextEnd;
  sections.back().sh_flags = SHF_ALLOC | SHF_EXECINSTR;
  add(".note.gnu.build-id", SHT_NOTE, note.data(), options.build_id.empty() ? 0 : note.size());
  add(".symtab", options.table_type, table.data(), table.size());
  sections.back().sh_entsize = sizeof(Elf64_Sym);
  sections.back().sh_link = 5;
  add(".strtab", SHT_STRTAB, names.data(), names.size());
  add(".gnu_debuglink", SHT_PROGBITS, options.debug_link.c_str(), options.debug_link.size() + 1);
  section_names += ".shstrtab";
  add("", SHT_STRTAB, nullptr, 0);
  sections.back().sh_size = section_names.size();
  file.insert(file.end(), section_names.begin(), section_names.end());

  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_shoff = file.size();
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<uint16_t>(sections.size());
  header.e_shstrndx = static_cast<uint16_t>(sections.size() - 1);
  if (options.extended_numbering) {
    sections[0].sh_size = header.e_shnum;
    sections[0].sh_link = header.e_shstrndx;
    header.e_shnum = 0;
    header.e_shstrndx = SHN_XINDEX;
  }
  overwrite(&file, 0, header);
  for (const Elf64_Shdr& section : sections) {
    append(&file, section);
  }
  return file;
}

/// The answers to some addresses, in their order: "function+offset", or "-".
std::vector<std::string> ask(const Symbols& symbols, const std::vector<uint64_t>& addresses) {
  std::vector<SymbolQuery> queries(addresses.size());
  for (size_t i = 0; i < addresses.size(); ++i) {
    queries[i].address = addresses[i];
    queries[i].id = static_cast<uint32_t>(i);
  }
  lookup_symbols(symbols, queries);
  std::vector<std::string> answers(addresses.size());
  for (const SymbolQuery& query : queries) {
    answers[query.id] = query.function == nullptr ? "-"
                                                  : std::string(query.function) + "+" +
                                                        std::to_string(query.function_offset);
  }
  return answers;
}

std::vector<std::string> ask_file(const Bytes& file, const std::vector<uint64_t>& addresses) {
  Symbols symbols;
  EXPECT_EQ(open_symbols_in_memory(file.data(), file.size(), &symbols), SymbolsStatus::kOpen);
  const auto answers = ask(symbols, addresses);
  close_symbols(&symbols);
  return answers;
}

using Answers = std::vector<std::string>;

TEST(ElfSymbols, AFunctionCoversItsSize) {
  const Bytes file = build_elf(
      {{"f", 0x1000, 0x10}, {"g", 0x1020, 0x10, STB_LOCAL}, {"x", 0x1030, 4, 1, STT_OBJECT}});
  EXPECT_EQ(ask_file(file, {0x102f, 0x1000, 0xfff, 0x100f, 0x1010, 0x1020, 0x1030, UINT64_MAX}),
            (Answers{"g+15", "f+0", "-", "f+15", "-", "g+0", "-", "-"}));
}

TEST(ElfSymbols, WithoutASizeItExtendsToTheNextOfItsSection) {
  const Bytes file = build_elf({{"unsized", 0x1100, 0},
                                {"next", 0x1200, 0x10},
                                {"last", 0x1f00, 0},
                                {"_fini", 0x2000, 0, STB_GLOBAL, STT_FUNC, 2}});
  EXPECT_EQ(ask_file(file, {0x1100, 0x11ff, 0x1200, 0x1210, 0x1fff, 0x2000, 0x20ff, 0x2100}),
            (Answers{"unsized+0", "unsized+255", "next+0", "-", "last+255", "_fini+0", "_fini+255",
                     "-"}));
}

TEST(ElfSymbols, PrefersSizedThenInnermostThenGlobal) {
  const Bytes file = build_elf({{"weak", 0x1000, 0x10, STB_WEAK},
                                {"local", 0x1000, 0x10, STB_LOCAL},
                                {"global", 0x1000, 0x10},
                                {"label", 0x1000, 0x10, STB_GLOBAL, STT_NOTYPE},
                                {"outer", 0x1100, 0x100},
                                {"mark", 0x1140, 0, STB_GLOBAL, STT_NOTYPE},
                                {"inner", 0x1180, 0x10, STB_LOCAL},
                                {"ifunc", 0x1300, 0x10, STB_GLOBAL, STT_GNU_IFUNC}});
  EXPECT_EQ(ask_file(file, {0x1008, 0x1150, 0x1188, 0x11a0, 0x1300}),
            (Answers{"global+8", "outer+80", "inner+8", "outer+160", "ifunc+0"}));
}

TEST(ElfSymbols, UntypedOnesAreFunctionsOnlyInCode) {
  const Bytes file = build_elf({{"asm_entry", 0x1000, 0, STB_GLOBAL, STT_NOTYPE},
                                {".Llocal", 0x1004, 0, STB_LOCAL, STT_NOTYPE},
                                {"_end", 0x1010, 0, STB_GLOBAL, STT_NOTYPE, SHN_ABS}});
  EXPECT_EQ(ask_file(file, {0x1008, 0x1018}), (Answers{"asm_entry+8", "asm_entry+24"}));
}

TEST(ElfSymbols, ReadsExtendedNumbering) {
  BuildOptions options;
  options.extended_numbering = true;
  EXPECT_EQ(ask_file(build_elf({{"f", 0x1000, 0x10}}, options), {0x1001}), (Answers{"f+1"}));
}

/// All that visit_functions tells, in its order: "name start+size", in hexadecimal.
Answers functions_of(const Symbols& symbols) {
  Answers told;
  const auto tell = [](void* context, const char* symbol, uint64_t start, uint64_t size_bytes) {
    EXPECT_LE(start, UINT64_MAX - size_bytes);
    std::ostringstream text;
    text << std::hex << symbol << ' ' << start << '+' << size_bytes;
    static_cast<Answers*>(context)->push_back(text.str());
  };
  visit_functions(symbols, {tell, &told});
  return told;
}

TEST(ElfSymbols, TellsOfFunctionsWithANameAndASize) {
  const Bytes file = build_elf({{"f", 0x1000, 0x10},
                                {"static_one", 0x1010, 0x10, STB_LOCAL},
                                {"alias", 0x1000, 0x10, STB_WEAK},
                                {"ifunc", 0x1300, 0x20, STB_GLOBAL, STT_GNU_IFUNC},
                                {"asm_entry", 0x1400, 0x8, STB_GLOBAL, STT_NOTYPE},
                                {"unsized", 0x1500, 0},
                                {"", 0x1600, 0x10},
                                {"object", 0x1700, 0x10, STB_GLOBAL, STT_OBJECT},
                                {"elsewhere", 0x9000, 8, STB_GLOBAL, STT_NOTYPE},
                                {"imported", 0, 0x10, STB_GLOBAL, STT_FUNC, SHN_UNDEF},
                                {"wraps", UINT64_MAX - 1, 0x10}});
  Symbols symbols;
  ASSERT_EQ(open_symbols_in_memory(file.data(), file.size(), &symbols), SymbolsStatus::kOpen);
  EXPECT_EQ(functions_of(symbols), (Answers{"f 1000+10", "static_one 1010+10", "alias 1000+10",
                                            "ifunc 1300+20", "asm_entry 1400+8"}));
  close_symbols(&symbols);
  EXPECT_EQ(functions_of(symbols), Answers{});
}

TEST(ElfSymbols, HostileTablesAreBounded) {
  std::vector<TestSymbol> symbols(100'000, TestSymbol{"f", 0, UINT64_MAX});
  std::vector<uint64_t> addresses;
  for (uint64_t i = 0; i < 10'000; ++i) {
    addresses.push_back(0x1000 + i);
  }
  EXPECT_EQ(ask_file(build_elf(symbols), addresses)[0], "f+4096");
}

// Whatever the bytes are, the reader stays inside of them: AddressSanitizer guards the ends.
void read_everything(const Bytes& file) {
  std::unique_ptr<uint8_t[]> exact(new uint8_t[file.size()]);
  std::copy(file.begin(), file.end(), exact.get());
  Symbols symbols;
  if (open_symbols_in_memory(exact.get(), file.size(), &symbols) == SymbolsStatus::kOpen) {
    std::vector<uint64_t> addresses = {0, 1, UINT64_MAX, UINT64_MAX - 1};
    for (uint64_t address = 0x1000; address < 0x9000; address += 0x80) {
      addresses.push_back(address);
    }
    ask(symbols, addresses);
  }
  symbols.elf.build_id();
  functions_of(symbols);
  close_symbols(&symbols);
}

Bytes read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

Bytes sample_elf() {
  return build_elf({{"f", 0x1000, 0x10}, {"unsized", 0x1100, 0}, {"g", 0x1200, 0x100, STB_LOCAL}});
}

TEST(ElfSymbolsHostile, TruncatedAtEveryLength) {
  const Bytes whole = sample_elf();
  for (size_t size_bytes = 0; size_bytes < whole.size(); ++size_bytes) {
    read_everything(Bytes(whole.begin(), whole.begin() + static_cast<long>(size_bytes)));
  }
}

TEST(ElfSymbolsHostile, ARealFileTruncatedAtEvery64thLength) {
  const Bytes whole = read_bytes("/bin/true");
  ASSERT_FALSE(whole.empty());
  for (size_t size_bytes = 0; size_bytes < whole.size(); size_bytes += 64) {
    read_everything(Bytes(whole.begin(), whole.begin() + static_cast<long>(size_bytes)));
    // The section table stands at the end: move it into what is left.
    Bytes moved(whole.begin(), whole.begin() + static_cast<long>(size_bytes));
    if (size_bytes >= sizeof(Elf64_Ehdr) + 64) {
      overwrite(&moved, offsetof(Elf64_Ehdr, e_shoff), uint64_t{sizeof(Elf64_Ehdr)});
      read_everything(moved);
    }
  }
}

TEST(ElfSymbolsHostile, RandomBytes) {
  std::mt19937_64 random(4711);
  const uint64_t extremes[] = {0, 1, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, INT64_MAX, UINT64_MAX};
  for (const Bytes& whole : {sample_elf(), read_bytes("/bin/true")}) {
    // The interesting bytes are those of the headers and tables; the rest of a real file is code.
    Elf64_Ehdr header;
    std::memcpy(&header, whole.data(), sizeof header);
    for (int round = 0; round < 10'000; ++round) {
      Bytes file = whole;
      for (uint64_t change = 0; change < 1 + random() % 8; ++change) {
        const uint64_t spot = random() % 4;
        const size_t begin = spot == 0 ? 0 : spot == 1 ? header.e_shoff : 0;
        const size_t end = spot == 0 ? sizeof header : file.size();
        const size_t at = begin + random() % (end - begin);
        if (random() % 2 == 0 && at + 8 <= file.size()) {
          overwrite(&file, at & ~size_t{7}, extremes[random() % std::size(extremes)]);
        } else {
          file[at] = static_cast<uint8_t>(random());
        }
      }
      read_everything(file);
    }
  }
}

/// Files in a folder of their own.
class ElfSymbolsFile : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/elf_symbols_test.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
  }

  void TearDown() override {
    for (const std::string& path : paths_) {
      unlink(path.c_str());
    }
    rmdir((folder_ + "/.debug").c_str());
    rmdir(folder_.c_str());
  }

  std::string write(const std::string& name, const Bytes& bytes) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
    paths_.push_back(path);
    return path;
  }

  SymbolsStatus open(const std::string& path, const char* build_id) {
    const SymbolsStatus status = open_symbols(path.c_str(), build_id, &symbols_);
    from_debug_ = symbols_.is_from_debug;
    answer_ = ask(symbols_, {0x1001})[0];
    close_symbols(&symbols_);
    EXPECT_TRUE(symbols_.table.is_empty());
    return status;
  }

  std::string folder_;
  std::vector<std::string> paths_;
  Symbols symbols_;
  bool from_debug_ = false;
  std::string answer_;
};

TEST_F(ElfSymbolsFile, OpensTheFileThatWasLoadedOnly) {
  const std::string path = write("module", build_elf({{"f", 0x1000, 0x10}}));
  EXPECT_EQ(open(path, nullptr), SymbolsStatus::kOpen);
  EXPECT_EQ(answer_, "f+1");
  EXPECT_EQ(open(path, kBuildIdHex), SymbolsStatus::kOpen);
  EXPECT_EQ(open(path, "1F3C9A01"), SymbolsStatus::kOpen);
  EXPECT_EQ(open(path, "1f3c9a02"), SymbolsStatus::kOtherBuild);
  EXPECT_EQ(answer_, "-");
  EXPECT_EQ(open(path, "1f3c9a"), SymbolsStatus::kOtherBuild);
  BuildOptions anonymous;
  anonymous.build_id.clear();
  const std::string other = write("anonymous", build_elf({{"f", 0x1000, 0x10}}, anonymous));
  EXPECT_EQ(open(other, kBuildIdHex), SymbolsStatus::kOtherBuild);
  EXPECT_EQ(open(other, nullptr), SymbolsStatus::kOpen);
}

TEST_F(ElfSymbolsFile, SaysWhyNot) {
  EXPECT_EQ(open(folder_ + "/none", nullptr), SymbolsStatus::kNoFile);
  EXPECT_EQ(open(folder_, nullptr), SymbolsStatus::kNoFile);
  EXPECT_EQ(open(write("empty", {}), nullptr), SymbolsStatus::kNoFile);
  EXPECT_EQ(open(write("text", Bytes(100, 'x')), nullptr), SymbolsStatus::kNotElf);
  EXPECT_EQ(open(write("stripped", build_elf({})), nullptr), SymbolsStatus::kNoSymbols);
}

TEST_F(ElfSymbolsFile, FollowsADebugLinkOfTheSameBuild) {
  BuildOptions stripped;
  stripped.table_type = SHT_DYNSYM;
  stripped.debug_link = "module.debug";
  const std::string path = write("module", build_elf({{"dynamic", 0x1000, 0x10}}, stripped));
  EXPECT_EQ(open(path, nullptr), SymbolsStatus::kOpen);
  EXPECT_EQ(answer_, "dynamic+1");

  BuildOptions other;
  other.build_id = {1, 2, 3, 4};
  write("module.debug", build_elf({{"wrong", 0x1000, 0x10}}, other));
  EXPECT_EQ(open(path, nullptr), SymbolsStatus::kOpen);
  EXPECT_EQ(answer_, "dynamic+1");

  mkdir((folder_ + "/.debug").c_str(), 0700);
  write(".debug/module.debug", build_elf({{"static_one", 0x1000, 0x10, STB_LOCAL}}));
  EXPECT_EQ(open(path, kBuildIdHex), SymbolsStatus::kOpen);
  EXPECT_TRUE(from_debug_);
  EXPECT_EQ(answer_, "static_one+1");
}

[[gnu::noinline]] int static_function(int x) {
  asm volatile("");
  return x + 1;
}

uint64_t load_bias_of(const void* address) {
  Dl_info info;
  link_map* map = nullptr;
  return dladdr1(address, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0
             ? 0
             : map->l_addr;
}

TEST(ElfSymbolsReal, FindsAStaticFunctionOfThisProgram) {
  const auto address = reinterpret_cast<uint64_t>(&static_function);
  const uint64_t bias = load_bias_of(reinterpret_cast<const void*>(address));
  Symbols symbols;
  ASSERT_EQ(open_symbols("/proc/self/exe", nullptr, &symbols), SymbolsStatus::kOpen);
  const std::string answer = ask(symbols, {address - bias + 1})[0];
  std::ostringstream start;
  start << std::hex << ' ' << address - bias << '+';
  const Answers told = functions_of(symbols);
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), [&](const std::string& line) {
    return line.find("static_function") < line.find(start.str()) &&
           line.find(start.str()) != std::string::npos;
  }));
  EXPECT_NE(answer.find("static_function"), std::string::npos) << answer;
  EXPECT_EQ(answer.substr(answer.rfind('+')), "+1");
  close_symbols(&symbols);
}

TEST(ElfSymbolsReal, AgreesWithTheLoaderAboutLibc) {
  void* libc = dlopen("libc.so.6", RTLD_NOW);
  ASSERT_NE(libc, nullptr);
  link_map* map = nullptr;
  ASSERT_EQ(dlinfo(libc, RTLD_DI_LINKMAP, &map), 0);
  Symbols symbols;
  ASSERT_EQ(open_symbols(map->l_name, nullptr, &symbols), SymbolsStatus::kOpen);
  std::vector<uint64_t> addresses;
  const char* const names[] = {"qsort", "printf", "getaddrinfo", "strtol", "regcomp"};
  for (const char* name : names) {
    addresses.push_back(reinterpret_cast<uint64_t>(dlsym(libc, name)) - map->l_addr);
  }
  const auto answers = ask(symbols, addresses);
  for (size_t i = 0; i < std::size(names); ++i) {
    // Aliases of one address are equally right.
    const std::string function = answers[i].substr(0, answers[i].rfind('+'));
    EXPECT_EQ(answers[i], function + "+0") << names[i];
    const void* found = dlsym(libc, function.c_str());
    EXPECT_TRUE(found == nullptr || found == dlsym(libc, names[i])) << names[i] << answers[i];
  }
  close_symbols(&symbols);
  dlclose(libc);
}

Answers functions_at(const Symbols& symbols, uint64_t address) {
  Answers told;
  visit_functions_at(symbols, address,
                     {[](void* to, const char* name, uint64_t start, uint64_t size_bytes) {
                        static_cast<Answers*>(to)->push_back(std::string(name) + " " +
                                                             std::to_string(start) + "+" +
                                                             std::to_string(size_bytes));
                      },
                      &told});
  std::sort(told.begin(), told.end());
  return told;
}

TEST(ElfSymbolsAt, TellsOfAllThatCoverAnAddress) {
  const Bytes file = build_elf({{"first", 0x1000, 0x20},
                                {"alias", 0x1000, 0x20, STB_WEAK},
                                {"inner", 0x1010, 0x8, STB_LOCAL},
                                {"table", 0x1010, 0x8, STB_GLOBAL, STT_OBJECT},
                                {"without_size", 0x1018, 0}});
  Symbols symbols;
  ASSERT_EQ(open_symbols_in_memory(file.data(), file.size(), &symbols), SymbolsStatus::kOpen);
  EXPECT_EQ(functions_at(symbols, 0x1000), (Answers{"alias 4096+32", "first 4096+32"}));
  EXPECT_EQ(functions_at(symbols, 0x1017),
            (Answers{"alias 4096+32", "first 4096+32", "inner 4112+8"}));
  EXPECT_EQ(functions_at(symbols, 0x101f), (Answers{"alias 4096+32", "first 4096+32"}));
  EXPECT_EQ(functions_at(symbols, 0x1020), Answers{});
  EXPECT_EQ(functions_at(symbols, 0xfff), Answers{});
  close_symbols(&symbols);
}

TEST(ElfSymbolsLoaded, AreThoseOfTheFile) {
  // libc's own, whatever a sanitizer puts before it.
  void* libc = dlopen("libc.so.6", RTLD_NOW);
  const auto address = reinterpret_cast<uintptr_t>(dlsym(libc, "qsort"));
  Dl_info info;
  ASSERT_NE(dladdr(reinterpret_cast<void*>(address), &info), 0);
  const uint64_t offset = address - load_bias_of(reinterpret_cast<const void*>(address));
  Symbols loaded;
  Symbols file;
  ASSERT_TRUE(open_loaded_symbols(address, &loaded));
  ASSERT_EQ(open_symbols(info.dli_fname, nullptr, &file, DebugFile::kLeaveOut),
            SymbolsStatus::kOpen);
  EXPECT_EQ(loaded.table.size_bytes, file.table.size_bytes);
  EXPECT_EQ(functions_of(loaded), functions_of(file));
  EXPECT_EQ(functions_at(loaded, offset + 1), functions_at(file, offset + 1));
  EXPECT_FALSE(functions_at(loaded, offset + 1).empty());
  close_symbols(&loaded);
  close_symbols(&file);
}

TEST(ElfSymbolsLoaded, BelongToAnObject) {
  const int local = 0;
  Symbols symbols;
  EXPECT_FALSE(open_loaded_symbols(reinterpret_cast<uintptr_t>(&local), &symbols));
}

}  // namespace
}  // namespace heaptag::elf
