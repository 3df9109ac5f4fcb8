--[[ Appends events, sets their keys' values and leases, and announces the events together. The keys' values and leases are
  read with one command each, and the values are written with one: only the log takes a command for each draft.
  ARGV 1 the lengths of the groups, comma-separated, or empty if each draft is a group; 2.. for each draft: key, seq (or
  empty), value. If a group has so many new keys that the topic would have more than `maxKeys`, none of its drafts is
  published.
  Returns an id and a number for each draft. Published: its id, 0. Stale: the id of the current value, 1. Group refused:
  an empty id, 2. Group refused for now: an empty id, 3; the next script removes more keys whose lease has ended, after
  which there may be room. ]]
local keys = {}
for i = 2, #ARGV, 3 do keys[#keys + 1] = ARGV[i] end
if not isSwept then
  -- A key whose lease has ended must not pass its old seq on to the drafts.
  for _, key in ipairs(keys) do
    local endsAt = redis.call('ZSCORE', leases, key)
    if endsAt and tonumber(endsAt) <= now then expire(key) end
  end
end
local stored = redis.call('HMGET', values, unpack(keys))
local held = redis.call('HMGET', holders, unpack(keys))

local receipts, latest, newValues = {}, {}, {}
local keyCount

-- Counts the new keys of the drafts from `first` to `last`, and returns whether there is room for them.
local function hasRoom(first, last)
  local new, count = {}, 0
  for n = first, last do
    local key = keys[n]
    if not stored[n] and not latest[key] and not new[key] then new[key], count = true, count + 1 end
  end
  if count == 0 then return true end
  keyCount = keyCount or redis.call('HLEN', values)
  if keyCount + count > maxKeys then return false end
  keyCount = keyCount + count
  return true
end

local function publish(n)
  local key, seq, value = keys[n], ARGV[3 * n], ARGV[3 * n + 1]
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
    if not posted and not next(parseHolders(held[n] or '')) then renewPosted(key) end
  end
end

local first = 1
local nextLength = string.gmatch(ARGV[1], '%d+')
while first <= #keys do
  local last = first + tonumber(nextLength() or 1) - 1
  if maxKeys == math.huge or hasRoom(first, last) then
    for n = first, last do publish(n) end
  else
    for n = first, last do receipts[2 * n - 1], receipts[2 * n] = '', isSwept and 2 or 3 end
  end
  first = last + 1
end
for key, value in pairs(latest) do
  newValues[#newValues + 1], newValues[#newValues + 2] = key, value
end
if #newValues > 0 then redis.call('HSET', values, unpack(newValues)) end
announce()
return receipts
