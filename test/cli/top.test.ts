/** `colocate top`, against a running server and against text. */
import { describe, expect, test } from '@jest/globals'
import { quantile, rate, Samples } from '../../server/cli/top/samples.ts'
import { colocate } from '../support/command.ts'
import { freePort } from '../support/ports.ts'
import { Room, useServer } from '../support/rooms.ts'
import { startServer } from '../support/server.ts'
import { nowSeconds, secret, sign } from '../support/tokens.ts'

/** Each command reads the metrics twice, one second apart, in a process of its own. */
const timeoutMs = 60_000

describe('colocate top', () => {
  const server = useServer('memory', { POST_RATE: '20' })

  test(
    'prints rooms, streams, rates and delays once if its output is no terminal',
    async () => {
      const room = new Room(server)
      await room.put('alice', 1, 1)
      const streams = await Promise.all([room.follow(), room.follow()])
      for (const stream of streams) await stream.next('snapshot')
      let isOver = false
      const moving = (async () => {
        for (let x = 0; !isOver; x++) await room.put('bob', x, 0).catch(() => {})
      })()
      const { code, out, err } = await colocate(['top', server.url])
      isOver = true
      await moving
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(out).toMatch(/^http:\S+ +colocate \d+\.\d+\.\d+ +ready +store up\n/)
      expect(out).toMatch(/rooms +1 +collaborators +2 +relay runs +0\n/)
      expect(out).toMatch(/streams +2 +behind +0 +joins\/s +0\n/)
      expect(out).toMatch(/events\/s +[1-9][\d,.]* +deliveries\/s +[1-9][\d,.]* +sent\/s +[1-9][\d.,]* [KM]?B\n/)
      expect(out).toMatch(/delivery p50 +≤ [\d.]+ ms +delivery p99 +≤ [\d.]+ ms/)
      // Some of the locations exceed POST_RATE.
      expect(out).toMatch(/refused per second: 429 [\d,.]+\n$/)
      expect(out).not.toContain('\x1b')
      for (const stream of streams) stream.close()
    },
    timeoutMs,
  )

  test(
    'accepts the address of the metrics themselves, and --once',
    async () => {
      const { code, out } = await colocate(['top', '--once', `${server.url}/metrics`])
      expect(code).toBe(0)
      expect(out).toContain('delivery p50')
    },
    timeoutMs,
  )

  test(
    'names what is wrong, and exits 1',
    async () => {
      const closed = `http://127.0.0.1:${await freePort()}`
      expect(await colocate(['top', closed])).toMatchObject({
        code: 1,
        err: `${closed} cannot be reached: ECONNREFUSED.\n`,
      })
      expect(await colocate(['top', `${server.url}/nothing`])).toMatchObject({
        code: 1,
        err: expect.stringContaining('no metrics of Colocate'),
      })
      const guarded = await startServer({ AUTH_SECRET: secret })
      expect(await colocate(['top', guarded.url])).toMatchObject({ code: 1, err: expect.stringContaining('--token') })
      const token = await sign({ sub: 'ops', rooms: [], scope: 'metrics', exp: nowSeconds() + 60 })
      expect(await colocate(['top', guarded.url, '--token', token])).toMatchObject({ code: 0 })
      await guarded.stop()
    },
    timeoutMs,
  )
})

describe('two readings of the metrics', () => {
  const at = (lines: string[], seconds: number) => new Samples(lines.join('\n'), seconds * 1_000)
  const histogram = (...counts: number[]) =>
    [0.1, 0.2, '+Inf'].map((le, i) => `wait_seconds_bucket{le="${le}",log="a"} ${counts[i]}`)

  test('show the rate of a counter over its labels, also when it has started again', () => {
    const before = at(['# TYPE a counter', 'a{x="1"} 10', 'a{x="2"} 20'], 0)
    expect(rate(before, at(['a{x="1"} 14', 'a{x="2"} 26'], 2), 'a')).toBe(5)
    expect(rate(before, at(['a{x="1"} 14', 'a{x="2"} 26'], 2), 'a', { x: '2' })).toBe(3)
    expect(rate(before, at(['a{x="1"} 4'], 2), 'a')).toBe(2)
  })

  test('show the bucket of a quantile of what happened in between', () => {
    const before = at(histogram(100, 100, 100), 0)
    expect(quantile(before, at(histogram(108, 110, 110), 1), 'wait_seconds', 0.5)).toBe(0.1)
    expect(quantile(before, at(histogram(108, 110, 110), 1), 'wait_seconds', 0.99)).toBe(0.2)
    expect(quantile(before, at(histogram(100, 100, 101), 1), 'wait_seconds', 0.5)).toBe(Number.POSITIVE_INFINITY)
    expect(quantile(before, before, 'wait_seconds', 0.5)).toBeUndefined()
  })
})
