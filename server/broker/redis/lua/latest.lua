--[[ Reads every key's value.
  Returns the head, then key, value, key, value. ]]
announce()
local reply = redis.call('HGETALL', values)
table.insert(reply, 1, head)
return reply
