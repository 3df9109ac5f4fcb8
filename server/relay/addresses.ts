/**
 * The addresses that the relay may connect to: public ones, and an address that the operator's prefix contains literally.
 *
 * The check is part of the connection's own DNS lookup. So a name cannot resolve to one address for the check and to another
 * for the connection (DNS rebinding).
 */
import { type LookupAddress, lookup } from 'node:dns'
import { BlockList, isIPv4, type LookupFunction } from 'node:net'

/** IANA's special-purpose address registry, and multicast. */
const special = blockList('ipv4', [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
])
const globalUnicast = blockList('ipv6', ['2000::/3'])
/** Parts of it that are not public: protocol assignments, tunnels to IPv4 addresses, and documentation. */
const specialUnicast = blockList('ipv6', ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'])
const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

export class ForbiddenAddress extends Error {
  readonly code = 'forbidden-address'
}

export function isPublic(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, 'ipv4')
  return globalUnicast.check(address, 'ipv6') && !specialUnicast.check(address, 'ipv6')
}

/**
 * A connection's `lookup` that returns only public addresses, and only loopback addresses for `localhost`. Node does not
 * call it for a literal address, which findUpstream has already compared with the operator's prefixes.
 */
export function guardedLookup(resolve: typeof lookup = lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[] = []) => {
      if (error) return callback(error, [])
      const allowed = found.filter(({ address, family }) =>
        hostname === 'localhost' ? loopback.check(address, family === 6 ? 'ipv6' : 'ipv4') : isPublic(address),
      )
      const [first] = allowed
      if (!first) callback(new ForbiddenAddress(), [])
      else if (options.all) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}

function blockList(family: 'ipv4' | 'ipv6', subnets: string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [address = '', bits] = subnet.split('/')
    list.addSubnet(address, Number(bits), family)
  }
  return list
}
