import { afterAll, beforeAll } from '@jest/globals'
import { RedisBroker } from '../../../server/broker/redis/broker.ts'
import { connect } from '../../../server/broker/redis/connect.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { brokerContract } from '../contract.ts'

let redis: TestRedis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

brokerContract('Redis', async options => {
  const broker = new RedisBroker(
    connect({ kind: 'single', url: redis.url }, () => {}),
    'test',
    options,
  )
  while (broker.trouble()) await new Promise(setImmediate)
  return broker
})
