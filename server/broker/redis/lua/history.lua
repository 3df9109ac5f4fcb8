--[[ Reads the events after an id; after `0-0` the whole history.
  ARGV 1 id
  Returns 1 if that very entry exists (for `0-0`: if nothing was dropped) or else 0, and the stream's entries:
  those after the id, or all entries if it does not exist. ]]
announce()
local id = ARGV[1]
-- The id may be any text that a client sent. XRANGE fails for a text that is not an id, and no entry has that id.
local entry = id ~= '0-0' and redis.pcall('XRANGE', log, id, id)[1]
if entry and entry[1] == id then return { 1, redis.call('XRANGE', log, '(' .. id, '+') } end
local entries = redis.call('XRANGE', log, '-', '+')
local recovered = 0
if id == '0-0' and (head == '0-0' or entries[1] and string.sub(entries[1][2][1], 1, 1) == 'f') then recovered = 1 end
return { recovered, entries }
