--[[ Appends events, sets their keys' values and leases, and announces them together.
  ARGV 8 and on, for each: key, seq (or empty), value
  Returns for each: the id, and 1 if it was stale (the id is then that of the value that stands). ]]
local receipts = {}
for i = 8, #ARGV, 3 do
  local key, seq, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local stored = redis.call('HGET', values, key)
  local oldId, oldSeq = string.match(stored or '', '^([^\t]*)\t([^\t]*)')
  if seq ~= '' and oldSeq and oldSeq ~= '' and tonumber(seq) <= tonumber(oldSeq) then
    receipts[#receipts + 1] = oldId
    receipts[#receipts + 1] = 1
  else
    local id = append(key, '', value)
    if seq == '' then seq = oldSeq or '' end
    redis.call('HSET', values, key, id .. '\t' .. seq .. '\t' .. value)
    post(key)
    receipts[#receipts + 1] = id
    receipts[#receipts + 1] = 0
  end
end
announce()
return receipts
