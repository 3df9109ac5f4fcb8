/** What becomes of a connection that is given up. */
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Redis } from 'ioredis'
import { RedisBroker } from '../../../server/broker/redis/broker.ts'
import { connect } from '../../../server/broker/redis/connect.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { options } from '../contract.ts'

let redis: TestRedis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

test('what Redis still says on a connection that was given up makes nobody believe that it can be written to', async () => {
  const connections = connect({ kind: 'single', url: redis.url }, () => {})
  const broker = new RedisBroker(connections, 'test', options)
  try {
    while (broker.trouble()) await setImmediate()
    redis.hang()
    await once((connections.commands as Redis).stream, 'finish')
    redis.wake()
    while (broker.trouble()) await setImmediate()
    expect(await broker.publish('a room', [{ key: 'alice', value: '1' }])).toHaveLength(1)
  } finally {
    await broker.close()
  }
})
