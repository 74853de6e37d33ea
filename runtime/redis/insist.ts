/**
 * Commands that Redis does also where it has no memory for more: what is little in itself, and what has to be done before
 * something larger can go. Who judges entries keeps a nonce and gives an answer, and then the entry leaves its stream; were those
 * refused, a stream full of garbage would never be read to its end.
 */
import type { RedisCommand, RedisWord } from "#runtime/redis/redis.ts";

/** Each command behind how many words it has; their answers, or refusals in their place. */
export const INSIST_SCRIPT = `#!lua flags=allow-oom
local answers = {}
local at = 1
while at <= #ARGV do
  local last = at + ARGV[at]
  answers[#answers + 1] = redis.pcall(unpack(ARGV, at + 1, last))
  at = last + 1
end
return answers
`;

export function insistWords(commands: readonly RedisCommand[]): readonly RedisWord[] {
  return commands.flatMap((command): readonly RedisWord[] => [command.length, ...command]);
}
