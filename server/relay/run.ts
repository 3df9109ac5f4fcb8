/**
 * One run: an upstream's events into the log, until it ends or nobody wants it any more.
 *
 * Knows nothing of who reads. The run's end is in the log, whatever it was: told by this instance, or, when this instance
 * is gone, by the lease that it kept.
 */
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Broker, type Event, type EventId, type Subscriber, Unavailable } from '../broker/broker.ts'
import { LeaseManager } from '../broker/lease-manager.ts'
import { begun, lineOf, type Reason, readersKey, runKey } from './run-log.ts'
import { type UpstreamEvent, UpstreamEvents } from './upstream-events.ts'

/** What all runs of an instance have in common. */
export interface RunOptions {
  /** Its history has no limit in events. */
  broker: Broker
  /** This instance's name among the holders of leases; another than that of its readers. */
  holder: string
  leaseMs: number
  /** How long nobody may be listening. */
  graceMs: number
  historyTtlMs: number
  maxBytes: number
  /** The longest silence. */
  idleMs: number
}

const maxRunMs = 60 * 60_000
/** What may wait for the log; past it the upstream waits. */
const maxPendingBytes = 256 * 1024
/** What an event takes at least, however short it is. */
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
  /** Resolves with why once the end is in the log. */
  readonly ended: Promise<Reason>

  /**
   * Resolves once the run is in the log. Rejects with `Unavailable`; the upstream is then closed. `conceal` takes out what is
   * not for readers.
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
    // What comes before the run is in the log waits for it.
    this.#appending = this.#begun.then(
      () => this.#append(),
      () => this.stop('lost'),
    )
    this.#limit = setTimeout(() => this.stop('too-late'), maxRunMs)
    upstream.setTimeout(idleMs, () => {
      // Its silence is ours, and it is said only once.
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
    this.#awaitReaders()
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
      else this.#callReaders()
    }
  }

  interrupted(): void {
    this.#look().catch(() => {})
  }

  /** An end that was announced while nobody could hear it. */
  async #look(): Promise<void> {
    const { entries } = await this.#insist(() => this.#options.broker.latest(this.#topic))
    const keys = new Set(entries.map(({ key }) => key))
    if (!keys.has(runKey)) this.stop('stopped')
    // Why they are gone is not known.
    else if (!keys.has(readersKey)) this.#callReaders()
  }

  /** The instance of the last reader is gone, so the reader may be on the way to another: as if it had left just now. */
  #callReaders(): void {
    const { broker } = this.#options
    this.#insist(() => broker.publish(this.#topic, [{ key: readersKey, value: begun }])).then(
      () => this.#awaitReaders(),
      () => this.stop('lost'),
    )
  }

  /** From now on somebody has the grace to come. */
  #awaitReaders(): void {
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

  /** All that waits, and what comes meanwhile. */
  async #append(): Promise<void> {
    const { broker } = this.#options
    while (this.#pending.length > 0) {
      const values = this.#pending
      this.#pending = []
      this.#pendingBytes = 0
      const isThere = await this.#insist(() => broker.append(this.#topic, runKey, this.#seq, values)).catch(() => false)
      if (!isThere) {
        this.#pending = []
        this.stop('lost')
        break
      }
      this.#seq += values.length
      this.#upstream.resume()
    }
    this.#appending = undefined
  }

  async #end(): Promise<Reason> {
    const { broker } = this.#options
    clearTimeout(this.#limit)
    await this.#appending
    const reason = this.#reason ?? (this.#upstream.complete ? 'done' : 'broken')
    // With the store away for longer, the lease that nobody keeps any more is the end.
    await this.#insist(() => broker.remove(this.#topic, runKey, reason)).catch(() => {})
    await this.#leases.stop().catch(() => {})
    this.#unsubscribe()
    // Nobody is waited for any more.
    await this.#insist(() => broker.remove(this.#topic, readersKey, 'over')).catch(() => {})
    return reason
  }

  /** For as long as the lease may last without the store. What is done twice here is done once in the log. */
  async #insist<T>(step: () => Promise<T>): Promise<T> {
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
