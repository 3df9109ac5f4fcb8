/**
 * To which addresses a relay may connect: those of the public internet, and what the operator's own prefix names.
 *
 * Looked at where the connection takes its address from, so a name can't mean one address when asked and another when used.
 */
import { type LookupAddress, lookup } from 'node:dns'
import { BlockList, isIPv4, type LookupFunction } from 'node:net'

/** IANA's special-purpose registry, and multicast. */
const special = blocked('ipv4', [
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
const globalUnicast = blocked('ipv6', ['2000::/3'])
/** Within it: protocol assignments and tunnels, which lead to addresses of another kind, and documentation. */
const specialUnicast = blocked('ipv6', ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'])
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
 * For a connection's `lookup`. It is asked for names alone: an address in the URL is one that the operator's prefix names.
 * `localhost` names loopback.
 */
export function guarded(resolve: typeof lookup = lookup): LookupFunction {
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

function blocked(family: 'ipv4' | 'ipv6', subnets: string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [address = '', bits] = subnet.split('/')
    list.addSubnet(address, Number(bits), family)
  }
  return list
}
