/**
 * Waits at any instance until the log says how a run's upstream answered. Meanwhile the waiting client counts as a reader.
 */
import { nanoid } from 'nanoid'
import { type Broker, beginning, type Subscriber, unlessUnavailable } from '../broker/broker.ts'
import { LeaseManager } from '../broker/lease-manager.ts'
import { withRetries } from './retries.ts'
import type { RunOptions } from './run.ts'
import { type RunState, readersKey, stateAtEnd, stateOf } from './run-log.ts'

/** Reads a run's state from the log. Rejects with `Unavailable`. */
export async function readState(broker: Broker, topic: string): Promise<RunState> {
  return stateOf(await broker.latest(topic)) ?? stateAtEnd(await broker.history(topic, beginning))
}

export class AnswerWait implements Subscriber {
  readonly #topic: string
  readonly #options: RunOptions
  #leases: LeaseManager | undefined
  #unsubscribe = () => {}
  #wake = () => {}

  constructor(topic: string, options: RunOptions) {
    this.#topic = topic
    this.#options = options
  }

  /** Resolves with the run's state once it is not `waiting`, or once the signal is aborted. Rejects with `Unavailable`. */
  async answer(signal: AbortSignal): Promise<RunState> {
    const { broker, leaseMs } = this.#options
    signal.addEventListener('abort', () => this.#wake())
    for (;;) {
      const woken = new Promise<void>(resolve => {
        this.#wake = resolve
      })
      const state = await withRetries(leaseMs, () => readState(broker, this.#topic))
      if (state.phase !== 'waiting' || signal.aborted) return state
      if (!this.#leases) await this.#enter()
      // After the subscription the state is read once more.
      else await woken
    }
  }

  /** Stops counting as a reader. */
  close(): void {
    const { onError } = this.#options
    this.#unsubscribe()
    this.#leases?.leave(readersKey, false)
    this.#leases?.stop().catch(unlessUnavailable(onError))
  }

  announced(): void {
    this.#wake()
  }

  interrupted(): void {
    this.#wake()
  }

  async #enter(): Promise<void> {
    const { broker, holder } = this.#options
    this.#leases = new LeaseManager(broker, {
      ...this.#options,
      topic: this.#topic,
      // Each waiting client is a holder of its own, so that one that leaves does not release the lease of another.
      holder: `${holder}/${nanoid(8)}`,
      // An announcement may be lost, so the log is read as often as the lease is renewed.
      onHead: () => this.#wake(),
      onIdle: () => {},
    })
    this.#leases.enter(readersKey, false)
    this.#unsubscribe = await broker.subscribe(this.#topic, this)
  }
}
