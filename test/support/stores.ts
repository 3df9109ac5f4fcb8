/**
 * Connects a `RedisStore` to a real Redis, as an instance does.
 */
import { connect, type RedisPlace } from '../../server/broker/redis/connections.ts'
import { RedisStore } from '../../server/broker/redis/redis-store.ts'
import { waitFor } from './wait-for.ts'

/** Resolves once the store is ready. */
export async function readyStoreAt(place: RedisPlace): Promise<RedisStore> {
  const store = new RedisStore(
    connect(place, () => {}),
    'test',
  )
  await ready(store)
  return store
}

export function ready(store: RedisStore): Promise<void> {
  return waitFor('the store is ready', () => store.unavailableReason() === null)
}
