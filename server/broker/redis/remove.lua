--[[ Removes a key now.
  ARGV 6 key, 7 reason ]]
local key = ARGV[6]
if redis.call('HDEL', values, key) == 1 then append(key, ARGV[7], '') end
if readHolders(key)[''] then forget(key) end
announce()
