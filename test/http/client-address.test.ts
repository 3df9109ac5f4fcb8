/** The address of a request's client, from X-Forwarded-For if the proxy is trusted. */
import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from '@jest/globals'
import { ClientAddresses } from '../../server/http/client-address.ts'

const requestFrom = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage

describe('the address of a request', () => {
  test.each([
    [false, '203.0.113.7', undefined, '203.0.113.7'],
    [false, '203.0.113.7', '198.51.100.1', '203.0.113.7'],
    [1, '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    [1, '10.0.0.1', '192.0.2.1, 198.51.100.1', '198.51.100.1'],
    [2, '10.0.0.1', '192.0.2.1, 198.51.100.1', '192.0.2.1'],
    [3, '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['10.0.0.0/8', '10.0.0.1', '192.0.2.1, 198.51.100.1, 10.9.9.9', '198.51.100.1'],
    ['loopback', '::ffff:127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['loopback', '203.0.113.7', '198.51.100.1', '203.0.113.7'],
  ] as const)('with TRUST_PROXY %s, from %s, forwarded for %s, is %s', (trust, remote, forwarded, address) => {
    expect(new ClientAddresses(trust).network(requestFrom(remote, forwarded))).toBe(address)
  })

  test.each([
    '127.0.0.1',
    '::1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.0.1',
    '172.16.0.1',
    'fc00::1',
    'FD00::1',
    'fe80::1',
    'febf::1',
    'unknown',
    '',
    '1.2.3',
  ])('has no network if it is private or invalid: %s', address => {
    expect(new ClientAddresses(false).network(requestFrom(address))).toBeUndefined()
  })

  test.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1'],
    ['2001::', '2001:0:0:0'],
    ['fec0::1', 'fec0:0:0:0'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['172.32.0.1', '172.32.0.1'],
    ['101.0.0.1', '101.0.0.1'],
  ])('is counted by its network: %s counts as %s', (address, network) => {
    expect(new ClientAddresses(false).network(requestFrom(address))).toBe(network)
  })
})

test('private clients behind a trusted proxy are distinguished by their addresses', () => {
  const addresses = new ClientAddresses(1)
  const [one, two] = ['10.0.0.7', '10.0.0.8'].map(client => addresses.client(requestFrom('172.16.0.1', client)))
  expect([one, two]).toEqual(['10.0.0.7', '10.0.0.8'])
  expect(addresses.client(requestFrom('172.16.0.1', '2001:db8:1:2:3:4:5:6'))).toBe('2001:db8:1:2')
})
