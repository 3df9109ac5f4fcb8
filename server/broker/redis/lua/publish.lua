--[[ Appends events, sets their keys' values and leases, and announces them together. What each key has is read at once,
  and its value written at once: of a thousand drafts by who was there before, only the log is written one by one.
  ARGV, for each: key, seq (or empty), value
  Returns for each: the id, and 1 if it was stale (the id is then that of the value that stands). ]]
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
    -- It changes nothing, but it is a sign of life, and not in the value's id.
    if posted then post(key) end
  else
    local id = append(key, '', value)
    latest[key] = id .. '\t' .. (seq ~= '' and seq or oldSeq or '') .. '\t' .. value
    receipts[2 * n - 1], receipts[2 * n] = id, 0
    if not posted and not next(readHolders(key)) then post(key) end
  end
end
for key, value in pairs(latest) do
  newValues[#newValues + 1], newValues[#newValues + 2] = key, value
end
if #newValues > 0 then redis.call('HSET', values, unpack(newValues)) end
announce()
return receipts
