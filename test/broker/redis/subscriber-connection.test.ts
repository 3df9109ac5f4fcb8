/** How a probe detects a dead subscriber connection. */
import { expect, jest, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { SubscriberConnection } from '../../../server/broker/redis/subscriber-connection.ts'
import { useRedis } from '../../support/rooms.ts'

const redis = useRedis()

test('a connection is dead if a probe does not arrive, unless the connection has unsubscribed from the probed channel', async () => {
  const quiet = { message() {}, moved() {}, closed() {} }
  const connection = new SubscriberConnection(new Redis(redis.url, { lazyConnect: true }), false, quiet)
  await connection.connected
  await connection.subscribe(['a room'])
  const clock = jest.spyOn(performance, 'now')
  try {
    await connection.probe(async channel => connection.unsubscribe(channel))
    clock.mockReturnValue(performance.now() + 10_000)
    expect(connection.isDead).toBe(false)
    await connection.subscribe(['a room'])
    await connection.probe(async () => {})
    clock.mockReturnValue(performance.now() + 10_000)
    expect(connection.isDead).toBe(true)
  } finally {
    clock.mockRestore()
    connection.close()
  }
})
