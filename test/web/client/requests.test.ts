import { expect, test } from '@jest/globals'
import { Requests } from '../../../web/client/requests.ts'
import { TokenSource } from '../../../web/client/token.ts'
import { untilAborted } from '../../../web/client/until-aborted.ts'

const never = () => new Promise<never>(() => {})
const { signal } = new AbortController()

/** Requests that are answered with these statuses, and the tokens that they carried. */
function setUp(statuses: number[], token?: string | (() => string)) {
  const sent: (string | null)[] = []
  const fetch = async (_input: unknown, init?: RequestInit) => {
    sent.push(new Headers(init?.headers).get('authorization'))
    return new Response(null, { status: statuses.shift() ?? 200 })
  }
  const requests = new Requests({ tokens: new TokenSource({ token }), fetch })
  return { requests, sent }
}

test('a request carries the token, and after a 401 it is sent once more with another one', async () => {
  let n = 0
  const { requests, sent } = setUp([401], () => `token-${++n}`)
  expect((await requests.send('http://server', { signal })).status).toBe(200)
  expect(sent).toEqual(['Bearer token-1', 'Bearer token-2'])
})

test('two refusals are the answer, and the next request asks for yet another token', async () => {
  let n = 0
  const { requests, sent } = setUp([401, 401], () => `token-${++n}`)
  expect((await requests.send('http://server', { signal })).status).toBe(401)
  await requests.send('http://server', { signal })
  expect(sent).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-3'])
})

test('a request that must not be repeated is sent once', async () => {
  const { requests, sent } = setUp([401], () => 'token')
  expect((await requests.send('http://server', { signal, isOnce: true })).status).toBe(401)
  expect(sent).toHaveLength(1)
})

test('without a token there is no such header', async () => {
  const { requests, sent } = setUp([])
  await requests.send('http://server', { signal })
  expect(sent).toEqual([null])
})

test('work ends with its signal, after its time, and with its result', async () => {
  const ending = new AbortController()
  const signals: AbortSignal[] = []
  const work = untilAborted(ending.signal, inner => {
    signals.push(inner)
    return never()
  })
  ending.abort()
  await expect(work).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
  expect(signals[0]?.aborted).toBe(true)
  await expect(untilAborted(undefined, never, 1)).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
  expect(await untilAborted(undefined, async () => 'result')).toBe('result')
  let hasRun = false
  const late = async () => {
    hasRun = true
  }
  await expect(untilAborted(ending.signal, late)).rejects.toThrow()
  expect(hasRun).toBe(false)
})
