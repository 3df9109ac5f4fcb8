/**
 * The handlers of the relay's routes.
 *
 * One instance, the one that took the POST, calls the upstream once and writes the answer to the run's log. Every reader,
 * the sender of the POST included, reads that log.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { nanoid } from 'nanoid'
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import { beginning, type EventId } from '../broker/broker.ts'
import type { Caller } from '../http/access/caller.ts'
import type { ClientAddresses } from '../http/client-address.ts'
import { startChunkedEventStream } from '../http/event-stream.ts'
import { consume } from '../http/limits/rate-limit.ts'
import type { StreamLimit } from '../http/limits/stream-limit.ts'
import { Problem, unavailable } from '../http/problem.ts'
import { sendNoContent } from '../http/response.ts'
import type { RequestContext } from '../http/route.ts'
import type { Hub } from '../hub/hub.ts'
import { secretsConcealer } from './conceal.ts'
import { demonstrationOf } from './demonstration.ts'
import type { RelayRequest } from './request.ts'
import { Run, type RunOptions } from './run.ts'
import { isVisible, type Reason, readersKey, runKey, topicOf } from './run-log.ts'
import { callUpstream } from './upstream-call.ts'
import { findUpstream, type Upstream } from './upstreams.ts'

export interface RelayOptions {
  hub: Hub
  runs: RunOptions
  /** The operator's list. */
  upstreams: readonly Upstream[]
  /** Whether the server's own demonstration may be called. */
  hasDemonstration: boolean
  /** Runs per minute for each caller, and the limiter that has as many points. */
  runsPerMinute: number
  limiter: RateLimiterAbstract
  streams: StreamLimit
  addresses: ClientAddresses
  /** Why the log can't be written to now; null when it can. */
  unavailableReason(): string | null
  onBegin(origin: string): void
  onEnd(origin: string, reason: Reason, durationMs: number): void
}

const maxBodyBytes = 1024 * 1024
/** A body may be a JSON string, with each character as `\uXXXX`, and the other fields stand around it. */
export const maxRequestBytes = 6 * maxBodyBytes + 16 * 1024

export class Relay {
  readonly #options: RelayOptions
  readonly #runs = new Set<Run>()
  /** Upstreams that have not answered yet. */
  #calls = 0

  constructor(options: RelayOptions) {
    this.#options = options
  }

