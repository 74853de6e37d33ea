/**
 * A stream whose ids have run ahead of the clock, brought back to it.
 *
 * Whoever may add to a stream may say under which id. What is added after it has a later one, so one entry from the end of time
 * shuts the stream for everybody, for good, and one from next year makes every id after it a lie about when. Rights of Redis
 * cannot forbid that. So it is set back as soon as each of its groups was given all of it, and has acknowledged it: what is left
 * of it goes then, and new entries have ids of the present. A clock of Redis that was put back is no reason for that within
 * `STREAM_AHEAD_MS_MAX`.
 */
import { hour } from "#runtime/units.ts";

/** How far the last id of a stream may be ahead of the clock of its server. */
export const STREAM_AHEAD_MS_MAX: number = 1 * hour;

/** One key, and `STREAM_AHEAD_MS_MAX`; 1 where it was set back. Ids have 64 bits, more than numbers of Lua: compared as texts. */
export const SET_BACK_SCRIPT = `
local stream = KEYS[1]
if redis.call('EXISTS', stream) == 0 then return 0 end
local function facts(list)
  local found = {}
  for at = 1, #list, 2 do found[list[at]] = list[at + 1] end
  return found
end
local last = facts(redis.call('XINFO', 'STREAM', stream))['last-generated-id']
local now = redis.call('TIME')[1] * 1000
local ahead = string.format('%.0f', now + ARGV[1])
local ms = last:match('^%d+')
if #ms < #ahead or (#ms == #ahead and ms <= ahead) then return 0 end
local groups = {}
for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local of = facts(group)
  if of['pending'] > 0 or of['last-delivered-id'] ~= last then return 0 end
  groups[#groups + 1] = of['name']
end
if #groups == 0 then return 0 end
redis.call('XTRIM', stream, 'MAXLEN', 0)
local id = string.format('%.0f-0', now)
redis.call('XSETID', stream, id)
for _, name in ipairs(groups) do redis.call('XGROUP', 'SETID', stream, name, id) end
return 1
`;
