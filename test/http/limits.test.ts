/** The limits on one collaborator: locations per second over all instances, and rooms. */
import { describe, expect, test } from '@jest/globals'
import { nanoid } from 'nanoid'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { PostRate } from '../../server/http/limits/post-rate.ts'
import { RoomCount } from '../../server/http/limits/room-count.ts'
import { type Answer, expectProblem } from '../support/requests.ts'
import { Room, stores, useRedis, useServer } from '../support/rooms.ts'

const countOf = (answers: Answer[], status: number) => answers.filter(answer => answer.status === status).length

describe.each(stores)('with the %s store, the rate limit of a collaborator', store => {
  const server = useServer(store, { POST_RATE: '5' })

  test('answers 429 above POST_RATE, with the time to wait', async () => {
    const room = new Room(server)
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => room.post({ user: 'alice', x: i, y: 0 })))
    // The second may end between two of these POSTs.
    expect([5, 10]).toContain(countOf(answers, 200))
    expect(countOf(answers, 200) + countOf(answers, 429)).toBe(30)
    const refused = answers.find(({ status }) => status === 429)
    if (!refused) throw new Error('No POST was refused.')
    expectProblem(refused, 429)
    expect(refused.headers).toMatchObject({
      'retry-after': '1',
      ratelimit: '"posts";r=0;t=1',
      'ratelimit-policy': '"posts";q=5;w=1',
    })
    expect((await room.get()).body.locations?.length).toBe(1)
  })

  test('does not apply to other collaborators', async () => {
    const room = new Room(server)
    const posts = Array.from({ length: 30 }, (_, x) => room.post({ user: 'alice', x, y: 0 }))
    const others = Array.from({ length: 30 }, (_, x) => room.post({ user: `other-${x}`, x, y: 0 }))
    expect(countOf(await Promise.all(posts), 429)).toBeGreaterThan(0)
    expect(countOf(await Promise.all(others), 200)).toBe(30)
  })

  test('counts a batch once for each of its collaborators, and accepts or refuses it as a whole', async () => {
    const room = new Room(server)
    const [busy, idle] = [nanoid(), nanoid()]
    const batch = Array.from({ length: 50 }, (_, i) => ({ user: busy, x: i, y: 0 }))
    expect((await room.post(batch)).status).toBe(200)
    const answers = await Promise.all(Array.from({ length: 30 }, () => room.post({ user: busy, x: 0, y: 0 })))
    expect(countOf(answers, 429)).toBeGreaterThan(0)
    const refused = await room.post([
      { user: idle, x: 0, y: 0 },
      { user: busy, x: 0, y: 0 },
    ])
    // If the second has ended by then, the whole batch is accepted.
    expect((await room.who()).has(idle)).toBe(refused.status === 200)
  })
})

describe('the rate limit of several instances', () => {
  const redis = useRedis()
  const env = { POST_RATE: '5' }
  const servers = [useServer(redis, env), useServer(redis, env), useServer(redis, env)]

  test('is shared, and each instance applies it alone while Redis does not answer', async () => {
    const user = nanoid()
    const rooms = servers.map(server => new Room(server, 'shared'))
    const posts = (count: number) =>
      Promise.all(Array.from({ length: count }, (_, i) => rooms[i % 3]?.post({ user, x: i, y: 0 })))
    const answers = (await posts(60)).filter(answer => answer !== undefined)
    process.stdout.write(`3 instances, rate 5: accepted ${countOf(answers, 200)} of 60 concurrent POSTs\n`)
    expect([5, 10]).toContain(countOf(answers, 200))

    redis.child.kill('SIGSTOP')
    const away = (await posts(60)).filter(answer => answer !== undefined)
    redis.child.kill('SIGCONT')
    // No POST is accepted, and POSTs above the rate are still answered 429.
    expect(countOf(away, 200)).toBe(0)
    expect(countOf(away, 429)).toBeGreaterThanOrEqual(60 - 3 * 2 * 5)
    expect(countOf(away, 429) + countOf(away, 503)).toBe(60)
  })
})

describe('the rate limiter', () => {
  /** Takes the place of the shared store, and counts the requests to it. */
  class CountingStore extends RateLimiterMemory {
    requests = 0
    override consume(...args: Parameters<RateLimiterMemory['consume']>) {
      this.requests++
      return super.consume(...args)
    }
  }

  const rateOf = (limit: number) => {
    const stores: CountingStore[] = []
    const rate = new PostRate(limit, 1, points => {
      const store = new CountingStore({ points, duration: 10 })
      stores.push(store)
      return store
    })
    return { store: stores[0] as CountingStore, rate }
  }

  const countAccepted = async (rate: PostRate, count: number) => {
    const outcomes = await Promise.allSettled(Array.from({ length: count }, () => rate.count('alice')))
    return outcomes.filter(({ status }) => status === 'fulfilled').length
  }

  test('sends the store no request far below the limit', async () => {
    const { store, rate } = rateOf(100)
    expect(await countAccepted(rate, 5)).toBe(5)
    expect(store.requests).toBe(0)
  })

  test('sends the store one request for each twentieth of the limit', async () => {
    const { store, rate } = rateOf(100)
    expect(await countAccepted(rate, 100)).toBe(100)
    expect(store.requests).toBe(19)
  })

  test.each([1, 5, 19, 20, 40, 59, 100, 1_000])(
    'with a limit of %i accepts that many at one instance, or one step more',
    async limit => {
      const count = await countAccepted(rateOf(limit).rate, 3 * limit)
      expect(count).toBeGreaterThanOrEqual(limit)
      expect(count - limit).toBeLessThan(Math.max(1, limit / 20))
    },
  )

  test('accepts at least the limit, and at most five more for each further instance', async () => {
    for (const instances of [1, 2, 3, 7]) {
      const { store, rate } = rateOf(100)
      const others = Array.from({ length: instances - 1 }, () => new PostRate(100, 1, () => store))
      const rates = [rate, ...others]
      let sum = 0
      for (let i = 0; i < 400; i++) sum += await countAccepted(rates[i % instances] as PostRate, 1)
      expect(sum).toBeGreaterThanOrEqual(100)
      expect(sum).toBeLessThanOrEqual(100 + 5 * (instances - 1))
    }
  })
})

test('a collaborator may enter 1,000 rooms, may enter those again, and may not enter another one', () => {
  const count = new RoomCount(1)
  for (let i = 0; i < 1_000; i++) count.enter('alice', `room-${i}`)
  expect(() => count.enter('alice', 'another')).toThrow('Too many rooms')
  expect(() => count.enter('alice', 'room-7')).not.toThrow()
  expect(() => count.enter('bob', 'another')).not.toThrow()
})
