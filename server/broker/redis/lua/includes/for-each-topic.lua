--[[ Runs the script on one topic after another. An error in one topic does not affect the others. If the script fails in
  every topic, it fails as a whole.
  Returns the reply or the error of each topic. ]]
local function runWith(keys, args)
  -- If no keys are declared, Redis has not checked yet that this node has all of the topic's keys. EXISTS makes that
  -- check: it fails if a key belongs to another node, before anything is written.
  if #KEYS == 0 then redis.call('EXISTS', unpack(keys)) end
  return runOnTopic(keys, args)
end

local replies, failures = {}, 0
local at = 4
while at <= #ARGV do
  local keys, args = {}, {}
  local first = 4 * #replies
  for n = 1, 4 do keys[n] = KEYS[first + n] end
  if #KEYS == 0 then
    for n, name in ipairs({ ':log', ':values', ':holders', ':leases' }) do keys[n] = ARGV[at] .. name end
    at = at + 1
  end
  for n = 1, tonumber(ARGV[at]) do args[n] = ARGV[at + n] end
  at = at + #args + 1
  -- A topic before this one may have failed while replication was off.
  redis.set_repl(redis.REPL_ALL)
  local isDone, reply = pcall(runWith, keys, args)
  if not isDone then
    failures = failures + 1
    if type(reply) ~= 'table' then reply = redis.error_reply(reply) end
  end
  replies[#replies + 1] = reply or false
end
if failures == #replies then return replies[1] end
return replies
