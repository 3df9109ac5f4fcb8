/** What the client does on every answer that a server, or what stands before it, can give. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ColocateError, joinRoom, type Room, type RoomOptions } from '../../../web/client/index.ts'
import { isClosed, isLive, noLongerSees, sees, until } from '../../support/joined.ts'
import { type Answer, frame, locationOf, problem, ScriptedServer, status } from '../../support/scripted-server.ts'

let servers: ScriptedServer[] = []
let rooms: Room[] = []

/** Each test has a server of its own, so that they can run at the same time. */
async function setUp(options: RoomOptions = {}, script: Partial<ScriptedServer['script']> = {}) {
  const server = await ScriptedServer.start()
  Object.assign(server.script, script)
  const room = joinRoom('r', { url: server.url, user: 'me', ...options })
  servers.push(server)
  rooms.push(room)
  return { server, room }
}

beforeAll(() => {
  servers = []
  rooms = []
})

afterAll(async () => {
  await Promise.all(rooms.map(room => room.leave()))
  await Promise.all(servers.map(server => server.stop()))
})

const html = status(200, { 'content-type': 'text/html' }, '<h1>Sign in</h1>')
const hangBeforeHead: Answer = () => {}
const hangAfterHead: Answer = res => {
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  res.flushHeaders()
}
const cutInEvent: Answer = res => {
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  res.write('retry: 1000\nid: 7-0\ndata: {"type":"snapshot","reason":"joi')
  setImmediate(() => res.destroy())
}
const lateStream: Answer = res => void res.writeHead(200, { 'content-type': 'text/event-stream' }).end('retry: 1500\n')

describe('a stream that gets this answer, and then a good one', () => {
  const table: [answer: string, answers: Answer[], minMs: number, maxMs: number][] = [
    ['502', [status(502)], 1_000, 4_000],
    ['503', [status(503), status(503)], 2_000, 9_000],
    ['429 with Retry-After: 3', [status(429, { 'retry-after': '3' })], 3_000, 6_000],
    ['401', [problem(401, 'Expired.')], 0, 2_000],
    ['204', [status(204)], 1_000, 4_000],
    ['HTML with 200', [html], 1_000, 4_000],
    ['a hang before the head', [hangBeforeHead], 10_000, 15_000],
    ['a hang after the head', [hangAfterHead], 10_000, 15_000],
    ['a cut in the middle of an event', [cutInEvent], 1_000, 4_000],
    ['an end after a retry of 1,500 ms', [lateStream], 1_500, 4_000],
  ]
  test.concurrent.each(table)('%s: the room is live', async (_answer, answers, minMs, maxMs) => {
    const { server, room } = await setUp({ location: { x: 1, y: 1 } }, { stream: [...answers] })
    const errors: unknown[] = []
    room.on('error', error => errors.push(error))
    await isLive(room)
    const first = await server.nth('stream', 1)
    const good = await server.nth('stream', answers.length + 1)
    expect(good.at - first.at).toBeGreaterThanOrEqual(minMs - 20)
    expect(good.at - first.at).toBeLessThan(maxMs)
    expect(server.count('stream')).toBe(answers.length + 1)
    expect(room.error).toBeUndefined()
    expect(errors).toEqual([])
  })
})

describe('a stream that gets a refusal', () => {
  const table: [code: number, times: number, code: ColocateError['code']][] = [
    [400, 1, 'invalid'],
    [401, 2, 'unauthorized'],
    [403, 1, 'forbidden'],
    [404, 1, 'not-found'],
  ]
  test.concurrent.each(table)('%i closes the room after %i requests, as "%s"', async (code, times, name) => {
    const { server, room } = await setUp({ user: undefined })
    server.always.stream = problem(code, 'This room is not for you.')
    const statuses: string[] = []
    room.on('status', (now, error) => statuses.push(`${now} ${error?.code}`))
    await isClosed(room)
    expect(room.error).toBeInstanceOf(ColocateError)
    expect(room.error).toMatchObject({ status: code, code: name, detail: 'This room is not for you.' })
    expect(statuses).toEqual([`closed ${name}`])
    expect(server.count('stream')).toBe(times)
    delete server.always.stream
    room.reconnect()
    await isLive(room)
    expect(room.error).toBeUndefined()
  })
})

