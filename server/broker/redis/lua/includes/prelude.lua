--[[ Begins every script, and runs once for all of its topics. Times are in ms, by Redis's clock.
  KEYS for each topic: its four keys. In a cluster, a script that runs on topics of several slots has no KEYS.
  ARGV 1 deadline, 2 salt, 3 completeSince (see `isComplete`), 4.. for each topic: the prefix of its keys (only if there
  are no KEYS), the number of its arguments, the arguments ]]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- The caller has been told by now that the script failed.
if now > tonumber(ARGV[1]) then return redis.error_reply('LATE the deadline has passed') end

-- Random, so that two logs (after a failover or FLUSHALL) do not create the same id for different events.
local salt = tonumber(ARGV[2])
local completeSince = tonumber(ARGV[3])

local function parseId(id)
  local ms, n = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end

-- Negative if `a` is older than `b`, positive if it is newer.
local function compareIds(a, b)
  local aMs, aN = parseId(a)
  local bMs, bN = parseId(b)
  if aMs == bMs then return aN - bN end
  return aMs - bMs
end
