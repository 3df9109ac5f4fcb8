--[[ Every key's value.
  Returns the head, then key and value by turns. ]]
announce()
local reply = redis.call('HGETALL', values)
table.insert(reply, 1, head)
return reply
