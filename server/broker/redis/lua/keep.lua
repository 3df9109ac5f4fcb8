--[[ Records a holder's relation to keys, and keeps the topic from becoming idle if it has readers at that holder. The leases
  are read with one command, and written with two.
  ARGV 1 holder, 2 `1` if the topic has readers there, 3.. for each key: key, `h` (held), `a` (acked) or `r` (released)
  Returns the head, and the ms until the next lease ends or -1. ]]
local holder = ARGV[1]
local keys, stored = {}, {}
for i = 3, #ARGV, 2 do keys[#keys + 1] = ARGV[i] end
if #keys > 0 then stored = redis.call('HMGET', holders, unpack(keys)) end
local fields, ends = {}, {}
for n, key in ipairs(keys) do
  local state = ARGV[2 * n + 2]
  local found = parseHolders(stored[n] or '')
  found[''] = nil
  found[holder] = nil
  local held = false
  for name, lease in pairs(found) do
    if lease.state == 'h' or lease.state == 'a' then held = true
    -- The key has a holder again, so the grace periods of earlier holders are void.
    elseif lease.state == 'r' and state ~= 'r' then found[name] = nil end
  end
  if state ~= 'r' then found[holder] = { state = state, endsAt = now + leaseMs }
  elseif not held then found[holder] = { state = state, endsAt = now + graceMs } end
  if state == 'r' and not held and found[closing] then removeClosed(key)
  else
    local field, last = formatHolders(found)
    fields[#fields + 1], fields[#fields + 2] = key, field
    ends[#ends + 1], ends[#ends + 2] = last, key
  end
end
if #fields > 0 then
  redis.call('HSET', holders, unpack(fields))
  redis.call('ZADD', leases, unpack(ends))
end
if ARGV[2] == '1' then keepAll() else keepValues() end
announce()
local nextUp = redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')
return { head, nextUp[2] and math.max(0, tonumber(nextUp[2]) - now) or -1 }
