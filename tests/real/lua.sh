#!/bin/bash
# lua: tables, strings, coroutines, metatables, weak tables, both collectors, loaded chunks
# packages: lua5.4
# programs: lua5.4
# status: 1
. "$REAL/common.sh"
cat > tmp/w.lua <<'L'
for _, mode in ipairs { "incremental", "generational" } do collectgarbage(mode)
local t = {} for i = 1, 60000 do local k = "k" .. i % 613; t[k] = (t[k] or "") .. (i % 10) end
local keys = {} for k in pairs(t) do keys[#keys + 1] = k end table.sort(keys); print(#keys, keys[1], #t.k5)
local co = coroutine.wrap(function() for i = 1, 1e5 do coroutine.yield({ i }) end end) local s = 0 for i = 1, 20000 do s = s + co()[1] end print(s)
local weak = setmetatable({}, { __mode = "k" }) for i = 1, 5000 do weak[{}] = i end collectgarbage() print(next(weak))
local closed = 0 for i = 1, 500 do local x <close> = setmetatable({}, { __close = function() closed = closed + 1 end }) end print(closed)
print(string.rep("ab", 1000, ","):gsub("(a)(b)", "%2%1"):sub(1, 20), ("x"):rep(20000):len(), string.format("%q %5.2f %x", "a\nb", math.pi, 255))
local f = {} for i = 1, 800 do f[i] = assert(load("local x = ... return function() x = (x or 0) + " .. i .. " return x end"))(i) end local n = 0 for i = 1, 800 do n = n + f[i]() end print(n)
print(select("#", table.unpack({}, 1, 200)), (pcall(error, { code = 1 })), string.pack("<i4z", 7, "zz"):byte(1, -1)) end
local file = io.open("out/l", "w") for i = 1, 5000 do file:write(i * i % 1009, "\n") end file:close() print(io.popen("wc -l < out/l"):read("n"))
local function deep(n) return 1 + deep(n + 1) end print((pcall(deep, 1))) error("at the end")
L
lua5.4 tmp/w.lua
