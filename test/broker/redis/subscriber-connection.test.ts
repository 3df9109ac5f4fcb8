/** A subscriber connection that listens to itself. */
import { expect, jest, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { SubscriberConnection } from '../../../server/broker/redis/subscriber-connection.ts'
import { useRedis } from '../../support/rooms.ts'

const redis = useRedis()

test('is deaf when what it sent to itself does not come back, but not when nobody listens any more', async () => {
  const quiet = { message() {}, moved() {}, closed() {} }
  const link = new SubscriberConnection(new Redis(redis.url, { lazyConnect: true }), false, quiet)
  await link.connected
  await link.subscribe(['a room'])
  const clock = jest.spyOn(performance, 'now')
  try {
    await link.probe(async channel => link.unsubscribe(channel))
    clock.mockReturnValue(performance.now() + 10_000)
    expect(link.isDeaf).toBe(false)
    await link.subscribe(['a room'])
    await link.probe(async () => {})
    clock.mockReturnValue(performance.now() + 10_000)
    expect(link.isDeaf).toBe(true)
  } finally {
    clock.mockRestore()
    link.close()
  }
})
