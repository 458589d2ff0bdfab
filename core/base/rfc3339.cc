#include "core/base/rfc3339.h"

namespace heaptag {

namespace {

struct Date {
  uint64_t year;
  unsigned month;
  unsigned day;
};

// Days since 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years that
// begin in March, so that the leap day comes last. Source: Howard Hinnant, "chrono-compatible
// low-level date algorithms".
Date date_of(uint64_t days) {
  const uint64_t shifted = days + 719468;
  const uint64_t era = shifted / 146097;
  const uint64_t day_of_era = shifted % 146097;
  const uint64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const uint64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint64_t march_month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<unsigned>(day_of_year - (153 * march_month + 2) / 5 + 1);
  const auto month = static_cast<unsigned>(march_month < 10 ? march_month + 3 : march_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

char* put_digits(char* at, uint64_t value, unsigned digits) {
  for (unsigned i = digits; i-- > 0;) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return at + digits;
}

}  // namespace

void write_rfc3339(uint64_t since_epoch_ns, char (&text)[kRfc3339Bytes]) {
  const uint64_t ms = since_epoch_ns / 1'000'000;
  const uint64_t seconds = ms / 1000;
  const Date date = date_of(seconds / 86400);
  char* at = put_digits(text, date.year, 4);
  *at++ = '-';
  at = put_digits(at, date.month, 2);
  *at++ = '-';
  at = put_digits(at, date.day, 2);
  *at++ = 'T';
  at = put_digits(at, seconds / 3600 % 24, 2);
  *at++ = ':';
  at = put_digits(at, seconds / 60 % 60, 2);
  *at++ = ':';
  at = put_digits(at, seconds % 60, 2);
  *at++ = '.';
  at = put_digits(at, ms % 1000, 3);
  *at++ = 'Z';
  *at = '\0';
}

}  // namespace heaptag
