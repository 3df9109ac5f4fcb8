/** Names that resolve to private addresses: "allowPrivate" permits them, and the problem detail names that setting. */
import type { LookupAddress, lookup } from 'node:dns'
import { hostname } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { guardedLookup } from '../../server/relay/addresses.ts'
import { post, readProblem } from '../support/relays.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { begin, Upstream } from '../support/upstream.ts'

/** Returns what the guarded lookup returns for a name with these addresses: the allowed ones, or the error code. */
function lookedUp(allowPrivate: boolean, addresses: string[]): Promise<string[]> {
  const found = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
  const resolve = ((_host: string, _options: object, callback: (...args: unknown[]) => void) =>
    callback(null, found)) as unknown as typeof lookup
  return new Promise(resolved =>
    guardedLookup(allowPrivate, resolve)('ollama', { all: true }, (error, allowed) =>
      resolved(error ? [error.code ?? ''] : (allowed as LookupAddress[]).map(({ address }) => address)),
    ),
  )
}

const privateAddresses = [
  ...['10.1.2.3', '127.0.0.1', '172.17.0.2', '172.31.255.254', '192.168.65.254', '100.64.0.1', '169.254.1.2'],
  ...['::1', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1'],
]

test.each(privateAddresses)('the lookup returns %s only with allowPrivate', async address => {
  expect(await lookedUp(true, [address])).toEqual([address])
  expect(await lookedUp(false, [address])).toEqual(['forbidden-address'])
})

test.each([
  ...['169.254.169.254', '169.254.170.2', '100.100.100.200', 'fd00:ec2::254', '::ffff:169.254.169.254'],
  ...['0.0.0.0', '224.0.0.1', '255.255.255.255', '192.0.2.1', '::', 'ff02::1', '2001:db8::1'],
])('the lookup refuses %s even with allowPrivate', async address => {
  expect(await lookedUp(true, [address])).toEqual(['forbidden-address'])
})

describe('an upstream on this machine', () => {
  let upstream: Upstream
  let server: TestServer
  const prefix = (name: string, path: string) => `http://${name}:${upstream.port}${path}`
  beforeAll(async () => {
    upstream = await new Upstream().listen('0.0.0.0')
    for (const path of ['/allowed/x', '/refused/x', '/literal/x', '/localhost/x']) {
      upstream.answers(path, call => begin(call).end('data: hello\n\n'))
    }
    const list = [
      { prefix: prefix(hostname(), '/allowed'), allowPrivate: true },
      { prefix: prefix(hostname(), '/refused') },
      { prefix: prefix('127.0.0.1', '/literal') },
      { prefix: prefix('localhost', '/localhost') },
    ]
    server = await startServer({ RELAY_UPSTREAMS: JSON.stringify(list), RELAY_RATE: '1000' })
  })
  afterAll(async () => {
    await server?.stop()
    await upstream?.close()
  })

  test.each([
    ['a prefix with allowPrivate', () => prefix(hostname(), '/allowed/x')],
    ['a prefix with the IP address', () => prefix('127.0.0.1', '/literal/x')],
    ['a prefix with localhost', () => prefix('localhost', '/localhost/x')],
  ])('is called through %s', async (_, target) => {
    const stream = await post(server, target())
    await stream.ended()
    expect(stream.events.map(({ data }) => data)).toEqual(['hello'])
  })

  test('is not called through a name without allowPrivate, and the problem names that setting', async () => {
    const { status, detail, upstream: answer } = await readProblem(await post(server, prefix(hostname(), '/refused/x')))
    expect({ status, answer }).toEqual({ status: 502, answer: { status: 0, body: 'forbidden-address' } })
    expect(detail).toContain('private address')
    expect(detail).toContain('"allowPrivate": true')
    expect(detail).toContain('RELAY_UPSTREAMS')
    expect(upstream.of('/refused/x')).toEqual([])
  })
})