describe('a move that gets this answer', () => {
  const passing: [answer: string, answers: Answer[]][] = [
    ['502', [status(502)]],
    ['503 twice', [status(503), status(503)]],
    ['429 with Retry-After', [status(429, { 'retry-after': '1' })]],
    ['401 once', [problem(401, 'Expired.')]],
    ['HTML with 200', [html]],
    ['no answer but a cut', [res => res.destroy()]],
  ]
  test.concurrent.each(passing)('%s: it is published once the server answers', async (_answer, answers) => {
    const { server, room } = await setUp({}, { publish: [...answers] })
    await isLive(room)
    room.move({ x: 3, y: 4 })
    expect(room.self).toMatchObject({ user: 'me', x: 3, y: 4 })
    await room.settled()
    expect(server.count('publish')).toBe(answers.length + 1)
    const seqs = server.received.filter(({ kind }) => kind === 'publish').map(({ body }) => body.seq)
    expect(new Set(seqs).size).toBe(1)
  })

  test.concurrent.each([400, 403, 404, 413])('%i: it is refused, and I am where the log has me', async code => {
    const { server, room } = await setUp({ location: { x: 1, y: 1 } })
    await room.settled()
    await isLive(room)
    const errors: ColocateError[] = []
    room.on('error', error => errors.push(error))
    server.script.publish.push(problem(code, 'Not like this.'))
    room.move({ x: 2 })
    expect(room.self?.x).toBe(2)
    await expect(room.settled()).rejects.toMatchObject({ status: code, detail: 'Not like this.' })
    expect(errors).toHaveLength(1)
    expect(room.self).toMatchObject({ x: 1, y: 1 })
    expect(room.status).toBe('live')
    room.move({ x: 2 })
    await room.settled()
  })
})

