/**
 * A real Redis as an instance is connected to it.
 */
import { connect, type RedisPlace } from '../../server/broker/redis/connect.ts'
import { RedisStore } from '../../server/broker/redis/store.ts'
import { until } from './patience.ts'

/** Resolves once it can serve. */
export async function readyStoreAt(place: RedisPlace): Promise<RedisStore> {
  const store = new RedisStore(
    connect(place, () => {}),
    'test',
  )
  await ready(store)
  return store
}

export function ready(store: RedisStore): Promise<void> {
  return until('the store is ready', () => store.trouble() === null)
}
