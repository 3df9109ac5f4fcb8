--[[ Reads a part of the keys' values.
  ARGV 1 cursor of the part, `0` for the first, 2 how many values a part has, roughly
  Returns the head, the cursor of the next part (`0` if there is none), then key, value, key, value. Returns the head alone
  if there may be more keys whose lease has ended: these are not read. ]]
announce()
if not isSwept then return { head } end
local part = redis.call('HSCAN', values, ARGV[1], 'COUNT', ARGV[2])
local reply = part[2]
table.insert(reply, 1, part[1])
table.insert(reply, 1, head)
return reply
