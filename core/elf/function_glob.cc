#include "core/elf/function_glob.h"

#include <cstring>

#include "core/base/glob.h"
#include "core/base/text.h"
#include "core/elf/demangle.h"

namespace heaptag::elf {
namespace {

constexpr size_t kNameBytes = 8192;  // demangled names are longer than mangled ones

/// Words of demangled names that mangled ones spell otherwise ("Ss" is std::string, "j" is unsigned
/// int). Every other word is an identifier of the program, and stands in the symbol as it is.
constexpr std::string_view kOtherWords =
    "std allocator basic_string basic_istream basic_ostream basic_iostream char_traits string "
    "void bool boolean char byte short int long signed unsigned float double wchar_t char8_t "
    "char16_t "
    "char32_t half auto decltype nullptr decimal32 decimal64 decimal128 bfloat16_t __int128 "
    "__float128 "
    "__bf16 _Float16 _Float32 _Float64 _Float128 _Complex _Imaginary _BitInt _Accum _Fract _Sat "
    "__vector const volatile restrict __restrict noexcept throw transaction_safe mutable "
    "operator new delete sizeof alignof typeid typename template class enum this co_await "
    "const_cast "
    "dynamic_cast static_cast reinterpret_cast true false literal anonymous namespace lambda "
    "unnamed "
    "type default arg parm clone abi friend requires vtable VTT construction typeinfo name fn "
    "function "
    "non virtual thunk covariant return guard variable TLS init wrapper reference temporary hidden "
    "alias transaction parameter object initializer module for global constructors destructors "
    "keyed";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The longest part of a glob that has to be in the symbol; empty when none is sure to be.
std::string_view find_word(std::string_view glob) {
  std::string_view longest;
  size_t at = 0;
  while (at < glob.size()) {
    if (glob[at] == '[') {
      // What stands in a class is no text. An unclosed one hides the rest: slower, not wrong.
      const size_t first = at + (at + 1 < glob.size() && glob[at + 1] == '!' ? 3 : 2);
      const size_t close = glob.find(']', first);
      at = close < glob.size() ? close + 1 : glob.size();
      continue;
    }
    size_t end = at;
    while (end < glob.size() && is_word(glob[end])) {
      ++end;
    }
    const std::string_view word = take_first(drop_first(glob, at), end - at);
    // Numbers are spelled otherwise: 5ul, lambda()#1.
    const bool starts_well = !word.empty() && (word[0] < '0' || word[0] > '9');
    if (starts_well && word.size() > longest.size() && word.size() >= 3 &&
        kOtherWords.find(word) == std::string_view::npos) {
      longest = word;
    }
    at = end == at ? at + 1 : end;
  }
  return longest;
}

}  // namespace

FunctionGlob::FunctionGlob(std::string_view glob)
    : glob_(glob),
      word_(find_word(glob)),
      has_parameters_(glob.find('(') != std::string_view::npos) {}

bool FunctionGlob::matches(std::string_view symbol) const {
  // The quick no: neither the symbol nor its demangled name can have what is missing here.
  if (!word_.empty() &&
      memmem(symbol.data(), symbol.size(), word_.data(), word_.size()) == nullptr) {
    return false;
  }
  const std::string_view name = without_suffixes(symbol);
  return glob_matches(glob_, name) ||
         (name.size() != symbol.size() && glob_matches(glob_, symbol)) ||
         (name.starts_with("_Z") && matches_demangled(name));
}

bool FunctionGlob::matches_demangled(std::string_view symbol) const {
  if (symbol.size() > kMaxDemangledSymbol) {
    return false;
  }
  char copy[kMaxDemangledSymbol + 1];  // without the suffixes, which would be in the name
  std::memcpy(copy, symbol.data(), symbol.size());
  copy[symbol.size()] = '\0';
  char name[kNameBytes];
  return (demangle(copy, name, sizeof name, DemangleForm::kName) && glob_matches(glob_, name)) ||
         (has_parameters_ && demangle(copy, name, sizeof name) && glob_matches(glob_, name));
}

std::string_view without_suffixes(std::string_view symbol) {
  for (size_t i = 1; i < symbol.size(); ++i) {
    if (symbol[i] == '.' || symbol[i] == '@') {
      return take_first(symbol, i);
    }
  }
  return symbol;
}

}  // namespace heaptag::elf
