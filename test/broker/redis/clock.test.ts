/** Masters whose clocks differ: each script has a deadline by the clock of the node that runs it. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { type Connections, connect } from '../../../server/broker/redis/connections.ts'
import { RedisNodes } from '../../../server/broker/redis/redis-nodes.ts'
import { Scripts } from '../../../server/broker/redis/scripts.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { options } from '../contract.ts'

const aheadMs = 2_500

let servers: TestRedis[]
let right: Redis
let ahead: Redis
let nodes: RedisNodes
let scripts: Scripts
beforeAll(async () => {
  servers = [await startRedis(), await startRedis()]
  ;[right, ahead] = servers.map(({ url }) => new Redis(url)) as [Redis, Redis]
  const time = ahead.time.bind(ahead)
  jest.spyOn(ahead, 'time').mockImplementation(async () => {
    const [seconds = 0, micros = 0] = await time()
    return [Number(seconds) + aheadMs / 1_000, Number(micros)]
  })
  const single = connect({ kind: 'single', url: servers[0]?.url ?? '' }, () => {})
  single.commands.disconnect()
  const connections: Connections = {
    ...single,
    isCluster: true,
    masters: () => [right, ahead],
    nodeOf: key => (key.includes('{ahead}') ? ahead : right),
  }
  nodes = new RedisNodes(connections, 'test', { onPrepared() {}, onError() {} })
  const context = { connections, nodes, prefix: 'test', onRoundTrip() {}, onScriptError() {} }
  scripts = new Scripts(context, options)
  await Promise.all(nodes.masters().map(node => node.whenPrepared()))
})
afterAll(async () => {
  for (const redis of [right, ahead]) redis?.disconnect()
  await Promise.all(servers.map(server => server.stop()))
})

test('only a node whose clock is ahead gets a later deadline', async () => {
  const deadlineOf = async (redis: Redis, topic: string) => {
    const evalsha = jest.spyOn(redis, 'evalsha')
    await scripts.run('latest', topic, '0', 10)
    // The deadline follows the script's hash, the number of keys and four keys.
    return Number(evalsha.mock.calls[0]?.[6])
  }
  const [atRight, atAhead] = [await deadlineOf(right, 'right'), await deadlineOf(ahead, 'ahead')]
  expect(Math.abs(atRight - Date.now() - 1_600)).toBeLessThan(500)
  expect(Math.abs(atAhead - atRight - aheadMs)).toBeLessThan(500)
})

test('the skews and the reason why Redis is unavailable name a node whose clock is ahead', () => {
  const text = `the clock of 127.0.0.1:${servers[1]?.port} is 2.5 s ahead`
  expect(nodes.skews()).toEqual([{ address: `127.0.0.1:${servers[1]?.port}`, text }])
  expect(nodes.withSkews('Redis refuses')).toBe(`Redis refuses (${text})`)
})
