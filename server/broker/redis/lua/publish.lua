--[[ Appends events, sets their keys' values and leases, and announces the events together. The keys' values and leases are
  read with one command each, and the values are written with one: only the log takes a command for each draft.
  ARGV for each draft: key, seq (or empty), value
  Returns for each draft: the id, and 1 if it was stale (the id is then that of the current value). ]]
local keys = {}
for i = 1, #ARGV, 3 do keys[#keys + 1] = ARGV[i] end
local stored = redis.call('HMGET', values, unpack(keys))
local held = redis.call('HMGET', holders, unpack(keys))

local receipts, latest, newValues = {}, {}, {}
for n, key in ipairs(keys) do
  local seq, value = ARGV[3 * n - 1], ARGV[3 * n]
  local oldId, oldSeq = string.match(latest[key] or stored[n] or '', '^([^\t]*)\t([^\t]*)')
  local posted = isPosted(held[n])
  if seq ~= '' and oldSeq and oldSeq ~= '' and tonumber(seq) <= tonumber(oldSeq) then
    receipts[2 * n - 1], receipts[2 * n] = oldId, 1
    -- A stale draft renews the lease all the same. The id of the value does not show it, so the lease is written.
    if posted then renewPosted(key) end
  else
    local id = append(key, '', value)
    latest[key] = id .. '\t' .. (seq ~= '' and seq or oldSeq or '') .. '\t' .. value
    receipts[2 * n - 1], receipts[2 * n] = id, 0
    if not posted and not next(readHolders(key)) then renewPosted(key) end
  end
end
for key, value in pairs(latest) do
  newValues[#newValues + 1], newValues[#newValues + 2] = key, value
end
if #newValues > 0 then redis.call('HSET', values, unpack(newValues)) end
announce()
return receipts
