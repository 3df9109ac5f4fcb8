--[[ Begins every script in each of its topics; the script itself follows. A topic's keys share one hash slot.
  KEYS 1 log (stream), 2 values (hash), 3 holders (hash), 4 leases (sorted set)
  ARGV the arguments of the script itself

  Each log entry has one field. The field's name is a letter and the epoch of the Redis that stored it: `f` is the first
  event of a complete log, `e` any other event, `g` a gap. The field's value is the line `key TAB reason TAB value`.
  A field of `values` is `id TAB seq TAB value`. A field of `holders` is a comma-separated list of `holder=state:end`.
  The score of a key in `leases` is the end of its last lease. ]]
local log, values, holders, leases = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
-- The channel is not in KEYS although it has the same slot: while a slot migrates, Redis refuses a script with a key that
-- does not exist.
local channel = string.sub(log, 1, -4) .. 'events' .. channelSuffix

-- Returns the id of the last event, and the epoch of its entry. Without a log it is the id of the newest value, and no
-- epoch: the log became idle while the topic still had values, or Redis evicted the log.
local function readHead()
  local tail = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  if tail then return tail[1], string.sub(tail[2][1], 2) end
  local newest = '0-0'
  for _, stored in ipairs(redis.call('HVALS', values)) do
    local id = string.match(stored, '^[^\t]+')
    if compareIds(id, newest) > 0 then newest = id end
  end
  return newest, newest == '0-0' and epoch
end

-- Returns whether no event after an entry of that epoch can be lost. A promoted replica may lack events that its master
-- had confirmed, and a restarted Redis may lack events that it had not saved. `completeSince`: entries of another epoch are
-- complete if they are not older than this; the caller knows when the process started and whether it has an append-only
-- file.
local function isComplete(entryEpoch, headMs)
  return entryEpoch == epoch or entryEpoch and headMs >= completeSince
end

local after, headEpoch = readHead()
local head = after
local added = {}
local isGap = false

local headMs, headN = parseId(head)

local function nextId()
  if now > headMs then headMs, headN = now, salt
  else headN = headN + 1 + (head == after and salt or 0) end
  return string.format('%d-%d', headMs, headN)
end

-- The number of the log's entries, once it is known.
local length

-- When the log is longer than `maxLength`, it is trimmed to `historyLength`. Trimming one entry with each append would
-- take Redis several times as long as the appends themselves.
local function append(key, reason, value)
  local line = key .. '\t' .. reason .. '\t' .. value
  local field = head == '0-0' and 'f' or 'e'
  head = nextId()
  length = (length or redis.call('XLEN', log)) + 1
  if length > maxLength then
    redis.call('XADD', log, 'MAXLEN', historyLength, head, field .. epoch, line)
    length = historyLength
  else redis.call('XADD', log, head, field .. epoch, line) end
  local n = #added
  added[n + 1], added[n + 2], added[n + 3], added[n + 4] = '\n', head, '\t', line
  return head
end

-- Gives a key a new time to live if less than `ms` is left. The new time is longer than `ms`, because each renewal is
-- replicated: so it is rarely renewed.
local function keep(key, ms)
  local left = redis.call('PTTL', key)
  if left < ms and left ~= -2 then redis.call('PEXPIRE', key, math.floor(ms + historyTtl / 2)) end
end

-- A value must not expire before its log, because its removal would be missing from the history.
local function keepValues()
  local ms = math.max(1.5 * historyTtl, leaseMs + graceMs) + 1000
  keep(values, ms)
  keep(holders, ms)
  keep(leases, ms)
end

local function keepAll()
  keep(log, historyTtl)
  keepValues()
end

local function announce()
  if #added == 0 and not isGap then return end
  keepAll()
  -- Replicas need no message, because no instance subscribes at them.
  redis.set_repl(redis.REPL_NONE)
  redis.call(PUBLISH, channel, after .. table.concat(added))
  redis.set_repl(redis.REPL_ALL)
end

-- Starts the log again with an entry that is not an event. No earlier id is in the new log, so readers are reset.
if not isComplete(headEpoch, headMs) then
  head = nextId()
  redis.call('DEL', log)
  redis.call('XADD', log, head, 'g' .. epoch, '')
  after = head
  isGap = true
end

-- Returns the leases that have not ended, by holder.
local function parseHolders(stored)
  local found = {}
  for holder, state, endsAt in string.gmatch(stored, '([^=,]*)=(%a):(%d+)') do
    endsAt = tonumber(endsAt)
    if endsAt > now then found[holder] = { state = state, endsAt = endsAt } end
  end
  return found
end

local function readHolders(key)
  return parseHolders(redis.call('HGET', holders, key) or '')
end

-- The name under which the holders of a key have the mark that it is closing (`c`). The mark keeps no key.
local closing = '!'

-- Returns the field of the leases, and the end of the last one.
local function formatHolders(found)
  local fields, last = {}, 0
  for holder, lease in pairs(found) do
    fields[#fields + 1] = string.format('%s=%s:%d', holder, lease.state, lease.endsAt)
    if lease.state ~= 'c' then last = math.max(last, lease.endsAt) end
  end
  return table.concat(fields, ','), last
end

local function writeHolders(key, found)
  local field, last = formatHolders(found)
  redis.call('HSET', holders, key, field)
  redis.call('ZADD', leases, last, key)
end

local function deleteLeases(key)
  redis.call('HDEL', holders, key)
  redis.call('ZREM', leases, key)
end

local function removeClosed(key)
  if redis.call('HEXISTS', values, key) == 1 then append(key, 'closed', '') end
  redis.call('HDEL', values, key)
  deleteLeases(key)
end

-- Starts or renews the posted lease of a key that no stream holds. Its holder has an empty name.
local function renewPosted(key)
  writeHolders(key, { [''] = { state = 'p', endsAt = now + leaseMs } })
end

local function isPosted(stored)
  return stored and string.sub(stored, 1, 3) == '=p:'
end

-- Removes a key whose last lease has ended. A key whose last holder released it (`r`) was closed; any other has expired.
local function expire(key)
  local endsAt = redis.call('ZSCORE', leases, key)
  local stored = redis.call('HGET', holders, key) or ''
  local value = redis.call('HGET', values, key)
  local released = string.find(stored, '=r:' .. endsAt, 1, true)
  -- A post does not write the lease each time: the id of the value tells when the last post was.
  local postedEndsAt = value and not released and parseId(string.match(value, '^[^\t]*')) + leaseMs or 0
  if postedEndsAt > now then
    writeHolders(key, { [''] = { state = 'p', endsAt = postedEndsAt } })
  else
    -- The log is written first: if Redis refuses that, nothing has been removed yet.
    if value then append(key, released and 'closed' or 'expired', '') end
    redis.call('HDEL', values, key)
    deleteLeases(key)
  end
end

-- Removes keys whose last lease has ended, but not so many that Redis is blocked for long.
local due = redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, maxSwept)
for _, key in ipairs(due) do expire(key) end
local isSwept = #due < maxSwept
