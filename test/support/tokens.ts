/**
 * Tokens as an application makes them, good and bad, and the key set of one that signs with a private key.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export const secret = 'a secret of the tests, of more than 32 bytes'

export const nowSeconds = () => Math.floor(Date.now() / 1_000)

/** May do everything in every room as alice, for an hour. */
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

/** Parts that no library would put together. */
export function unsigned(header: object, claims: object, signature = ''): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part(claims)}.${signature}`
}

export interface KeySet {
  url: string
  /** How often it was asked for. */
  fetches: number
  /** What it is answered with: 200, or a status that is no success. */
  status: number
  privateKey: Key
  /** The public key as it stands in files. */
  pem: string
  stop(): Promise<void>
}

/** An RSA key, named `one`, published over HTTP. */
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
