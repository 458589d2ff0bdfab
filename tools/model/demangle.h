// Names of functions as people read them.
#pragma once

#include <string>

namespace heaptag::tools {

/// The demangled name of a linker symbol, without its parameter list, return type and qualifiers:
/// "_ZN4exif6Reader5fieldEi" becomes "exif::Reader::field". Standard names are short:
/// "std::string", "std::vector<int>". A name that is not mangled comes back as it is. Errors: none.
std::string demangle(const std::string& symbol);

/// Cuts a demangled name down to its qualified name; what it cannot take apart stays as it is.
std::string strip_signature(const std::string& demangled);

}  // namespace heaptag::tools
