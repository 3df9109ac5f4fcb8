--[[ Reads a part of the keys' values.
  ARGV 1 cursor of the part (`0` for the first part), 2 approximate number of values in a part
  Returns the head, the cursor of the next part (`0` after the last part), then key, value, key, value. While
  there may be keys left whose lease has ended, returns only the head and reads no values. ]]
announce()
if not isSwept then return { head } end
local part = redis.call('HSCAN', values, ARGV[1], 'COUNT', ARGV[2])
local reply = part[2]
table.insert(reply, 1, part[1])
table.insert(reply, 1, head)
return reply
