/**
 * The handlers of the relay's routes.
 *
 * One instance, the one that took the POST, calls the upstream once and writes the answer to the run's log. Every reader,
 * the sender of the POST included, reads that log.
 */
import type { IncomingMessage } from 'node:http'
import { type Broker, beginning, type EventId } from '../broker/broker.ts'
import type { ClientAddresses } from '../http/client-address.ts'
import { startChunkedEventStream } from '../http/event-stream.ts'
import type { StreamLimit } from '../http/limits/stream-limit.ts'
import { Problem, unavailable } from '../http/problem.ts'
import { sendNoContent } from '../http/response.ts'
import type { RequestContext } from '../http/route.ts'
import type { Hub } from '../hub/hub.ts'
import { AnswerWait } from './answer-wait.ts'
import { demonstrationOf } from './demonstration.ts'
import { IdempotencyKeys, keyUseOf } from './idempotency-keys.ts'
import type { RelayRequest } from './request.ts'
import { isVisible, readersKey, runKey, topicOf } from './run-log.ts'
import { type FoundRun, RunStarter, type RunStarterOptions } from './run-starter.ts'
import { findUpstream, isAmbiguous, type Upstream } from './upstreams.ts'

export interface RelayOptions extends Omit<RunStarterOptions, 'keys'> {
  hub: Hub
  /** Keeps a claim for longer than any run is kept. */
  claims: Broker
  /** The operator's list. */
  upstreams: readonly Upstream[]
  /** Whether the server's own demonstration may be called. */
  hasDemonstration: boolean
  streams: StreamLimit
  addresses: ClientAddresses
  /** Why the log can't be written to now; null when it can. */
  unavailableReason(): string | null
}

const maxBodyBytes = 1024 * 1024
/** The upstream body may be a JSON string in which each character is written as `\uXXXX`. The other fields add to that. */
export const maxRequestBytes = 6 * maxBodyBytes + 16 * 1024

const notCalled = "The log can't be written now. The upstream was not called; send the request again."

export class Relay {
  readonly #options: RelayOptions
  readonly #starter: RunStarter

  constructor(options: RelayOptions) {
    const { claims, runs } = options
    this.#options = options
    this.#starter = new RunStarter({ ...options, keys: new IdempotencyKeys({ claims, runs: runs.broker }) })
  }

  /** How many runs this instance has: those that wait for the upstream's answer, and those that relay it. */
  get runsByState(): { calling: number; running: number } {
    return this.#starter.runsByState
  }

  /** Starts a run, or joins the run of the request's `Idempotency-Key`, and answers with its events. */
  readonly begin = async (context: RequestContext<RelayRequest>): Promise<void> => {
    const { req, res, caller, input } = context
    const { sub } = caller
    const name = this.#callerOf(context)
    const key = keyUseOf(req, name, sub, input)
    const call = this.#callOf(context)
    this.#options.streams.enter(req, sub, res)
    const gone = new AbortController()
    res.on('close', () => gone.abort())
    for (;;) {
      const run = await this.#starter.start({ caller: name, sub, call, key })
      try {
        if (await this.#answer(context, run, gone.signal)) return
      } finally {
        // Until the response's head is sent, no other client knows a run without a key.
        if (!key && !res.headersSent) run.started?.stop('abandoned')
      }
    }
  }

  readonly resume = async (context: RequestContext): Promise<void> => {
    const { req, res, params, caller } = context
    const topic = topicOfRun(params.run, caller.sub)
    const isKnown = await this.#resume(context, topic, () => this.#options.streams.enter(req, caller.sub, res))
    if (!isKnown) throw unknownRun()
  }

  readonly stop = async ({ res, params, caller }: RequestContext): Promise<void> => {
    const { broker } = this.#options.runs
    const topic = topicOfRun(params.run, caller.sub)
    const { head } = await broker.latest(topic)
    if (head === beginning) throw unknownRun()
    // The instance that relays the run subscribes to its log.
    await broker.remove(topic, runKey, 'stopped')
    sendNoContent(res)
  }

  /** Ends every run of this instance. Resolves once their ends are in the log. */
  close(): Promise<void> {
    return this.#starter.close()
  }

  /** Identifies a caller for the rate and for idempotency keys: by `sub`, or without one by address. */
  #callerOf({ req, caller: { sub } }: RequestContext<RelayRequest>): string {
    return sub === undefined ? `from ${this.#options.addresses.client(req)}` : `sub ${sub}`
  }

