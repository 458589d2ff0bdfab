#include "core/config/wrapper_list.h"

#include "core/base/text.h"
#include "core/config/rule_text.h"

namespace heaptag::config {

namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kReserved = ";#";  // ',' and the first '@' are separators

class WrapperReader {
 public:
  WrapperReader(std::string_view text, const WrapperVisitor& visitor)
      : lines_(text), visitor_(visitor) {}

  void read() {
    while (lines_.next()) {
      std::string_view rest = lines_.line();
      while (!rest.empty()) {
        const std::string_view piece = trim(take_until(&rest, ','));
        if (!piece.empty()) {
          read_wrapper(piece);
        }
      }
    }
  }

 private:
  void read_wrapper(std::string_view piece) const {
    const size_t at = find_unquoted(piece, '@');
    const PlainText function = read_text(trim(take_first(piece, at)), kReserved);
    if (function.problem != nullptr) {
      refuse(function);
      return;
    }
    if (function.value.empty()) {
      refuse({{},
              piece,
              {},
              at == kNone ? "no function between the quotes"
                          : "no function before '@'; use *@LIB for all of a library"});
      return;
    }
    if (at == kNone) {
      visitor_.wrapper(visitor_.context, function.value, "*");
      return;
    }
    const PlainText library = read_text(trim(drop_first(piece, at + 1)), kReserved);
    if (library.problem != nullptr) {
      refuse(library);
    } else if (library.value.empty()) {
      refuse({{}, drop_first(piece, at), {}, "no library behind '@'; leave out the '@' for all"});
    } else {
      visitor_.wrapper(visitor_.context, function.value, library.value);
    }
  }

  void refuse(const PlainText& text) const {
    Mistake mistake = lines_.mistake_at(text.where);
    MistakeText sentence(&mistake);
    if (!text.token.empty()) {
      sentence.put_quoted(text.token);
    }
    sentence.put(text.problem);
    visitor_.mistake(visitor_.context, mistake);
  }

  Lines lines_;
  const WrapperVisitor& visitor_;
};

}  // namespace

void read_wrapper_list(std::string_view text, const WrapperVisitor& visitor) {
  WrapperReader(text, visitor).read();
}

}  // namespace heaptag::config
