/**
 * Whoever has gone leaves the page: once, for the right reason, in time. Whoever stays, stays.
 */
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { TestProxy } from '../support/proxy.ts'
import { Room } from '../support/rooms.ts'
import type { TestServer } from '../support/server.ts'
import { openStream, type TestStream } from '../support/streams.ts'
import { Deployment } from './deployment.ts'
import { type Store, startSingle } from './store.ts'
import { rounds, say, Workload } from './workload.ts'

const leaseMs = 2_000
const graceMs = 500
/** A second, and what a busy machine takes. */
const lateMs = 2_500

let store: Store
let deployment: Deployment
let a: TestServer
let b: TestServer
let streams: TestStream[] = []

beforeAll(async () => {
  const env = { LEASE_MS: `${leaseMs}`, LEAVE_GRACE_MS: `${graceMs}`, HEARTBEAT_MS: '300' }
  store = await startSingle()
  deployment = await Deployment.start(store, env)
  ;[a, b] = deployment.servers as [TestServer, TestServer]
}, 60_000)
afterEach(() => {
  for (const stream of streams) stream.close()
  streams = []
})
afterAll(async () => {
  await deployment?.stop()
  await store?.stop()
})

async function follow(room: Room, query = {}): Promise<TestStream> {
  const stream = await room.follow(query)
  streams.push(stream)
  await stream.next('snapshot')
  return stream
}

const leavesOf = (watcher: TestStream, user: string) =>
  watcher.seen.filter(event => event.type === 'leave' && event.user === user)

/** Resolves with how long it took until the watcher saw that this one left, for this reason, and once. */
async function goneAfter(watcher: TestStream, user: string, reason: string, start: number): Promise<number> {
  const leave = await watcher.next('leave', event => event.user === user)
  const ms = performance.now() - start
  expect(leave.reason).toBe(reason)
  return ms
}

test('a killed instance leaves no ghosts', async () => {
  let ghosts = 0
  const late: number[] = []
  for (let round = 0; round < rounds; round++) {
    const killed = await deployment.start()
    const room = new Room(a)
    const watcher = await follow(room)
    const users = ['alice', 'bob', 'carol']
    for (const user of users) {
      await follow(room.at(killed), { user })
      await room.put(user, 1, 1)
    }
    // Held by the stream, and not by the POST, from here on.
    await setTimeout(100)
    deployment.servers.pop()
    killed.child.kill('SIGKILL')
    const start = performance.now()
    for (const user of users) late.push((await goneAfter(watcher, user, 'expired', start)) - leaseMs)
    ghosts += (await room.who()).size
    for (const user of users) expect(leavesOf(watcher, user)).toHaveLength(1)
  }
  say('instance killed: ghosts', { rounds, ghosts, slowestMs: Math.round(Math.max(...late) + leaseMs), leaseMs })
  expect(ghosts).toBe(0)
  expect(Math.max(...late)).toBeLessThan(lateMs)
}, 600_000)

test('client vanished without FIN', async () => {
  const workload = new Workload({ urls: deployment.urls, isHeard: deployment.isHeard, writers: 2 })
  await workload.gather()
  const room = new Room(b, workload.room)
  const late: number[] = []
  let ghosts = 0
  for (let round = 0; round < rounds; round++) {
    const wire = await TestProxy.start(a.port)
    const watcher = await follow(room)
    const user = `vanishing-${round}`
    const stream = await openStream(`http://127.0.0.1:${wire.port}${room.path}/sse?user=${user}&ack=1`)
    streams.push(stream)
    let isThere = true
    let signs = 0
    const living = (async () => {
      for await (const event of stream) {
        if (event.type !== 'ping' || !isThere) continue
        signs++
        expect((await room.alive({ user })).status).toBe(204)
      }
    })()
    await room.put(user, 1, 1)
    // Longer than a lease, by its own heartbeats.
    await stream.until(() => signs > (leaseMs / 300) * 1.2)
    expect(leavesOf(watcher, user)).toEqual([])
    isThere = false
    wire.swallow('commands', 'replies')
    wire.swallow('commands', 'requests')
    const start = performance.now()
    late.push((await goneAfter(watcher, user, 'expired', start)) - leaseMs)
    expect(leavesOf(watcher, user)).toHaveLength(1)
    if ((await room.who()).has(user)) ghosts++
    stream.close()
    watcher.close()
    await living
    await wire.stop()
    await workload.catchUp()
  }
  await workload.judge('client vanished without FIN', rounds)
  say('client vanished: ghosts', { rounds, ghosts, slowestMs: Math.round(Math.max(...late) + leaseMs), leaseMs })
  expect(ghosts).toBe(0)
  expect(Math.max(...late)).toBeLessThan(lateMs)
}, 600_000)

test('the last tab closed, of two on two instances', async () => {
  const room = new Room(a)
  const watcher = await follow(room)
  const tabs = [await follow(room, { user: 'alice' }), await follow(room.at(b), { user: 'alice' })]
  await room.put('alice', 1, 1)
  tabs[0]?.close()
  await passes(room, watcher)
  expect(leavesOf(watcher, 'alice')).toEqual([])
  tabs[1]?.close()
  const ms = await goneAfter(watcher, 'alice', 'closed', performance.now())
  expect(ms).toBeLessThan(graceMs + lateMs)
  await passes(room, watcher)
  expect(leavesOf(watcher, 'alice')).toHaveLength(1)
  say('last of two tabs closed', { graceMs, leftAfterMs: Math.round(ms) })
})

test('a reload is no leave', async () => {
  const reloads = process.env.FAULT_ROUNDS ? 200 : 20
  const room = new Room(a)
  const watcher = await follow(room)
  let tab = await follow(room, { user: 'alice' })
  await room.put('alice', 1, 1)
  for (let i = 0; i < reloads; i++) {
    tab.close()
    tab = await follow(room.at(i % 2 ? a : b), { user: 'alice' })
  }
  await passes(room, watcher)
  const flickers = leavesOf(watcher, 'alice').length
  say('reloads', { reloads, flickers })
  expect(flickers).toBe(0)
  expect((await room.who()).has('alice')).toBe(true)
}, 120_000)

test('whoever is there and idle stays, and a service that posts no more goes', async () => {
  const room = new Room(a)
  const watcher = await follow(room)
  await follow(room.at(b), { user: 'idle' })
  await room.put('idle', 1, 1)
  await passes(room, watcher)
  await passes(room, watcher)
  expect(leavesOf(watcher, 'idle')).toEqual([])
  expect((await room.who()).has('idle')).toBe(true)
})

let services = 0

/** Lets a lease pass: that of a service that posts once. */
async function passes(room: Room, watcher: TestStream): Promise<void> {
  const user = `service-${services++}`
  await room.put(user, 0, 0)
  const ms = await goneAfter(watcher, user, 'expired', performance.now())
  expect(ms).toBeLessThan(leaseMs + lateMs)
  expect(leavesOf(watcher, user)).toHaveLength(1)
}
