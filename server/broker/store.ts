/**
 * A place that keeps topics and counters: this process's memory, or a Redis that several instances share.
 */
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import type { Broker, BrokerOptions } from './broker.ts'

export interface Store {
  /** Returns a broker for the store's topics. Brokers with different options see the same topics. */
  broker(options: BrokerOptions): Broker
  /** Allows each key `points` per `seconds`, counted over all instances that share the store. */
  limiter(name: string, points: number, seconds: number): RateLimiterAbstract
  /** Why the store cannot serve at present; null if it can. */
  unavailableReason(): string | null
  close(): void
}
