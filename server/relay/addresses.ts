/**
 * The addresses that the relay may connect to: public ones, an address that the operator's prefix contains literally, and
 * private ones for a prefix with `allowPrivate`.
 *
 * The check is part of the connection's own DNS lookup. So a name cannot resolve to one address for the check and to another
 * for the connection (DNS rebinding).
 */
import { type LookupAddress, lookup } from 'node:dns'
import { BlockList, isIPv4, type LookupFunction } from 'node:net'

/** IANA's special-purpose address registry, and multicast. */
const special = blockList([
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
const globalUnicast = blockList(['2000::/3'])
/** Parts of it that are not public: protocol assignments, tunnels to IPv4 addresses, and documentation. */
const specialUnicast = blockList(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'])
const loopback = blockList(['127.0.0.0/8', '::1/128'])
/** Addresses inside a machine, between its containers, and in private networks. */
const privateNetworks = blockList([
  ...['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16'],
  ...['::1/128', 'fc00::/7', 'fe80::/10'],
])
/** The metadata services of cloud providers. They give out credentials, so no name may resolve to them. */
const metadataServices = blockList([
  ...['169.254.169.254/32', '169.254.170.2/32', '169.254.170.23/32', '100.100.100.200/32'],
  ...['fd00:ec2::254/128', 'fd00:ec2::23/128'],
])

export class ForbiddenAddress extends Error {
  readonly code = 'forbidden-address'
}

export function isPublic(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, 'ipv4')
  return globalUnicast.check(address, 'ipv6') && !specialUnicast.check(address, 'ipv6')
}

function isPrivate(address: string): boolean {
  return contains(privateNetworks, address) && !contains(metadataServices, address)
}

/**
 * A connection's `lookup` that returns only public addresses, and only loopback addresses for `localhost`. With
 * `allowPrivate` it returns private addresses, too. Node does not call it for a literal address, which findUpstream has
 * already compared with the operator's prefixes.
 */
export function guardedLookup(allowPrivate = false, resolve: typeof lookup = lookup): LookupFunction {
  const isAllowed = (address: string) => isPublic(address) || (allowPrivate && isPrivate(address))
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[] = []) => {
      if (error) return callback(error, [])
      const allowed = found.filter(({ address }) =>
        hostname === 'localhost' ? contains(loopback, address) : isAllowed(address),
      )
      const [first] = allowed
      if (!first) callback(new ForbiddenAddress(), [])
      else if (options.all) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

function blockList(subnets: string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [address = '', bits] = subnet.split('/')
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6')
  }
  return list
}
