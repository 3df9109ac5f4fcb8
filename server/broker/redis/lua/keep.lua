--[[ Records how a holder stands to keys, and keeps the topic from idling if somebody reads it there.
  ARGV 1 holder, 2 1 if somebody does, 3 and on, for each: key, `h` (held), `a` (acked) or `r` (released)
  Returns the head, and the ms until the next lease runs out or -1. ]]
local holder = ARGV[1]
for i = 3, #ARGV, 2 do
  local key, as = ARGV[i], ARGV[i + 1]
  local found = readHolders(key)
  found[''] = nil
  found[holder] = nil
  local held = false
  for name, lease in pairs(found) do
    if lease.as ~= 'r' then held = true
    -- With somebody there, what others were given when they left means nothing any more.
    elseif as ~= 'r' then found[name] = nil end
  end
  if as ~= 'r' then found[holder] = { as = as, till = now + leaseMs }
  elseif not held then found[holder] = { as = as, till = now + graceMs } end
  writeHolders(key, found)
end
if ARGV[2] == '1' then keepAll() else keepValues() end
announce()
local nextUp = redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')
return { head, nextUp[2] and math.max(0, tonumber(nextUp[2]) - now) or -1 }
