/** A token that lives for a few seconds, renewed for a minute while others move 50 times a second. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { joinRoom } from '../../../../web/client/index.ts'
import { isLive, until } from '../../../support/joined.ts'
import { startServer } from '../../../support/server.ts'
import { nowSeconds, secret, sign } from '../../../support/tokens.ts'

const seconds = 60
const movesPerSecond = 50
const lifeSeconds = 4

test(`a token is renewed every 3 s for ${seconds} s: the room stays live, and no move is lost or repeated`, async () => {
  const server = await startServer({ AUTH_SECRET: secret })
  let renewals = 0
  const tokenFor = (sub: string, scope: string, life: number) =>
    sign({ sub, rooms: ['*'], scope, iat: nowSeconds(), exp: nowSeconds() + life })
  const room = joinRoom('renewal', {
    url: server.url,
    location: { x: 0, y: 0 },
    token: ({ reason }) => {
      expect(reason).toBe(renewals++ === 0 ? 'start' : 'expiring')
      return tokenFor('alice', 'location:read location:write', lifeSeconds)
    },
  })
  try {
    await isLive(room)
    expect(room.self?.user).toBe('alice')
    const statuses: string[] = []
    const errors: unknown[] = []
    const seen: number[] = []
    room.on('status', status => statuses.push(status))
    room.on('error', error => errors.push(error))
    for (const type of ['enter', 'move'] as const) room.on(type, ({ collaborator }) => seen.push(collaborator.x))
    const token = await tokenFor('bot', 'location:write-any', 600)
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    const startedAt = performance.now()
    const count = seconds * movesPerSecond
    for (let x = 1; x <= count; x++) {
      const body = JSON.stringify({ user: 'bot', x, y: 0 })
      const response = await fetch(`${server.url}/rooms/renewal/location`, { method: 'POST', headers, body })
      expect(response.status).toBe(200)
      if (x % 5 === 0) room.move({ x })
      await sleep(Math.max(startedAt + (x * 1_000) / movesPerSecond - performance.now(), 0))
    }
    await until(room, 'the last move is here', () => room.others[0]?.x === count)
    await room.settled()
    const lost = count - new Set(seen).size
    const repeated = seen.length - new Set(seen).size
    process.stdout.write(
      `renewal: renewals=${renewals - 1} moves=${count} lost=${lost} repeated=${repeated} statuses=${statuses}\n`,
    )
    expect({ lost, repeated, statuses, errors }).toEqual({ lost: 0, repeated: 0, statuses: [], errors: [] })
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(renewals).toBeGreaterThan(seconds / lifeSeconds)
  } finally {
    await room.leave()
    await server.stop()
  }
}, 120_000)
