--[[ Renews a key's leases on behalf of its client: those in state `a` (acked), or the posted lease of a key without holders.
  ARGV 1 key ]]
local key = ARGV[1]
local found = readHolders(key)
local acked = false
for _, lease in pairs(found) do
  if lease.state == 'a' then
    lease.endsAt = now + leaseMs
    acked = true
  end
end
if acked then writeHolders(key, found)
elseif redis.call('HEXISTS', values, key) == 1 and (found[''] or not next(found)) then renewPosted(key) end
keepValues()
announce()
