/**
 * Which of two ids of a stream is the earlier one, for scripts: `before(one, other)`, and `less(one, other)` of their numbers.
 * These have 64 bits, more than numbers of Lua, so they are compared as texts.
 */
export const ID_ORDER = `local function less(one, other)
  if #one ~= #other then return #one < #other end
  return one < other
end
local function before(one, other)
  local ms, sequence = one:match('^(%d+)-(%d+)$')
  local otherms, othersequence = other:match('^(%d+)-(%d+)$')
  if ms ~= otherms then return less(ms, otherms) end
  return less(sequence, othersequence)
end
`;
