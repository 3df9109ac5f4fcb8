import { afterAll, beforeAll } from '@jest/globals'
import { RedisBroker } from '../../../server/broker/redis/broker.ts'
import { connect } from '../../../server/broker/redis/connect.ts'
import { startCluster, type TestCluster } from '../../support/cluster.ts'
import { brokerContract } from '../contract.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
}, 60_000)
afterAll(() => cluster?.stop())

brokerContract('Redis Cluster', async options => {
  const broker = new RedisBroker(
    connect({ kind: 'cluster', nodes: cluster.addresses }, () => {}),
    'test',
    options,
  )
  while (broker.trouble()) await new Promise(setImmediate)
  return broker
})
