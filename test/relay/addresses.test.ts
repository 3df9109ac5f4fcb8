/** The relay does not connect to forbidden addresses, whatever name or spelling leads to them. */
import type { lookup } from 'node:dns'
import { once } from 'node:events'
import { get } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { hostname } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { guardedLookup, isPublic } from '../../server/relay/addresses.ts'
import { post, readProblem } from '../support/relays.ts'
import { startServer, type TestServer } from '../support/server.ts'

const forbidden = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.127.255.254',
  '127.0.0.1',
  '127.0.0.2',
  '127.1.2.3',
  '127.255.255.254',
  '169.254.0.1',
  '169.254.169.254',
  '169.254.170.2',
  '172.16.0.1',
  '172.17.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '192.168.255.255',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.7',
  '224.0.0.1',
  '239.255.255.250',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:0.0.0.0',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:169.254.169.254',
  '::ffff:192.168.1.1',
  '::ffff:7f00:1',
  '::ffff:0:127.0.0.1',
  '64:ff9b::127.0.0.1',
  '64:ff9b::a00:1',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:0:7f00:1::',
  '2001:10::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '2002:a00:1::1',
  '2002:c0a8:101::1',
  '3fff::1',
  'fc00::1',
  'fd00:ec2::254',
  'fdff:ffff::1',
  'fe80::1',
  'fe80::5054:ff:fe12:3456',
  'febf::1',
  'fec0::1',
  'ff02::1',
  'ff05::2',
  '5f00::1',
]

test.each(['1.1.1.1', '8.8.8.8', '93.184.216.34', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::1'])(
  'isPublic accepts %s',
  address => {
    expect(isPublic(address)).toBe(true)
  },
)

describe('a listener on every address of this machine', () => {
  let canary: Server
  let connections = 0
  beforeAll(async () => {
    canary = createServer(socket => {
      connections++
      socket.destroy()
    }).listen(0, '::')
    await once(canary, 'listening')
  })
  afterAll(() => {
    canary.close()
  })
  const port = () => (canary.address() as AddressInfo).port

  test(`receives no connection for names that resolve to any of ${forbidden.length} forbidden addresses`, async () => {
    expect(forbidden.length).toBeGreaterThanOrEqual(60)
    const errors: string[] = []
    for (const address of forbidden) {
      const family = address.includes(':') ? 6 : 4
      const resolve = ((_host: string, _options: object, callback: (...args: unknown[]) => void) =>
        callback(null, [{ address, family }])) as unknown as typeof lookup
      const request = get({
        host: 'rebound.example.org',
        port: port(),
        lookup: guardedLookup(false, resolve),
        agent: false,
      })
      const [error] = await once(request, 'error')
      errors.push(error.code)
    }
    expect(errors).toEqual(forbidden.map(() => 'forbidden-address'))
    expect(connections).toBe(0)
    process.stdout.write(`${forbidden.length} forbidden addresses: ${connections} connections\n`)
  })

  test('is excluded by the lookup of a name that also has a public address', async () => {
    const mixed = [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]
    const resolve = ((_host: string, _options: object, callback: (...args: unknown[]) => void) =>
      callback(null, [...mixed, { address: '192.31.196.1', family: 4 }])) as unknown as typeof lookup
    const found = await new Promise<unknown>(resolved =>
      guardedLookup(false, resolve)('mixed.example.org', { all: true }, (_error, addresses) => resolved(addresses)),
    )
    expect(found).toEqual([{ address: '192.31.196.1', family: 4 }])
  })

  describe('with a name in RELAY_UPSTREAMS that resolves to it,', () => {
    let server: TestServer
    const names = () => [`http://${hostname()}:${port()}/`, `http://127.0.0.1:${port()}/named/`]
    beforeAll(async () => {
      const list = names().map(prefix => ({ prefix }))
      server = await startServer({ RELAY_UPSTREAMS: JSON.stringify(list), RELAY_RATE: '1000' })
    })
    afterAll(() => server?.stop())

    test('receives no connection for a listed name that resolves to a private address', async () => {
      const stream = await post(server, `http://${hostname()}:${port()}/`)
      const { status, upstream } = await readProblem(stream)
      expect({ status, upstream }).toEqual({ status: 502, upstream: { status: 0, body: 'forbidden-address' } })
      expect(connections).toBe(0)
    })

    test('receives no connection for a spelling of its address that is not in the list', async () => {
      const hosts = [
        '127.0.0.1',
        '127.1',
        '127.0.1',
        '2130706433',
        '0x7f000001',
        '0x7f.1',
        '017700000001',
        '0177.0.0.1',
        '0',
        '0.0.0.0',
        '127.0.0.1.',
        'localhost',
        'LOCALHOST',
        'localhost.',
        '[::1]',
        '[::]',
        '[::ffff:127.0.0.1]',
        '[::ffff:7f00:1]',
        '[0:0:0:0:0:0:0:1]',
        '[::127.0.0.1]',
        '127.0.0.2',
        '127.255.255.254',
        '①②⑦.⓪.⓪.①',
        '127。0。0。1',
        '%31%32%37.0.0.1',
        `${hostname()}.`,
        `${hostname()}%00.example.org`,
        `user@${hostname()}`,
        `${hostname()}\\@example.org`,
        `example.org@${hostname()}`,
      ]
      const statuses = new Set<number>()
      for (const host of hosts) {
        for (const path of ['/', '/named/../other', '/named/..%2fother', '/namedx']) {
          const stream = await post(server, `http://${host}:${port()}${path}`)
          statuses.add(stream.status)
          stream.close()
        }
      }
      expect([...statuses]).toEqual([403])
      expect(connections).toBe(0)
      process.stdout.write(`${4 * hosts.length} spellings over HTTP: ${connections} connections\n`)
    })

    test('receives a connection for the address in the list', async () => {
      const stream = await post(server, `http://127.0.0.1:${port()}/named/one`)
      expect((await readProblem(stream)).status).toBe(502)
      expect(connections).toBe(1)
    })
  })
})
