/** Whether Redis can be written to, and whether that is known. */
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Redis } from 'ioredis'
import { Unavailable } from '../../../server/broker/broker.ts'
import { RedisBroker } from '../../../server/broker/redis/broker.ts'
import { connect } from '../../../server/broker/redis/connect.ts'
import { startCluster } from '../../support/cluster.ts'
import { until } from '../../support/patience.ts'
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
    const { stream } = connections.commands as Redis
    redis.hang()
    // It may be destroyed before its end was sent.
    await Promise.race([once(stream, 'finish'), once(stream, 'close')])
    redis.wake()
    while (broker.trouble()) await setImmediate()
    expect(await broker.publish('a room', [{ key: 'alice', value: '1' }])).toHaveLength(1)
  } finally {
    await broker.close()
  }
})

test('a cluster that lacks some of its slots takes nothing, and is trouble until it has them again', async () => {
  const cluster = await startCluster()
  const broker = new RedisBroker(
    connect({ kind: 'cluster', nodes: cluster.addresses }, () => {}),
    'test',
    options,
  )
  const publish = () => broker.publish('a room', [{ key: 'alice', value: '1' }])
  try {
    await until('it is ready', () => broker.trouble() === null)
    await cluster.nodes[2]?.kill()
    await until('it is known', () => broker.trouble() === 'The Redis cluster is down')
    await expect(publish()).rejects.toBeInstanceOf(Unavailable)
    await cluster.nodes[2]?.restart()
    await until('it is ready again', () => broker.trouble() === null)
    // The first command may find the node slow, and its scripts gone.
    expect(await publish().catch(publish)).toHaveLength(1)
  } finally {
    await broker.close()
    await cluster.stop()
  }
}, 90_000)
