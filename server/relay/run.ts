/**
 * One run: calls an upstream and writes its events to the log, until the upstream ends or the run is no longer wanted.
 *
 * A run does not know its readers' connections. The reason of its end is always in the log: this instance writes it, or
 * the lease of this instance ends.
 */
import type { IncomingMessage } from 'node:http'
import { type Broker, type Event, type EventId, type Subscriber, unlessUnavailable } from '../broker/broker.ts'
import { LeaseManager } from '../broker/lease-manager.ts'
import { Problem, problemOf, unavailable } from '../http/problem.ts'
import { secretsConcealer } from './conceal.ts'
import { withRetries } from './retries.ts'
import { answered, begun, called, lineOf, type Reason, readersKey, refusalOf, runKey } from './run-log.ts'
import { RunWriter } from './run-writer.ts'
import { type Call, callUpstream } from './upstream-call.ts'
import { type UpstreamEvent, UpstreamEvents } from './upstream-events.ts'

/** What all runs of an instance have in common. */
export interface RunOptions {
  /** Its history has no limit in events. */
  broker: Broker
  /** This instance's name among the holders of leases. It differs from the one that holds the readers' leases. */
  holder: string
  leaseMs: number
  /** How long a run may have no readers. */
  graceMs: number
  historyTtlMs: number
  maxBytes: number
  /** How long the upstream may send nothing. */
  idleMs: number
  /** Receives errors that are bugs. */
  onError(error: unknown): void
}

/** What a run calls. */
export type RunCall = Omit<Call, 'signal' | 'idleMs'>

/** How long a run may take. */
export const maxRunMs = 60 * 60_000
/** What every event counts at least, because a short event has a cost, too. */
const minEventBytes = 64

export class Run implements Subscriber {
  readonly #topic: string
  readonly #options: RunOptions
  readonly #events: UpstreamEvents
  readonly #leases: LeaseManager
  readonly #limit: NodeJS.Timeout
  readonly #writer: RunWriter
  readonly #abort = new AbortController()
  #conceal = (text: string) => text
  #upstream: IncomingMessage | undefined
  #unsubscribe = () => {}
  #head: EventId | undefined
  #bytes = 0
  #reason: Reason | undefined

  /** Resolves once the run is in the log. Rejects with `Unavailable`; then there is no run. */
  static async begin(topic: string, options: RunOptions): Promise<Run> {
    const { broker } = options
    const drafts = [runKey, readersKey].map(key => ({ key, value: begun, seq: 0 }))
    await broker.publish(topic, drafts)
    const run = new Run(topic, options)
    try {
      run.#unsubscribe = await broker.subscribe(topic, run)
    } catch (error) {
      void run.#end('lost')
      throw error
    }
    return run
  }

