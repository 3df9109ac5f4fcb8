--[[ What every script begins with, once for all of its topics. Times are Redis's, in ms.
  ARGV 1 deadline, 2 salt, 3 and on, for each topic: how many arguments it has, and these ]]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- Whoever asked has been told by now that it failed.
if now > tonumber(ARGV[1]) then return redis.error_reply('LATE the deadline has passed') end

-- Keeps two logs (a fork, a flushed one) from making one id twice for different events.
local salt = tonumber(ARGV[2])

local function parts(id)
  local ms, n = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end

local function isAbove(a, b)
  local aMs, aN = parts(a)
  local bMs, bN = parts(b)
  return aMs > bMs or (aMs == bMs and aN > bN)
end

local replication = redis.call('INFO', 'replication')
local function replid(name)
  return string.sub(string.match(replication, name .. ':(%x+)') or '', 1, 10)
end
local epoch = replid('master_replid')
