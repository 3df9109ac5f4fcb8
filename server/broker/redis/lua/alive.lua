--[[ A sign of life: extends the leases that wait for one (`a`); whoever has none but is there counts as posting.
  ARGV 1 key ]]
local key = ARGV[1]
local found = readHolders(key)
local acked = false
for _, lease in pairs(found) do
  if lease.as == 'a' then
    lease.till = now + leaseMs
    acked = true
  end
end
if acked then writeHolders(key, found)
elseif redis.call('HEXISTS', values, key) == 1 and (found[''] or not next(found)) then post(key) end
keepValues()
announce()
