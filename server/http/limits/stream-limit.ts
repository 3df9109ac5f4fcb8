/**
 * Bounds the streams of this instance, of each address and of each collaborator.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ClientAddresses } from '../client-address.ts'
import { type Problem, unavailable } from '../problem.ts'
import { shareOf } from './share.ts'

export interface StreamLimitOptions {
  /** For all workers together, as are the limits below. */
  maxStreams: number
  workers: number
  /** How many streams this process has. */
  openStreams(): number
  addresses: ClientAddresses
}

const forAddress = 2_000
const forUser = 100

export class StreamLimit {
  readonly #options: StreamLimitOptions
  readonly #max: { streams: number; forAddress: number; forUser: number }
  readonly #byAddress = new Map<string, number>()
  readonly #byUser = new Map<string, number>()

  constructor(options: StreamLimitOptions) {
    this.#options = options
    const share = (limit: number) => shareOf(limit, options.workers)
    this.#max = { streams: share(options.maxStreams), forAddress: share(forAddress), forUser: share(forUser) }
  }

  /**
   * Counts a stream until its connection closes or, if the connection outlives it, `res` does. Throws a 503 `Problem` when it
   * is one too many.
   */
  enter(req: IncomingMessage, user: string | undefined, res?: ServerResponse): void {
    const { openStreams, addresses } = this.#options
    if (openStreams() >= this.#max.streams)
      throw refused('full', 'The server has reached its limit of streams. Try again later, or raise MAX_STREAMS.')
    const address = addresses.network(req)
    if (countOf(this.#byAddress, address) >= this.#max.forAddress || countOf(this.#byUser, user) >= this.#max.forUser) {
      throw refused('limit', 'This client has reached its limit of streams. Close some of them.')
    }
    add(this.#byAddress, address, 1)
    add(this.#byUser, user, 1)
    const leave = () => {
      req.socket.off('close', leave)
      res?.off('close', leave)
      add(this.#byAddress, address, -1)
      add(this.#byUser, user, -1)
    }
    req.socket.on('close', leave)
    res?.on('close', leave)
  }
}

function refused(refusal: 'full' | 'limit', detail: string): Problem {
  return unavailable(`${detail} Open it again later.`, { refusal })
}

function countOf(counts: Map<string, number>, key: string | undefined): number {
  return (key !== undefined && counts.get(key)) || 0
}

function add(counts: Map<string, number>, key: string | undefined, by: 1 | -1): void {
  if (key === undefined) return
  const count = countOf(counts, key) + by
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