  /** How many runs this instance has: those that wait for the upstream's answer, and those that relay it. */
  get runsByState(): { calling: number; running: number } {
    return { calling: this.#calls, running: this.#runs.size }
  }

  /** Counts a run that is about to begin. Rejects with a `Problem` when it would not begin. */
  readonly countRun = async ({ req, caller, input }: RequestContext<RelayRequest>): Promise<void> => {
    const { runsPerMinute, limiter, addresses, unavailableReason } = this.#options
    if (Buffer.byteLength(input.body ?? '') > maxBodyBytes) {
      throw new Problem(413, `The body for the upstream is too long: at most ${maxBodyBytes} bytes are allowed.`)
    }
    if (unavailableReason())
      throw unavailable("The log can't be written now. The upstream was not called; send the request again.")
    this.#find(req, input)
    // A caller without a name is told apart by address.
    const key = caller.sub === undefined ? `from ${addresses.client(req)}` : `sub ${caller.sub}`
    const policy = { name: 'relay', quota: runsPerMinute, seconds: 60 }
    await consume(limiter, key, 1, policy, `Too many runs: at most ${runsPerMinute} per minute for each caller.`)
  }

  readonly begin = async ({ req, res, caller, input }: RequestContext<RelayRequest>): Promise<void> => {
    this.#countStream(req, res, caller)
    const { url, upstream } = this.#find(req, input)
    const run = nanoid()
    const topic = topicOf(run, caller.sub)
    await this.#call(res, topic, input, url, upstream)
    // The reference is relative, so that it is right below any path prefix.
    res.setHeader('Location', req.url?.split('?')[0]?.endsWith('/') ? run : `forward-sse/${run}`)
    await this.#read(req, res, caller, topic, beginning)
  }

  readonly resume = async ({ req, res, params, caller }: RequestContext): Promise<void> => {
    const { hub, runs } = this.#options
    const { broker } = runs
    const topic = topicOfRun(params.run, caller)
    const { head, entries } = await broker.latest(topic)
    if (head === beginning) throw unknownRun()
    const lastEventId = req.headers['last-event-id']?.toString() || beginning
    const isOver = !entries.some(({ key }) => key === runKey)
    let from = lastEventId
    if (isOver || !hub.knows(topic, lastEventId)) {
      const { recovered, events } = await broker.history(topic, lastEventId)
      if (isOver && recovered && !events.some(isVisible)) return sendNoContent(res)
      // An id that is not of this run: the stream starts at the run's beginning.
      if (!recovered) from = beginning
    }
    this.#countStream(req, res, caller)
    await this.#read(req, res, caller, topic, from)
  }

  readonly stop = async ({ res, params, caller }: RequestContext): Promise<void> => {
    const { broker } = this.#options.runs
    const topic = topicOfRun(params.run, caller)
    const { head } = await broker.latest(topic)
    if (head === beginning) throw unknownRun()
    // The instance that relays the run subscribes to its log.
    await broker.remove(topic, runKey, 'stopped')
    sendNoContent(res)
  }

  /** Ends every run of this instance. Resolves once their ends are in the log. */
  async close(): Promise<void> {
    const runs = [...this.#runs]
    for (const run of runs) run.stop('drained')
    await Promise.all(runs.map(({ ended }) => ended))
  }

  #find(req: IncomingMessage, { targetUrl }: RelayRequest): { url: URL; upstream: Upstream } {
    const { upstreams, hasDemonstration } = this.#options
    const found = findUpstream(hasDemonstration ? [demonstrationOf(req), ...upstreams] : upstreams, targetUrl)
    if (found) return found
    throw upstreams.length === 0
      ? new Problem(404, 'Only the demonstration is relayed here. Set RELAY_UPSTREAMS to allow other URLs.')
      : new Problem(403, 'The targetUrl does not start with a prefix of RELAY_UPSTREAMS.')
  }

  #countStream(req: IncomingMessage, res: ServerResponse, { sub }: Caller): void {
    this.#options.streams.enter(req, sub, res)
  }

  async #call(res: ServerResponse, topic: string, request: RelayRequest, url: URL, upstream: Upstream): Promise<void> {
    const { runs, onBegin, onEnd } = this.#options
    const { method, headers, body } = request
    // Until the response's head is sent, no other client knows the run.
    const gone = new AbortController()
    const abort = () => gone.abort()
    res.on('close', abort)
    if (res.destroyed) abort()
    this.#calls++
    const answer = await callUpstream({
      url,
      upstream,
      method,
      headers,
      body,
      idleMs: runs.idleMs,
      signal: gone.signal,
    }).finally(() => {
      this.#calls--
    })
    res.off('close', abort)
    const startedAt = performance.now()
    const run = await Run.begin(answer, topic, secretsConcealer(upstream), runs)
    this.#runs.add(run)
    onBegin(upstream.origin)
    void run.ended.then(reason => {
      this.#runs.delete(run)
      onEnd(upstream.origin, reason, performance.now() - startedAt)
    })
  }

  async #read(
    req: IncomingMessage,
    res: ServerResponse,
    { expiresAt }: Caller,
    topic: string,
    lastEventId: EventId,
  ): Promise<void> {
    if (req.socket.destroyed) return
    const open = () => startChunkedEventStream(res)
    const { hub } = this.#options
    await hub.join({ topic, lastEventId, key: readersKey, ack: false, untilMs: expiresAt, open, onClose: () => {} })
  }
}

/** The handler of the relay's routes when no upstream is configured. */
export function relayIsOff(): never {
  throw new Problem(404, 'The relay is off. Set RELAY_UPSTREAMS to turn it on.')
}

function topicOfRun(run: string | undefined, { sub }: Caller): string {
  if (!run || !/^[\w-]{21}$/.test(run)) throw unknownRun()
  return topicOf(run, sub)
}

function unknownRun(): Problem {
  return new Problem(404, 'There is no such run, it is no longer kept, or it belongs to another caller.')
}
