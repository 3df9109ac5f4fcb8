/**
 * The relay's requests: each reads its request, begins a run, reads one or stops one, and answers. Knows neither Redis nor
 * Express.
 *
 * An upstream is called once for a run, by the instance that took the POST; whoever reads, the poster included, reads the log.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { nanoid } from 'nanoid'
import { beginning, type EventId } from '../broker/broker.ts'
import { type Access, refuseUnless } from '../http/access/access.ts'
import { type Caller, canRelay } from '../http/access/caller.ts'
import { sendNothing } from '../http/answer.ts'
import { check, readJson } from '../http/body.ts'
import { retryLater, type StreamRefusal, startEventStream } from '../http/event-stream.ts'
import type { StreamCount } from '../http/limits/stream-count.ts'
import { Problem, problemOf, unavailable } from '../http/problem.ts'
import type { Hub } from '../hub/hub.ts'
import { secretsConcealer } from './conceal.ts'
import { type RelayRequest, relaySchema } from './request.ts'
import { Run, type RunOptions } from './run.ts'
import { isVisible, type Reason, readersKey, runKey, topicOf } from './run-log.ts'
import { callUpstream } from './upstream-call.ts'
import { findUpstream, type Upstream } from './upstreams.ts'

export interface RelayOptions {
  hub: Hub
  runs: RunOptions
  /** The operator's list. */
  upstreams: readonly Upstream[]
  /** Where there is one, it may be called without any list. */
  demonstration: (() => Upstream) | undefined
  access: Access
  /** Counts a call. Rejects with a `Problem` past the caller's rate. */
  rate(caller: string): Promise<void>
  streams: StreamCount
  /** From where a request comes, if that says anything. */
  addressOf(req: IncomingMessage): string | undefined
  /** Why nobody can have a stream here at present; null when they can. */
  refusal(): StreamRefusal | null
  /** Why the log can't be written to at present; null when it can. */
  unavailableReason(): string | null
  onRefuse(refusal: StreamRefusal): void
  onBegin(origin: string): void
  onEnd(origin: string, reason: Reason, durationMs: number): void
}

const maxBodyBytes = 1024 * 1024
/** A body may be written as a string, each character as `\uXXXX`; and something stands around it. */
const maxRequestBytes = 6 * maxBodyBytes + 16 * 1024

export class Relay {
  readonly #options: RelayOptions
  readonly #runs = new Set<Run>()

  constructor(options: RelayOptions) {
    this.#options = options
  }

  async begin(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { refusal, unavailableReason } = this.#options
    const caller = await this.#caller(req)
    const request = check(relaySchema, await readJson(req, maxRequestBytes))
    if (Buffer.byteLength(request.body ?? '') > maxBodyBytes) {
      throw new Problem(413, `The body is longer than ${maxBodyBytes} bytes.`)
    }
    if (refusal() || unavailableReason()) {
      throw unavailable('No run can begin at present; the upstream was not called.')
    }
    const { url, upstream } = this.#find(request)
    await this.#count(req, caller)
    if (res.destroyed) return
    const run = nanoid()
    const topic = topicOf(run, caller.sub)
    await this.#call(res, topic, request, url, upstream)
    res.setHeader('Location', `/forward-sse/${run}`)
    await this.#read(req, res, caller, topic, beginning)
  }

  async resume(req: IncomingMessage, res: ServerResponse, run: string): Promise<void> {
    const { hub, runs } = this.#options
    const { broker } = runs
    try {
      const caller = await this.#caller(req)
      const refusal = this.#options.refusal()
      if (refusal) return this.#refuse(res, refusal)
      const topic = knownTopic(run, caller)
      const { head, entries } = await broker.latest(topic)
      if (head === beginning) throw unknown()
      const lastEventId = req.headers['last-event-id']?.toString() || beginning
      const isOver = !entries.some(({ key }) => key === runKey)
      if (!isOver && hub.knows(topic, lastEventId)) return await this.#read(req, res, caller, topic, lastEventId)
      const { recovered, events } = await broker.history(topic, lastEventId)
      if (isOver && recovered && !events.some(isVisible)) return sendNothing(res)
      // With an id that is not of this run there is nothing to go on from but its beginning.
      await this.#read(req, res, caller, topic, recovered ? lastEventId : beginning)
    } catch (error) {
      if (problemOf(error).status !== 503) throw error
      this.#refuse(res, 'store')
    }
  }

