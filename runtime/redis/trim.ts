/**
 * What may leave a stream: what each of its groups was given and has acknowledged. Without it a stream only grows, until Redis
 * has no memory left and refuses whoever adds.
 *
 * Nothing that is unread or pending in any group goes. Of one group, everything before the lowest that is pending, or before
 * the last that it was given where nothing is pending, was given and acknowledged; what may go comes before that of every
 * group. Redis does the look and the trimming as one, so that nothing comes in between: no read, no claim, no node that trims
 * too, no group that is made anew, no Redis that is replaced by one whose clock is behind. What is added has a later id than
 * all that was given. Who sets a group back to an id that is gone is given what is left.
 *
 * In the log of Redis it follows the acknowledgements that it rests on, so whatever a crash leaves of the log, nothing is
 * trimmed of which the acknowledgement is lost.
 */
import { ID_ORDER } from "#runtime/redis/id-order.ts";

/** Entries that go at once, about: so long nobody else is served. Some milliseconds. */
export const TRIM_ENTRIES_MAX = 10_000;

/**
 * One key, and `TRIM_ENTRIES_MAX`; how many went. `~`: blocks of the stream go whole or not at all, which costs next to nothing.
 */
export const TRIM_SCRIPT: string = `
local stream = KEYS[1]
if redis.call('EXISTS', stream) == 0 then return 0 end
${ID_ORDER}local first
for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local facts = {}
  for at = 1, #group, 2 do facts[group[at]] = group[at + 1] end
  local id = facts['last-delivered-id']
  if facts['pending'] > 0 then id = redis.call('XPENDING', stream, facts['name'])[2] end
  if not first or before(id, first) then first = id end
end
if not first then return 0 end
return redis.call('XTRIM', stream, 'MINID', '~', first, 'LIMIT', ARGV[1])
`;
