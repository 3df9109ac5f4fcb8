/**
 * Keeps topics in this process's memory, for a single instance.
 */
import { type RateLimiterAbstract, RateLimiterMemory } from 'rate-limiter-flexible'
import type { Broker, BrokerOptions, Subscriber } from '../broker.ts'
import type { Store } from '../store.ts'
import { MemoryBroker, type SharedTopics } from './memory-broker.ts'
import type { MemoryTopic } from './memory-topic.ts'

export class MemoryStore implements Store, SharedTopics {
  readonly topics = new Map<string, MemoryTopic>()
  readonly subscribers = new Map<string, Set<Subscriber>>()
  readonly announcements: SharedTopics['announcements'] = []

  broker(options: BrokerOptions): Broker {
    return new MemoryBroker(options, this)
  }

  limiter(name: string, points: number, seconds: number): RateLimiterAbstract {
    return new RateLimiterMemory({ keyPrefix: name, points, duration: seconds })
  }

  unavailableReason(): null {
    return null
  }

  close(): void {}
}