describe('the room', () => {
  test.concurrent('comes back with its last id, and shows each missed event once', async () => {
    const { server, room } = await setUp()
    await isLive(room)
    const moves: number[] = []
    room.on('enter', ({ collaborator }) => moves.push(collaborator.x))
    room.on('move', ({ collaborator }) => moves.push(collaborator.x))
    for (let x = 1; x <= 3; x++) server.move('bob', x)
    await sees(room, 'bob', 3)
    server.cut()
    for (let x = 4; x <= 6; x++) server.move('bob', x)
    await sees(room, 'bob', 6)
    expect(moves).toEqual([1, 2, 3, 4, 5, 6])
    expect((await server.nth('stream', 2)).url.searchParams.get('lastEventId')).toBe('3-0')
  })

  test.concurrent('shows only real differences when the log was trimmed', async () => {
    const { server, room } = await setUp()
    for (const user of ['bob', 'carol', 'dan']) server.move(user, 1)
    await isLive(room)
    await sees(room, 'dan', 1)
    const [bob] = room.others
    const changes: string[] = []
    for (const type of ['enter', 'move', 'leave'] as const)
      room.on(type, ({ collaborator, reason }) => changes.push(`${type} ${collaborator.user} ${reason}`))
    server.cut()
    server.move('carol', 2)
    server.append({ type: 'leave', user: 'dan', reason: 'left' })
    server.move('erin', 1)
    server.move('bob', 1)
    server.move('carol', 2)
    server.trim(3)
    await sees(room, 'erin', 1)
    expect(changes.sort()).toEqual(['enter erin sync', 'leave dan sync', 'move carol sync'])
    expect(room.others.find(({ user }) => user === 'bob')).toBe(bob)
  })

  test.concurrent('puts me back, and shows the others gone, when the server was restarted empty', async () => {
    const { server, room } = await setUp({ location: { x: 5, y: 6, meta: { editing: true } } })
    await room.settled()
    server.move('bob', 1)
    await sees(room, 'bob', 1)
    server.clear()
    await noLongerSees(room, 'bob')
    const { body } = await server.nth('publish', 2)
    expect(body).toMatchObject({ user: 'me', x: 5, y: 6, meta: { editing: true } })
    await room.settled()
    expect(room.self).toMatchObject({ x: 5, y: 6 })
  })

  test.concurrent('shows a snapshot in parts whole, and starts over when it is cut off', async () => {
    const locations = Array.from({ length: 5 }, (_, index) => locationOf(`user-${index}`, { x: index, y: 0 }))
    const part = (count: number, id?: string) => (res: Parameters<Answer>[0]) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      res.write(frame({ type: 'snapshot', reason: 'joined', locations: locations.slice(0, 2) }))
      for (const location of locations.slice(2, count)) res.write(frame({ type: 'location', ...location }))
      const last = locations[count]
      if (last && id) res.write(frame({ type: 'location', ...last }, id))
      else setImmediate(() => res.destroy())
    }
    const { server, room } = await setUp({}, { stream: [part(3), part(4, '9-0')] })
    const counts: number[] = []
    room.subscribe(() => counts.push(room.others.length))
    await isLive(room)
    expect(counts.filter(count => count > 0)).toEqual([5])
    const second = await server.nth('stream', 2)
    expect(second.url.searchParams.get('lastEventId')).toBeNull()
    server.cut()
  })

  test.concurrent('says that it reconnects, and that it is live again', async () => {
    const { server, room } = await setUp()
    await isLive(room)
    const statuses: string[] = []
    room.on('status', now => statuses.push(now))
    server.cut()
    await until(room, 'it is live again', () => statuses.at(-1) === 'live')
    expect(statuses).toEqual(['reconnecting', 'live'])
  })

  test.concurrent('answers a ping, which keeps its lease', async () => {
    const { server, room } = await setUp()
    await isLive(room)
    for (const stream of server.streams) stream.write(frame({ type: 'ping' }))
    expect((await server.nth('alive', 1)).body).toEqual({ user: 'me' })
  })

  test.concurrent('leaves with a request after its move in flight', async () => {
    const { server, room } = await setUp({ location: { x: 1, y: 1 } })
    await isLive(room)
    await room.settled()
    let land = () => {}
    server.script.publish.push((res, { body }) => {
      land = () => res.writeHead(200, { 'content-type': 'application/json' }).end(`{"id":"50-0","user":"${body.user}"}`)
    })
    room.move({ x: 2 })
    await server.nth('publish', 2)
    const leaving = room.leave()
    expect(room.status).toBe('closed')
    expect(server.count('leave')).toBe(0)
    land()
    await leaving
    const { url } = await server.nth('leave', 1)
    expect(url.pathname + url.search).toBe('/rooms/r/location/me?when=closed')
    expect(room.error).toBeUndefined()
  })

  test.concurrent('that an anonymous watcher is in never shows it among the others', async () => {
    const { server, room } = await setUp({ user: undefined })
    await isLive(room)
    const entered: string[] = []
    room.on('enter', ({ collaborator }) => entered.push(collaborator.user))
    // The event is on its way before the answer says whose it is.
    server.script.publish.push((res, { body }) => {
      const id = server.append({ type: 'location', ...locationOf('anonymous', body) })
      setImmediate(() =>
        res.writeHead(200, { 'content-type': 'application/json' }).end(`{"id":"${id}","user":"anonymous"}`),
      )
    })
    room.move({ x: 1, y: 1 })
    await room.settled()
    server.move('bob', 1)
    await sees(room, 'bob', 1)
    expect(entered).toEqual(['bob'])
    expect(room.self).toMatchObject({ user: 'anonymous', x: 1 })
  })

  test.concurrent('puts me where I was when the log went back, as after a failover to a replica', async () => {
    const { server, room } = await setUp({ location: { x: 1, y: 1 } })
    await isLive(room)
    await room.settled()
    server.move('bob', 1)
    room.move({ x: 2 })
    await room.settled()
    await sees(room, 'bob', 1)
    await until(room, 'the log has my move', () => room.self?.color === '#112233' && room.self.x === 2)
    server.goBack(1)
    const { body } = await server.nth('publish', 3)
    expect(body).toMatchObject({ user: 'me', x: 2, y: 1 })
    expect(room.self).toMatchObject({ x: 2, y: 1 })
  })
})
