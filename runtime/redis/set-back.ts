/**
 * A stream whose ids have run ahead of the clock, brought back to it.
 *
 * Whoever may add to a stream may say under which id. What is added after it has a later one, so one entry from the end of time
 * shuts the stream for everybody, for good, and one from next year makes every id after it a lie about when. Rights of Redis
 * cannot forbid that. So it is set back as soon as each of its groups was given all of it that is there, and has acknowledged it:
 * what is left of it goes then, and new entries have ids of the present. A clock of Redis that was put back is no reason for that within
 * `STREAM_AHEAD_MS_MAX`.
 */
import { ID_ORDER } from "#runtime/redis/id-order.ts";
import { hour } from "#runtime/units.ts";

/** How far the last id of a stream may be ahead of the clock of its server. */
export const STREAM_AHEAD_MS_MAX: number = 1 * hour;

/**
 * One key, and `STREAM_AHEAD_MS_MAX`; 1 where it was set back.
 *
 * No entry is looked at, for one may be as large as the memory: `XINFO STREAM`, which tells the first and the last of them, is
 * asked of an empty stream only. That one has a last id too, and whoever adds with `MAXLEN 0` sets it. Of another, `XSETID`
 * takes the lowest id that all groups were given, unless there is something behind it.
 */
export const SET_BACK_SCRIPT: string = `#!lua flags=allow-oom
local stream = KEYS[1]
if redis.call('EXISTS', stream) == 0 then return 0 end
local now = redis.call('TIME')[1] * 1000
local limit = string.format('%.0f', now + ARGV[1])
${ID_ORDER}local function facts(list)
  local found = {}
  for at = 1, #list, 2 do found[list[at]] = list[at + 1] end
  return found
end
local groups = {}
local last
for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local of = facts(group)
  if of['pending'] > 0 then return 0 end
  local given = of['last-delivered-id']
  if not last or before(given, last) then last = given end
  groups[#groups + 1] = of['name']
end
if not last then return 0 end
local isempty = redis.call('XLEN', stream) == 0
if isempty then last = facts(redis.call('XINFO', 'STREAM', stream))['last-generated-id'] end
if not less(limit, last:match('^%d+')) then return 0 end
if not isempty and redis.pcall('XSETID', stream, last)['err'] then return 0 end
redis.call('XTRIM', stream, 'MAXLEN', 0)
local id = string.format('%.0f-0', now)
redis.call('XSETID', stream, id)
for _, name in ipairs(groups) do redis.call('XGROUP', 'SETID', stream, name, id) end
return 1
`;