  /** What to call. Throws a `Problem` if the request can't be served. */
  #callOf({ req, input }: RequestContext<RelayRequest>): RelayRequest & { url: URL; upstream: Upstream } {
    if (Buffer.byteLength(input.body ?? '') > maxBodyBytes) {
      throw new Problem(413, `The body for the upstream is too long: at most ${maxBodyBytes} bytes are allowed.`)
    }
    if (this.#options.unavailableReason()) throw unavailable(notCalled)
    return { ...input, ...this.#find(req, input.targetUrl) }
  }

  #find(req: IncomingMessage, target: string): { url: URL; upstream: Upstream } {
    const { upstreams, hasDemonstration } = this.#options
    const found = findUpstream(hasDemonstration ? [demonstrationOf(req), ...upstreams] : upstreams, target)
    if (found) return found
    if (upstreams.length === 0) {
      throw new Problem(404, 'Only the demonstration is relayed here. Set RELAY_UPSTREAMS to allow other URLs.')
    }
    throw new Problem(
      403,
      isAmbiguous(target) || !URL.canParse(target)
        ? 'The targetUrl must be an absolute URL without credentials, white space, backslashes, dot segments, encoded slashes, encoded backslashes and encoded dots.'
        : `No prefix of RELAY_UPSTREAMS allows this targetUrl. Add a prefix for ${new URL(target).origin} that its path begins with, or change the targetUrl.`,
    )
  }

  /**
   * Waits for the upstream's answer, and then reads the run. Resolves with false if the run of the key is gone and nothing was
   * answered: its instance has died before it called the upstream, or the run is no longer kept.
   */
  async #answer(
    context: RequestContext<unknown>,
    { id, topic, started }: FoundRun,
    gone: AbortSignal,
  ): Promise<boolean> {
    const { req, res } = context
    const wait = new AnswerWait(topic, this.#options.runs)
    try {
      const state = await wait.answer(gone)
      if (gone.aborted) return true
      if (state.phase === 'refused') throw state.problem
      if (state.phase === 'none' && started) throw unavailable(notCalled)
      if (state.phase === 'none') return false
      // The reference is relative, so that it is right below any path prefix.
      res.setHeader('Location', new URL(req.url ?? '', 'http://host').pathname.endsWith('/') ? id : `forward-sse/${id}`)
      if (!started) return await this.#resume(context, topic)
      await this.#read(context, topic, beginning)
      return true
    } catch (error) {
      if (!res.headersSent) res.removeHeader('Location')
      throw error
    } finally {
      wait.close()
    }
  }

  /** Answers with the events after the client's last one. Resolves with false if the run is not known. */
  async #resume(context: RequestContext<unknown>, topic: string, onStream = () => {}): Promise<boolean> {
    const { req, res } = context
    const { hub, runs } = this.#options
    const { broker } = runs
    const { head, entries } = await broker.latest(topic)
    if (head === beginning) return false
    const lastEventId = req.headers['last-event-id']?.toString() || beginning
    const isOver = !entries.some(({ key }) => key === runKey)
    let from = lastEventId
    if (isOver || !hub.knows(topic, lastEventId)) {
      const { recovered, events } = await broker.history(topic, lastEventId)
      if (isOver && recovered && !events.some(isVisible)) {
        sendNoContent(res)
        return true
      }
      // An id that is not of this run: the stream starts at the run's beginning.
      if (!recovered) from = beginning
    }
    onStream()
    await this.#read(context, topic, from)
    return true
  }

  async #read({ req, res, caller }: RequestContext<unknown>, topic: string, lastEventId: EventId): Promise<void> {
    if (req.socket.destroyed) return
    const open = () => startChunkedEventStream(res)
    const { hub } = this.#options
    const untilMs = caller.expiresAt
    await hub.join({ topic, lastEventId, key: readersKey, ack: false, untilMs, open, onClose: () => {} })
  }
}

/** The handler of the relay's routes when no upstream is configured. */
export function relayIsOff(): never {
  throw new Problem(404, 'The relay is off. Set RELAY_UPSTREAMS to turn it on.')
}

function topicOfRun(run: string | undefined, sub: string | undefined): string {
  if (!run || !/^[\w-]{21}$/.test(run)) throw unknownRun()
  return topicOf(run, sub)
}

function unknownRun(): Problem {
  return new Problem(404, 'There is no such run, it is no longer kept, or it belongs to another caller.')
}
