/**
 * From where a request comes, as far as that is known.
 */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import express from 'express'

/**
 * Loopback, and what private networks use (RFC 1918, RFC 4193, RFC 4291). As one expression, since every stream asks: a
 * `BlockList` costs a tenth of a join.
 */
const near = /^(127|10|192\.168|172\.(1[6-9]|2\d|3[01]))\.|^::1$|^f([cd]..|e[89ab].):/i

/**
 * Gives the public address, or the network that is one customer's. Undefined for what is near: this machine, or a private
 * network, where it may be a proxy that `TRUST_PROXY` does not name, and so anybody.
 */
export function addressReader(trustProxy: string | number | boolean): (req: IncomingMessage) => string | undefined {
  const isTrusted: (address: string, hop: number) => boolean = express()
    .set('trust proxy', trustProxy)
    .get('trust proxy fn')

  return ({ socket, headers }) => {
    const forwarded = headers['x-forwarded-for']?.toString().split(',').reverse() ?? []
    const hops = [socket.remoteAddress ?? '', ...forwarded.map(hop => hop.trim())]
    let hop = 0
    while (hop < hops.length - 1 && isTrusted(hops[hop] ?? '', hop)) hop++
    return networkOf((hops[hop] ?? '').replace(/^::ffff:(?=\d+\.)/i, ''))
  }
}

function networkOf(address: string): string | undefined {
  if (near.test(address)) return undefined
  const family = isIP(address)
  if (family === 0) return undefined
  return family === 4 ? address : firstHalf(address)
}

/** Of an IPv6 address a customer has at least the whole second half. */
function firstHalf(address: string): string {
  const [head = [], tail = []] = address.split('::').map(part => part.split(':').filter(Boolean))
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}
