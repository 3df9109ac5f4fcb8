--[[ Removes a key at once.
  ARGV 1 key, 2 reason
  Returns the head. ]]
local key = ARGV[1]
if redis.call('HEXISTS', values, key) == 1 then append(key, ARGV[2], '') end
redis.call('HDEL', values, key)
if readHolders(key)[''] then deleteLeases(key) end
announce()
return head
