--[[ Appends the next values of an existing key and announces them together.
  ARGV 1 key, 2 seq of the first value, 3.. values; values up to the stored seq were appended before and are skipped
  Returns 1, or 0 if the key does not exist. ]]
local key, seq = ARGV[1], tonumber(ARGV[2])
local stored = redis.call('HGET', values, key)
if stored then
  local storedSeq = tonumber(string.match(stored, '^[^\t]*\t([^\t]*)')) or seq - 1
  local last
  for i = math.max(3, 3 + storedSeq - seq + 1), #ARGV do last = append(key, '', ARGV[i]) end
  if last then redis.call('HSET', values, key, string.format('%s\t%d\t%s', last, seq + #ARGV - 3, ARGV[#ARGV])) end
end
announce()
return stored and 1 or 0
