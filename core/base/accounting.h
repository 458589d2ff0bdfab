// Whether blocks are charged to anybody. A library without accounting is of use to bench/compare
// only: it shows what the accounting costs. cmake -DHEAPTAG_ACCOUNTING=OFF. Layer: core/base.
#pragma once

namespace heaptag {

#ifdef HEAPTAG_WITHOUT_ACCOUNTING
inline constexpr bool kAccounting = false;
#else
inline constexpr bool kAccounting = true;
#endif

}  // namespace heaptag