  private constructor(topic: string, options: RunOptions) {
    const { broker, maxBytes, leaseMs, onError } = options
    this.#topic = topic
    this.#options = options
    this.#events = new UpstreamEvents(maxBytes)
    this.#writer = new RunWriter({
      append: (seq, values) =>
        withRetries(leaseMs, () => broker.append(topic, runKey, seq, values)).catch(error => {
          unlessUnavailable(onError)(error)
          return false
        }),
      onAppended: () => this.#upstream?.resume(),
      onLost: () => this.stop('lost'),
    })
    const onHead = (head: EventId) => {
      if (head !== this.#head) this.interrupted()
    }
    this.#leases = new LeaseManager(broker, { ...options, topic, onHead, onIdle: () => {} })
    this.#leases.enter(runKey, false)
    this.#startReadersGrace()
    this.#limit = setTimeout(() => this.stop('too-late'), maxRunMs)
  }

  /**
   * Calls the upstream once and relays its answer. Resolves with the reason once the end is in the log. The log says that the
   * upstream is called before it is: if this instance dies, another one knows whether it may call.
   */
  async relay(call: RunCall, onAnswer: () => void): Promise<Reason> {
    const reason = await this.#relay(call, onAnswer).catch(error => this.#refuse(error))
    await this.#end(reason)
    return reason
  }

  /** Ends a run that has not called the upstream. Its readers get the problem, if there is one. */
  async cancel(problem?: Problem): Promise<void> {
    if (problem) this.#writer.add(refusalOf(problem))
    await this.#end('refused')
  }

  stop(reason: Reason): void {
    this.#reason ??= reason
    this.#abort.abort()
    this.#upstream?.destroy()
  }

  announced(_after: string, events: Event[]): void {
    for (const { id, key, value, reason } of events) {
      this.#head = id
      if (value !== null) continue
      if (key === runKey) this.stop('stopped')
      else if (reason === 'closed') this.stop('abandoned')
      else void this.#renewReaders()
    }
  }

  interrupted(): void {
    this.#checkKeys().catch(unlessUnavailable(this.#options.onError))
  }

  /** Finds an end whose announcement was lost. */
  async #checkKeys(): Promise<void> {
    const { entries } = await this.#withRetries(() => this.#options.broker.latest(this.#topic))
    const keys = new Set(entries.map(({ key }) => key))
    if (!keys.has(runKey)) this.stop('stopped')
    // The reason is unknown, so it may be the one below.
    else if (!keys.has(readersKey)) await this.#renewReaders()
  }

  /**
   * The lease of the last reader's instance has ended. Its reader may be about to join another instance, so the grace
   * period starts again, as if the reader had left just now.
   */
  async #renewReaders(): Promise<void> {
    const { broker, onError } = this.#options
    try {
      await this.#withRetries(() => broker.publish(this.#topic, [{ key: readersKey, value: begun }]))
      this.#startReadersGrace()
    } catch (error) {
      this.stop('lost')
      unlessUnavailable(onError)(error)
    }
  }

  /** Starts the grace period: the run is stopped unless a reader joins before its end. */
  #startReadersGrace(): void {
    this.#leases.enter(readersKey, false)
    this.#leases.leave(readersKey, false)
  }

  async #relay(call: RunCall, onAnswer: () => void): Promise<Reason> {
    this.#writer.add(called)
    if (!(await this.#writer.flushed())) {
      throw unavailable("The log can't be written now. The upstream was not called; send the request again.")
    }
    if (this.#reason) return this.#reason
    const upstream = await callUpstream({ ...call, idleMs: this.#options.idleMs, signal: this.#abort.signal })
    this.#conceal = secretsConcealer(call.upstream)
    this.#writer.add(answered)
    onAnswer()
    await this.#read(upstream)
    if (!upstream.complete || upstream.errored) return this.#reason ?? 'broken'
    if (!this.#reason) this.#addAll(this.#events.end())
    return this.#reason ?? 'done'
  }

  /** Resolves when the upstream's connection is closed. */
  async #read(upstream: IncomingMessage): Promise<void> {
    const { idleMs } = this.#options
    this.#upstream = upstream
    upstream.setTimeout(idleMs, () => {
      // A paused upstream is silent because of this instance. The socket reports an idle time only once.
      if (upstream.isPaused()) upstream.setTimeout(idleMs)
      else this.stop('silent')
    })
    upstream.on('data', bytes => this.#take(bytes))
    if (!upstream.closed) await new Promise(resolve => upstream.on('close', resolve))
  }

  #take(bytes: Buffer): void {
    this.#addAll(this.#events.read(bytes))
    if (this.#events.isTooLong) this.stop('too-long')
    if (this.#writer.isFull) this.#upstream?.pause()
  }

  /** Adds events until the run has become too long. */
  #addAll(events: UpstreamEvent[]): void {
    for (const { event, data } of events) {
      this.#bytes += Math.max(minEventBytes, Buffer.byteLength(data) + (event?.length ?? 0))
      if (this.#bytes > this.#options.maxBytes) return this.stop('too-long')
      this.#writer.add(lineOf({ event, data: this.#conceal(data) }))
    }
  }

  /** Writes to the log why there is no answer. */
  #refuse(error: unknown): Reason {
    if (this.#reason) return this.#reason
    if (!(error instanceof Problem)) this.#options.onError(error)
    this.#writer.add(refusalOf(problemOf(error)))
    return 'refused'
  }

  async #end(reason: Reason): Promise<void> {
    const { broker, onError } = this.#options
    const ignoreOutage = unlessUnavailable(onError)
    clearTimeout(this.#limit)
    await this.#writer.flushed()
    // If the store stays away, the run's lease ends, and that is the end in the log.
    await this.#withRetries(() => broker.remove(this.#topic, runKey, reason)).catch(ignoreOutage)
    await this.#leases.stop().catch(ignoreOutage)
    this.#unsubscribe()
    // The grace period of the readers is over, too.
    await this.#withRetries(() => broker.remove(this.#topic, readersKey, 'over')).catch(ignoreOutage)
  }

  /** Repeats a step while the store is unavailable, for as long as a lease lasts. */
  #withRetries<T>(step: () => Promise<T>): Promise<T> {
    return withRetries(this.#options.leaseMs, step)
  }
}
