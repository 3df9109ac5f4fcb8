/**
 * Which run a caller's `Idempotency-Key` stands for.
 *
 * Each key of each caller has a topic with one value, the claim. A claim names a run that was in the log before, so a key is
 * free exactly if the run of its claim is no longer kept, or has never called its upstream, or was refused. The claim's
 * number makes taking the key one atomic step: of all that found the key free, the first one gets it.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import type { Broker } from '../broker/broker.ts'
import { Problem } from '../http/problem.ts'
import { readState } from './answer-wait.ts'
import type { RelayRequest } from './request.ts'
import { topicOf } from './run-log.ts'

/** A key as one request uses it. */
export interface KeyUse {
  /** The topic of the caller's key. */
  topic: string
  /** Hash of the request. */
  request: string
  /** The caller's `sub`, to which the run belongs. */
  sub: string | undefined
}

interface Claim {
  run: string
  request: string
  seq: number
}

export interface KeyBrokers {
  /** Keeps a claim for longer than any run is kept. */
  claims: Broker
  runs: Broker
}

/** A key's run, or undefined and the number of the claim that takes the key. */
export type KeyState = { run: string } | { run: undefined; seq: number }

export const idempotencyKeySchema = z.string().regex(/^[\x21-\x7e]{1,128}$/)

const claimKey = 'claim'

export class IdempotencyKeys {
  readonly #brokers: KeyBrokers

  constructor(brokers: KeyBrokers) {
    this.#brokers = brokers
  }

  /** Rejects with a 422 `Problem` if the key stands for the run of another request, and with `Unavailable`. */
  async find({ topic, request, sub }: KeyUse): Promise<KeyState> {
    const { claims, runs } = this.#brokers
    const { entries } = await claims.latest(topic)
    const value = entries.find(({ key }) => key === claimKey)?.value
    if (value === undefined) return { run: undefined, seq: 1 }
    const claim: Claim = JSON.parse(value)
    const { phase } = await readState(runs, topicOf(claim.run, sub))
    if (phase === 'none' || phase === 'refused') return { run: undefined, seq: claim.seq + 1 }
    if (claim.request === request) return { run: claim.run }
    const detail =
      'This Idempotency-Key was used with another request. Send a new key, or the same targetUrl, method, header and body.'
    throw new Problem(422, detail)
  }

  /** Takes a free key for a run. Returns false if another request was faster. */
  async take({ topic, request }: KeyUse, run: string, seq: number): Promise<boolean> {
    const claim: Claim = { run, request, seq }
    const drafts = [{ key: claimKey, value: JSON.stringify(claim), seq }]
    const receipts = await this.#brokers.claims.publish(topic, drafts)
    return receipts?.[0]?.stale === false
  }
}

/** Returns the use of the request's key, or undefined if it has none. Throws a 400 `Problem`. `caller` tells callers apart. */
export function keyUseOf(
  req: IncomingMessage,
  caller: string,
  sub: string | undefined,
  { targetUrl, method, headers, body }: RelayRequest,
): KeyUse | undefined {
  const key = req.headers['idempotency-key']?.toString()
  if (key === undefined) return undefined
  if (!idempotencyKeySchema.safeParse(key).success) {
    throw new Problem(400, 'The header Idempotency-Key must be 1 to 128 visible ASCII characters.')
  }
  const names = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  const request = hashOf([targetUrl, method, names.sort(), body])
  return { topic: `idempotency-key/${hashOf([caller, key])}`, request, sub }
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url')
}
