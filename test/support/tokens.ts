/**
 * Valid and invalid tokens, and a key set for tokens that are signed with a private key.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export const secret = 'a secret of the tests, of more than 32 bytes'

export const nowSeconds = () => Math.floor(Date.now() / 1_000)

/** The claims of alice, who may read and write locations in every room for an hour. */
export const aliceClaims = () => ({
  sub: 'alice',
  rooms: ['*'],
  scope: 'location:read location:write',
  exp: nowSeconds() + 3_600,
})

type Key = Parameters<SignJWT['sign']>[0]

export function sign(claims: JWTPayload, key: Key | string = secret, header: object = {}): Promise<string> {
  const bytes = typeof key === 'string' ? new TextEncoder().encode(key) : key
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', ...header }).sign(bytes)
}

/** Builds a token without signing it, which no library would do. */
export function unsigned(header: object, claims: object, signature = ''): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part(claims)}.${signature}`
}

export interface KeySet {
  url: string
  /** How often the key set was fetched. */
  fetches: number
  /** The status of the answers. A test may set another one than 200. */
  status: number
  privateKey: Key
  /** The public key in PEM format. */
  pem: string
  stop(): Promise<void>
}

/** Serves a key set with one RSA key, whose kid is `one`, over HTTP. */
export async function startKeySet(): Promise<KeySet> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'one', use: 'sig' }]
  const server = createServer((_req, res) => {
    keySet.fetches++
    res.writeHead(keySet.status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const keySet: KeySet = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    fetches: 0,
    status: 200,
    privateKey,
    pem: await exportSPKI(publicKey),
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return keySet
}
