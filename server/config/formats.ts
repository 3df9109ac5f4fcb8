/**
 * Formats of text options: hosts, URLs, origins and addresses.
 */
import { isIP } from 'node:net'

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

export function isHost(host: string): boolean {
  return isIP(host) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host)
}

export function isHostAndPort(address: string): boolean {
  const port = /^(?:[\w.-]+|\[[0-9a-f:]+\]):(\d{1,5})$/i.exec(address)?.[1]
  return port !== undefined && Number(port) <= 65_535
}

export function isRedisUrl(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, pathname } = new URL(url)
  return ['redis:', 'rediss:'].includes(protocol) && /^\/?\d*$/.test(pathname)
}

export function isKeyPrefix(prefix: string): boolean {
  return /^[\w.:-]{1,64}$/.test(prefix)
}

/** RFC 7518, section 3.2: an HS256 key has at least the 32 bytes of its hash. */
export function isHs256Key(secret: string): boolean {
  return Buffer.byteLength(secret) >= 32
}

/** Plain HTTP is accepted from loopback only: an attacker who changes the keys in transit can sign tokens. */
export function isKeySetUrl(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')))
}

/** An origin of any scheme, as browsers write it. `*.` at the beginning of its host stands for every subdomain. */
export function isOrigin(text: string): boolean {
  const origin = text.replace('://*.', '://')
  if (origin.includes('*') || !URL.canParse(origin)) return false
  const { protocol, host } = new URL(origin)
  return host !== '' && origin === `${protocol}//${host}`
}

/** A list of addresses, subnets and names such as `loopback` that Express's "trust proxy" accepts. */
export function isProxyList(text: string): boolean {
  const ranges = splitList(text)
  return ranges.length > 0 && ranges.every(isProxyRange)
}

function isProxyRange(range: string): boolean {
  const [address = '', bits = '1'] = range.split('/', 2)
  const isLength = /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (isIP(address) === 6 ? 128 : 32)
  return ['loopback', 'linklocal', 'uniquelocal'].includes(range) || (isIP(address) !== 0 && isLength)
}

/** Splits a comma-separated list and drops empty items. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}
