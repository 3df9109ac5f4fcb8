/** Tokens and secrets must not appear in logs, answers or Redis keys. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { send } from '../support/requests.ts'
import { Room, useRedis } from '../support/rooms.ts'
import { type Carrier, carrying, routesOf } from '../support/routes.ts'
import { startServer } from '../support/server.ts'
import { openStream } from '../support/streams.ts'
import { aliceClaims, nowSeconds, secret, sign } from '../support/tokens.ts'

const redis = useRedis()
const carriers: Carrier[] = ['bearer', 'cookie', 'query']

// The level "trace" includes the lines of all other levels.
test('neither a token nor the secret appears in the log, in an answer or in a key of Redis', async () => {
  const env = { REDIS_URL: redis.url, AUTH_SECRET: secret, LOG_LEVEL: 'trace', POST_RATE: '1' }
  const server = await startServer(env)
  let errors = ''
  server.child.stderr?.on('data', chunk => {
    errors += chunk
  })
  const room = new Room(server)
  const tokens = [
    await sign({ ...aliceClaims(), rooms: [room.name] }),
    await sign({ ...aliceClaims(), exp: nowSeconds() - 1 }),
    await sign(aliceClaims(), `${secret}!`),
    'eyJhbGciOiJIUzI1NiJ9.e30.garbage',
  ]
  const signatures = tokens.map(token => token.split('.')[2] ?? '')
  const needles = [secret, 'access_token', 'colocate_token=', ...tokens, ...signatures]
  const found: string[] = []
  const search = (where: string, text: string) => {
    for (const needle of needles) if (text.includes(needle)) found.push(`${needle} in ${where}: ${text}`)
  }

  const others = ['/', '/nothing', '/%zz', '/rooms/%00/location', '/sse?interval=1&'].map(path => ({
    method: 'GET',
    path,
  }))
  let answers = 0
  for (const token of tokens) {
    for (const route of [...routesOf(room.name), ...routesOf('lobby'), ...others]) {
      for (const carrier of carriers) {
        const [path, parts] = carrying({ scope: 'location:read', ...route }, carrier, token, server.port)
        answers++
        if (!path.includes('location/sse')) {
          const { text, headers } = await send(server.port, route.method, path, parts)
          search('an answer', text + JSON.stringify(headers))
          continue
        }
        const headers = { ...(parts.headers as Record<string, string>), 'content-type': 'application/json' }
        const body = parts.json === undefined ? {} : { body: JSON.stringify(parts.json) }
        const stream = await openStream(server.url + path, { method: route.method, headers, ...body })
        await (stream.status === 200 ? stream.next('snapshot') : stream.ended())
        search('a stream', stream.text + JSON.stringify([...stream.headers]))
        stream.close()
      }
    }
  }

  const { stdout: keys } = await promisify(execFile)('redis-cli', ['-p', `${redis.port}`, '--scan'])
  expect(keys).toContain(`colocate:{${room.name}}`)
  search('the keys', keys)
  await server.stop()
  for (const line of server.log) search('the log', JSON.stringify(line))
  search('stderr', errors)
  process.stdout.write(`secrets: answers=${answers} log lines=${server.log.length} found=${found.length}\n`)
  expect(found).toEqual([])
  expect(server.log.length).toBeGreaterThan(10)
}, 60_000)
