/** Options of the relay that are not valid: the server names the option and does not start. */
import { expect, test } from '@jest/globals'
import { startServer } from '../support/server.ts'

test.each([
  ['RELAY_UPSTREAMS', '/nowhere/upstreams.json', 'ENOENT'],
  ['RELAY_UPSTREAMS', '[{"prefix":"nonsense"}]', 'nonsense'],
  ['RELAY_UPSTREAMS', `[{"prefix":"https://a.org","headers":{"a":"\${MISSING}"}}]`, `\${MISSING}`],
  ['RELAY_RATE', '0', 'RELAY_RATE'],
  ['RELAY_GRACE_MS', '99', 'RELAY_GRACE_MS'],
  ['RELAY_MAX_BYTES', 'much', 'RELAY_MAX_BYTES'],
  ['RELAY_IDLE_MS', '-1', 'RELAY_IDLE_MS'],
])('the server does not start with %s=%s', async (name, value, part) => {
  await expect(startServer({ [name]: value })).rejects.toThrow(part)
  await expect(startServer({ [name]: value })).rejects.toThrow(name)
})
