/**
 * Which address a request comes from, as far as the trusted proxies say.
 */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import proxyAddr from 'proxy-addr'

/**
 * Loopback and private networks (RFC 1918, RFC 4193, RFC 4291). One expression, since every stream asks: a `BlockList`
 * costs a tenth of a join.
 */
const privateAddress = /^(127|10|192\.168|172\.(1[6-9]|2\d|3[01]))\.|^::1$|^f([cd]..|e[89ab].):/i

/** Express's `trust proxy`: how many proxies, which addresses, or all. */
export type TrustProxy = string | number | boolean

export class ClientAddresses {
  readonly #isTrusted: (address: string, hop: number) => boolean

  constructor(trustProxy: TrustProxy) {
    this.#isTrusted = trustOf(trustProxy)
  }

  /**
   * A client's public address, or for IPv6 the network that belongs to one customer. Undefined for a private address: it
   * may be that of a proxy that TRUST_PROXY does not name, and so stand for any client.
   */
  network(req: IncomingMessage): string | undefined {
    return networkOf(this.#address(req))
  }

  /** The same, and for a private address that address: behind trusted proxies it tells clients of a private network apart. */
  client(req: IncomingMessage): string {
    const address = this.#address(req)
    return networkOf(address) ?? address
  }

  #address(req: IncomingMessage): string {
    return proxyAddr(req, this.#isTrusted).replace(/^::ffff:(?=\d+\.)/i, '')
  }
}

function trustOf(trustProxy: TrustProxy): (address: string, hop: number) => boolean {
  if (typeof trustProxy === 'boolean') return () => trustProxy
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy
  return proxyAddr.compile(trustProxy.split(',').map(address => address.trim()))
}

function networkOf(address: string): string | undefined {
  if (privateAddress.test(address)) return undefined
  const family = isIP(address)
  if (family === 0) return undefined
  return family === 4 ? address : firstHalf(address)
}

/** An IPv6 customer has at least a /64. */
function firstHalf(address: string): string {
  const [head = [], tail = []] = address.split('::').map(part => part.split(':').filter(Boolean))
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}
