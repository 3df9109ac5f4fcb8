--[[ Runs the script on one topic after another. An error in one topic does not affect the others. If the script fails in
  every topic, it fails as a whole.
  Returns the reply or the error of each topic. ]]
local replies, failures = {}, 0
local at = 4
for i = 1, #KEYS, 4 do
  local args = {}
  for n = 1, tonumber(ARGV[at]) do args[n] = ARGV[at + n] end
  at = at + #args + 1
  -- A topic before this one may have failed while replication was off.
  redis.set_repl(redis.REPL_ALL)
  local isDone, reply = pcall(runOnTopic, { KEYS[i], KEYS[i + 1], KEYS[i + 2], KEYS[i + 3] }, args)
  if not isDone then
    failures = failures + 1
    if type(reply) ~= 'table' then reply = redis.error_reply(reply) end
  end
  replies[#replies + 1] = reply or false
end
if failures == #replies then return replies[1] end
return replies
