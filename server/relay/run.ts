/**
 * One run: writes an upstream's events to the log until the upstream ends or the run is no longer wanted.
 *
 * A run does not know its readers' connections. The reason of its end is always in the log: this instance writes it, or
 * the lease of this instance ends.
 */
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Broker,
  type Event,
  type EventId,
  type Subscriber,
  Unavailable,
  unlessUnavailable,
} from '../broker/broker.ts'
import { LeaseManager } from '../broker/lease-manager.ts'
import { begun, lineOf, type Reason, readersKey, runKey } from './run-log.ts'
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

const maxRunMs = 60 * 60_000
/** How much may wait to be appended. Past this the upstream is paused. */
const maxPendingBytes = 256 * 1024
/** What every event counts at least, because a short event has a cost, too. */
const minEventBytes = 64
const retryMs = 250

export class Run implements Subscriber {
  readonly #upstream: IncomingMessage
  readonly #topic: string
  readonly #conceal: (text: string) => string
  readonly #options: RunOptions
  readonly #events: UpstreamEvents
  readonly #leases: LeaseManager
  readonly #limit: NodeJS.Timeout
  readonly #begun: Promise<void>
  #unsubscribe = () => {}
  #head: EventId | undefined
  #seq = 1
  #bytes = 0
  #pending: string[] = []
  #pendingBytes = 0
  #appending: Promise<void> | undefined
  #reason: Reason | undefined
  /** Resolves with the reason once the end is in the log. */
  readonly ended: Promise<Reason>

  /**
   * Resolves once the run is in the log. Rejects with `Unavailable`; the upstream is then closed. `conceal` removes what
   * readers must not see.
   */
  static async begin(
    upstream: IncomingMessage,
    topic: string,
    conceal: (text: string) => string,
    options: RunOptions,
  ): Promise<Run> {
    const run = new Run(upstream, topic, conceal, options)
    await run.#begun
    return run
  }

  private constructor(
    upstream: IncomingMessage,
    topic: string,
    conceal: (text: string) => string,
    options: RunOptions,
  ) {
    const { broker, maxBytes, idleMs } = options
    this.#upstream = upstream
    this.#topic = topic
    this.#conceal = conceal
    this.#options = options
    this.#events = new UpstreamEvents(maxBytes)
    const onHead = (head: EventId) => {
      if (head !== this.#head) this.interrupted()
    }
    this.#leases = new LeaseManager(broker, { ...options, topic, onHead, onIdle: () => {} })
    this.#begun = this.#begin()
    // Events that arrive before the run is in the log wait for it. `begin` reports a failure.
    this.#appending = this.#begun.then(
      () => this.#append(),
      () => this.stop('lost'),
    )
    this.#limit = setTimeout(() => this.stop('too-late'), maxRunMs)
    upstream.setTimeout(idleMs, () => {
      // A paused upstream is silent because of this instance. The socket reports an idle time only once.
      if (upstream.isPaused()) upstream.setTimeout(idleMs)
      else this.stop('silent')
    })
    upstream.on('data', bytes => this.#take(bytes))
    this.ended = new Promise(resolve => upstream.on('close', resolve)).then(() => this.#end())
  }

  async #begin(): Promise<void> {
    const { broker } = this.#options
    const drafts = [runKey, readersKey].map(key => ({ key, value: begun, seq: 0 }))
    await broker.publish(this.#topic, drafts)
    this.#leases.enter(runKey, false)
    this.#startReadersGrace()
    this.#unsubscribe = await broker.subscribe(this.#topic, this)
  }

  stop(reason: Reason): void {
    this.#reason ??= reason
    this.#upstream.destroy()
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

  #take(bytes: Buffer): void {
    for (const event of this.#events.read(bytes)) {
      if (!this.#add(event)) break
    }
    if (this.#events.isTooLong) this.stop('too-long')
    if (this.#pendingBytes > maxPendingBytes) this.#upstream.pause()
    if (this.#pending.length > 0) this.#appending ??= this.#append()
  }

  /** Returns false if the run has become too long. */
  #add({ event, data }: UpstreamEvent): boolean {
    const value = lineOf({ event, data: this.#conceal(data) })
    this.#bytes += Math.max(minEventBytes, Buffer.byteLength(data) + (event?.length ?? 0))
    if (this.#bytes > this.#options.maxBytes) {
      this.stop('too-long')
      return false
    }
    this.#pending.push(value)
    this.#pendingBytes += Buffer.byteLength(value)
    return true
  }

  /** Appends what is pending, and what arrives in the meantime. */
  async #append(): Promise<void> {
    while (this.#pending.length > 0) {
      const values = this.#pending
      this.#pending = []
      this.#pendingBytes = 0
      if (!(await this.#isAppended(values))) {
        this.#pending = []
        this.stop('lost')
        break
      }
      this.#seq += values.length
      this.#upstream.resume()
    }
    this.#appending = undefined
  }

  async #isAppended(values: string[]): Promise<boolean> {
    const { broker, onError } = this.#options
    try {
      return await this.#withRetries(() => broker.append(this.#topic, runKey, this.#seq, values))
    } catch (error) {
      unlessUnavailable(onError)(error)
      return false
    }
  }

  async #end(): Promise<Reason> {
    const { broker, onError } = this.#options
    const ignoreOutage = unlessUnavailable(onError)
    clearTimeout(this.#limit)
    await this.#appending
    const reason = this.#reason ?? (this.#upstream.complete ? 'done' : 'broken')
    // If the store stays away, the run's lease ends, and that is the end in the log.
    await this.#withRetries(() => broker.remove(this.#topic, runKey, reason)).catch(ignoreOutage)
    await this.#leases.stop().catch(ignoreOutage)
    this.#unsubscribe()
    // The grace period of the readers is over, too.
    await this.#withRetries(() => broker.remove(this.#topic, readersKey, 'over')).catch(ignoreOutage)
    return reason
  }

  /** Repeats a step while the store is unavailable, for as long as a lease lasts. Repeated steps have one effect in the log. */
  async #withRetries<T>(step: () => Promise<T>): Promise<T> {
    const untilMs = performance.now() + this.#options.leaseMs
    for (;;) {
      try {
        return await step()
      } catch (error) {
        if (!(error instanceof Unavailable) || performance.now() > untilMs) throw error
        await sleep(retryMs)
      }
    }
  }
}
