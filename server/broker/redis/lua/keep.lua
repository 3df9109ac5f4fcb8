--[[ Records a holder's relation to keys, and keeps the topic from becoming idle if it has readers at that holder.
  ARGV 1 holder, 2 `1` if the topic has readers there, 3.. for each key: key, `h` (held), `a` (acked) or `r` (released)
  Returns the head, and the ms until the next lease ends or -1. ]]
local holder = ARGV[1]
for i = 3, #ARGV, 2 do
  local key, state = ARGV[i], ARGV[i + 1]
  local found = readHolders(key)
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
  else writeHolders(key, found) end
end
if ARGV[2] == '1' then keepAll() else keepValues() end
announce()
local nextUp = redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')
return { head, nextUp[2] and math.max(0, tonumber(nextUp[2]) - now) or -1 }
