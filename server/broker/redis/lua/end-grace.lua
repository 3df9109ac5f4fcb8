--[[ Removes a key at once if no stream holds it. Else it records, for the grace time, that the key is closing (`c`): when
  its last holder releases it within that time, it is removed at once.
  ARGV 1 key
  Returns the head. ]]
local key = ARGV[1]
local found = readHolders(key)
local held = false
for _, lease in pairs(found) do held = held or lease.state == 'h' or lease.state == 'a' end
if held then
  found[closing] = { state = 'c', endsAt = now + graceMs }
  writeHolders(key, found)
else
  removeClosed(key)
end
keepValues()
announce()
return head