  async stop(req: IncomingMessage, res: ServerResponse, run: string): Promise<void> {
    const { broker } = this.#options.runs
    const topic = knownTopic(run, await this.#caller(req))
    const { head } = await broker.latest(topic)
    if (head === beginning) throw unknown()
    // Whichever instance relays it hears of it.
    await broker.remove(topic, runKey, 'stopped')
    sendNothing(res)
  }

  /** Ends every run here; resolves once the log says so. */
  async close(): Promise<void> {
    const runs = [...this.#runs]
    for (const run of runs) run.stop('drained')
    await Promise.all(runs.map(({ ended }) => ended))
  }

  /** Without a list there is nothing here to have a right to. */
  async #caller(req: IncomingMessage): Promise<Caller> {
    const { upstreams, demonstration, access } = this.#options
    if (upstreams.length === 0 && !demonstration) throw new Problem(404, 'Nothing is relayed here.')
    const caller = await access(req)
    refuseUnless(canRelay(caller))
    return caller
  }

  #find({ targetUrl }: RelayRequest): { url: URL; upstream: Upstream } {
    const { upstreams, demonstration } = this.#options
    const found = findUpstream(demonstration ? [demonstration(), ...upstreams] : upstreams, targetUrl)
    if (found) return found
    throw upstreams.length === 0
      ? new Problem(404, 'Nothing is relayed here but the demonstration.')
      : new Problem(403, 'That URL is none of those that are relayed here.')
  }

  /** Whoever has no name is told apart by address. */
  async #count(req: IncomingMessage, { sub }: Caller): Promise<void> {
    const { rate, addressOf } = this.#options
    await rate(sub === undefined ? `from ${addressOf(req) ?? req.socket.remoteAddress}` : `sub ${sub}`)
  }

  async #call(res: ServerResponse, topic: string, request: RelayRequest, url: URL, upstream: Upstream): Promise<void> {
    const { runs, onBegin, onEnd } = this.#options
    const { method, headers, body } = request
    // Before the answer's head nobody else can know of the run.
    const gone = new AbortController()
    const hangUp = () => gone.abort()
    res.on('close', hangUp)
    const answer = await callUpstream({
      url,
      upstream,
      method,
      headers,
      body,
      idleMs: runs.idleMs,
      signal: gone.signal,
    })
    res.off('close', hangUp)
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
    { sub, expiresAt }: Caller,
    topic: string,
    lastEventId: EventId,
  ): Promise<void> {
    const { hub, streams, addressOf } = this.#options
    if (req.socket.destroyed) return
    const leave = streams.enter(addressOf(req), sub)
    if (!leave) return this.#refuse(res, 'limit')
    // Whatever the answer is from here on, it ends with its connection.
    req.socket.once('close', leave)
    const open = () => startEventStream(res)
    await hub.join({ topic, lastEventId, key: readersKey, ack: false, untilMs: expiresAt, open, onClose: () => {} })
  }

  #refuse(res: ServerResponse, refusal: StreamRefusal): void {
    this.#options.onRefuse(refusal)
    retryLater(res)
  }
}

function knownTopic(run: string, { sub }: Caller): string {
  if (!/^[\w-]{21}$/.test(run)) throw unknown()
  return topicOf(run, sub)
}

function unknown(): Problem {
  return new Problem(404, 'There is no such run, or no longer.')
}
