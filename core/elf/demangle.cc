#include "core/elf/demangle.h"

#include <cstring>
#include <string_view>

#include "core/base/format.h"

// As in <libiberty/demangle.h>, which C++ cannot read after <cstring>: it declares basename once
// more.
extern "C" int cplus_demangle_v3_callback(const char* mangled,
                                          int options,
                                          void (*put)(const char* part, size_t size, void* context),
                                          void* context);

// The allocation functions that the demangler refers to: core/CMakeLists.txt has renamed them. Only
// entry points that nobody calls reach them. What it imports besides is memcpy, str(n)cmp, strlen,
// __stack_chk_fail, and __sprintf_chk for "%d", for which libc allocates nothing.
extern "C" {
void* heaptag_demangler_malloc(size_t /*size*/) {
  return nullptr;
}

void* heaptag_demangler_realloc(void* /*block*/, size_t /*size*/) {
  return nullptr;
}

void heaptag_demangler_free(void* /*block*/) {}
}

namespace heaptag::elf {
namespace {

constexpr int kNoOptions = 0;      // DMGL_NO_OPTS
constexpr int kParameters = 0x01;  // DMGL_PARAMS

}  // namespace

bool demangle(const char* symbol, char* buffer, size_t capacity, DemangleForm form) {
  if (symbol[0] != '_' || symbol[1] != 'Z' || std::strlen(symbol) > kMaxDemangledSymbol) {
    return false;
  }
  BufferSink text(buffer, capacity);
  const auto put = [](const char* part, size_t size, void* context) {
    static_cast<BufferSink*>(context)->sink().put(std::string_view(part, size));
  };
  const int options = form == DemangleForm::kWhole ? kParameters : kNoOptions;
  return cplus_demangle_v3_callback(symbol, options, put, &text) != 0 && !text.truncated();
}

}  // namespace heaptag::elf
