--[[ What every script does first in each of its topics, whose keys share one hash slot. The script's own follows.
  KEYS 1 log (stream), 2 values (hash), 3 holders (hash), 4 leases (sorted set)
  ARGV the script's own

  A log entry has one field. Its name is a letter, `f` in an entry before which there was nothing, `e` in any other event,
  `g` for a gap; and then the epoch of the Redis that took it. Its value is the line `key TAB reason TAB value`. A value is
  `id TAB seq TAB value`. A holder's field is `holder=as:until`, comma-separated; the sorted set has for each key the end
  of the lease that runs out last. ]]
local log, values, holders, leases = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
-- Of the same slot, and no key: in a migrating slot a key that is never there would stop everything.
local channel = string.sub(log, 1, -4) .. 'events'

-- The id of the last event, and the epoch of its entry. Without a log the newest value's, and no epoch: it idled out while
-- someone was still there, or Redis evicted it.
local function readHead()
  local tail = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  if tail then return tail[1], string.sub(tail[2][1], 2) end
  local newest = '0-0'
  for _, stored in ipairs(redis.call('HVALS', values)) do
    local id = string.match(stored, '^[^\t]+')
    if isAbove(id, newest) then newest = id end
  end
  return newest, newest == '0-0' and epoch
end

local function info(section, name)
  return tonumber(string.match(redis.call('INFO', section), name .. ':(%d+)')) or 0
end

-- Whether nothing can have been lost since an entry of that epoch. A replica that was promoted may lack what its master had
-- answered, a restarted Redis what it had not written; it has all if it writes a file of every command, or if the entry
-- is younger than the process: then it came by migration, or the epoch began with a first replica.
local function isWhole(entryEpoch, headMs)
  if entryEpoch == epoch then return true end
  if not entryEpoch or replid('master_replid2') ~= '0000000000' then return false end
  return info('persistence', 'aof_enabled') == 1 or now - info('server', 'uptime_in_seconds') * 1000 + 1000 < headMs
end

local after, headEpoch = readHead()
local head = after
local added = {}
local isGap = false

local headMs, headN = parts(head)

local function nextId()
  if now > headMs then headMs, headN = now, salt
  else headN = headN + 1 + (head == after and salt or 0) end
  return string.format('%d-%d', headMs, headN)
end

local function append(key, reason, value)
  local line = key .. '\t' .. reason .. '\t' .. value
  local field = head == '0-0' and 'f' or 'e'
  head = nextId()
  redis.call('XADD', log, head, field .. epoch, line)
  local n = #added
  added[n + 1], added[n + 2], added[n + 3], added[n + 4] = '\n', head, '\t', line
  return head
end

-- A value never goes before its log: its removal would be in no history.
local function keepValues()
  local ttl = math.max(historyTtl, leaseMs + graceMs) + 1000
  redis.call('PEXPIRE', values, ttl)
  redis.call('PEXPIRE', holders, ttl)
  redis.call('PEXPIRE', leases, ttl)
end

local function keepAll()
  redis.call('PEXPIRE', log, historyTtl)
  keepValues()
end

local function announce()
  if #added == 0 and not isGap then return end
  redis.call('XTRIM', log, 'MAXLEN', '=', historyLength)
  keepAll()
  redis.call(PUBLISH, channel, after .. table.concat(added))
end

-- The log begins anew with an entry that is no event: no position from before is in it, so whoever has one is reset.
if not isWhole(headEpoch, headMs) then
  head = nextId()
  redis.call('DEL', log)
  redis.call('XADD', log, head, 'g' .. epoch, '')
  after = head
  isGap = true
end

-- Who holds a key, as a table of { as, until }; what has run out is left out.
local function readHolders(key)
  local found = {}
  for holder, as, till in string.gmatch(redis.call('HGET', holders, key) or '', '([^=,]*)=(%a):(%d+)') do
    till = tonumber(till)
    if till > now then found[holder] = { as = as, till = till } end
  end
  return found
end

local function writeHolders(key, found)
  local fields, last = {}, 0
  for holder, lease in pairs(found) do
    fields[#fields + 1] = string.format('%s=%s:%d', holder, lease.as, lease.till)
    last = math.max(last, lease.till)
  end
  redis.call('HSET', holders, key, table.concat(fields, ','))
  redis.call('ZADD', leases, last, key)
end

local function forget(key)
  redis.call('HDEL', holders, key)
  redis.call('ZREM', leases, key)
end

-- Posting keeps those whom no stream keeps, or none any more, by a holder without a name.
local function post(key)
  writeHolders(key, { [''] = { as = 'p', till = now + leaseMs } })
end

local function isPosted(stored)
  return stored and string.sub(stored, 1, 3) == '=p:'
end

-- Removes what has outlived its last lease; a key whose last holder let go (`r`) was closed, any other expired.
for _, key in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now)) do
  local till = redis.call('ZSCORE', leases, key)
  local stored = redis.call('HGET', holders, key) or ''
  local value = redis.call('HGET', values, key)
  local released = string.find(stored, '=r:' .. till, 1, true)
  -- Who posts again and again does not write the lease again and again: the last post is in the value's id.
  local postedTill = value and not released and parts(string.match(value, '^[^\t]*')) + leaseMs or 0
  if postedTill > now then
    writeHolders(key, { [''] = { as = 'p', till = postedTill } })
  else
    -- The log goes first: if Redis takes no more, nothing has been removed yet.
    if value then append(key, released and 'closed' or 'expired', '') end
    redis.call('HDEL', values, key)
    forget(key)
  end
end
