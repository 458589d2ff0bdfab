-- Tables, closures and strings that die young among a tree that lives on. A Lua heap: every block
-- goes through one function like realloc. Usage: tables.lua ROUNDS
local rounds = tonumber(arg[1])
local seed = 42

local function draw(bound)
  seed = (seed * 1103515245 + 12345) & 0x7fffffff
  return (seed >> 8) % bound
end

local function insert(node, key)
  if not node then
    return { key = key, names = { "n" .. key } }
  end
  if key < node.key then
    node.left = insert(node.left, key)
  elseif key > node.key then
    node.right = insert(node.right, key)
  else
    node.names[#node.names + 1] = "again" .. #node.names
  end
  return node
end

local function walk(node, visit)
  if node then
    walk(node.left, visit)
    visit(node)
    walk(node.right, visit)
  end
end

local sum = 0
for _ = 1, rounds do
  local root
  for _ = 1, 20000 do
    root = insert(root, draw(15000))
  end
  local parts = {}
  walk(root, function(node)
    parts[#parts + 1] = table.concat(node.names, "+")
  end)
  local text = table.concat(parts, ",")
  sum = (sum * 31 + #text + text:byte(draw(#text) + 1)) & 0xffffffff
end
print(string.format("tables: %d rounds, %d", rounds, sum))
