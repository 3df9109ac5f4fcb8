/**
 * Delivery from end to end: every reader receives every location once and in order, although readers reconnect.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { byId, fetchLocations, post } from './support/client.ts'
import { random } from './support/random.ts'
import { Reader } from './support/reader.ts'
import { startRedis, type TestRedis } from './support/redis.ts'
import { startServer, type TestServer } from './support/server.ts'

const seed = Number(process.env.SEED ?? 20_261_121)
const postCount = 10_000
const readerCount = 30
const writerCount = 4
const room = 'budget'
const env = { LEASE_MS: '600000', POST_RATE: '1000000' }

let redis: TestRedis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

describe.each([
  { name: 'two instances on one Redis', instances: 2, store: () => ({ REDIS_URL: redis.url }) },
  { name: 'one instance in memory', instances: 1, store: () => ({}) },
])('with $name, readers', ({ name, instances, store }) => {
  let servers: TestServer[]
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: instances }, () => startServer({ ...env, ...store() })))
  })
  afterAll(async () => {
    await Promise.all(servers.map(server => server.stop()))
  })

  test('that reconnect to any instance lose none of 10,000 locations', async () => {
    const { below } = random(seed)
    const anywhere = () => servers[below(servers.length)]?.url ?? ''
    const readers = Array.from({ length: readerCount }, () => new Reader())
    for (const reader of readers) reader.open(anywhere(), room)

    const log: string[] = []
    const statuses = new Set<number>()
    const write = async (writer: number) => {
      for (let i = 0; i < postCount / writerCount; i++) {
        const answer = await post(anywhere(), room, { user: `u${writer}-${below(25)}`, x: i, y: writer, seq: i + 1 })
        statuses.add(answer.status)
        log.push(answer.id)
        // From time to time a reader reconnects while the writers continue.
        if (below(20) === 0) readers[below(readerCount)]?.open(anywhere(), room)
      }
    }
    await Promise.all(Array.from({ length: writerCount }, (_, writer) => write(writer)))
    expect(statuses).toEqual(new Set([200]))
    log.sort(byId)

    const last = log.at(-1)
    await Promise.all(readers.map(reader => reader.until(() => reader.lastEventId === last)))
    const verdicts = readers.map(reader => reader.judge(log))
    const sum = (key: 'lost' | 'dup' | 'disorder') => verdicts.reduce((total, verdict) => total + verdict[key], 0)
    const resets = readers.reduce((total, reader) => total + reader.resets, 0)
    const resumes = readers.reduce((total, reader) => total + reader.resumes, 0)
    const counts = { lost: sum('lost'), dup: sum('dup'), disorder: sum('disorder') }
    process.stdout.write(
      `${name}: seed=${seed} acked=${log.length} readers=${readerCount} resumes=${resumes} ` +
        `lost=${counts.lost} dup=${counts.dup} disorder=${counts.disorder} resets=${resets}\n`,
    )
    expect(counts).toEqual({ lost: 0, dup: 0, disorder: 0 })
    expect(new Set(log).size).toBe(postCount)
    expect(resumes).toBeGreaterThan(100)

    for (const server of servers) {
      const truth = await fetchLocations(server.url, room)
      for (const reader of readers) expect(reader.locations).toEqual(truth)
    }
    for (const reader of readers) reader.drop()
  }, 240_000)
})
