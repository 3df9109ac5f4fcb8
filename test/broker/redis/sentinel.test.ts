import { afterAll, beforeAll } from '@jest/globals'
import { RedisBroker } from '../../../server/broker/redis/broker.ts'
import { connect } from '../../../server/broker/redis/connect.ts'
import { startSentinel, type TestSentinel } from '../../support/sentinel.ts'
import { brokerContract } from '../contract.ts'

let sentinel: TestSentinel
beforeAll(async () => {
  sentinel = await startSentinel(1)
}, 60_000)
afterAll(() => sentinel?.stop())

brokerContract('Redis behind Sentinel', async options => {
  const place = { kind: 'sentinel', sentinels: sentinel.sentinels, name: sentinel.name } as const
  const broker = new RedisBroker(
    connect(place, () => {}),
    'test',
    options,
  )
  while (broker.trouble()) await new Promise(setImmediate)
  return broker
})
