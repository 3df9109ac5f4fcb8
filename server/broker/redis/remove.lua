--[[ Removes a key now.
  ARGV 8 key, 9 reason ]]
local key = ARGV[8]
if redis.call('HEXISTS', values, key) == 1 then append(key, ARGV[9], '') end
redis.call('HDEL', values, key)
if readHolders(key)[''] then forget(key) end
announce()
