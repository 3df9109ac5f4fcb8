/**
 * Presence: a collaborator who disconnects leaves once, with the right reason and on time. A connected collaborator remains.
 */
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { TestProxy } from '../support/proxy.ts'
import { Room } from '../support/rooms.ts'
import type { TestServer } from '../support/server.ts'
import { openStream, type TestStream } from '../support/streams.ts'
import { Deployment } from './deployment.ts'
import { type Store, startSingle } from './store.ts'
import { report, rounds, Workload } from './workload.ts'

const leaseMs = 2_000
const graceMs = 500
/** One second, plus a margin for a busy machine. */
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

/** Waits for the user's leave event and checks its reason. Resolves with the milliseconds from `start` to the event. */
async function untilLeave(watcher: TestStream, user: string, reason: string, start: number): Promise<number> {
  const leave = await watcher.next('leave', event => event.user === user)
  const ms = performance.now() - start
  expect(leave.reason).toBe(reason)
  return ms
}

test('the collaborators of a killed instance leave once their leases expire', async () => {
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
    // Waits until the stream holds the lease instead of the POST.
    await setTimeout(100)
    deployment.servers.pop()
    killed.child.kill('SIGKILL')
    const start = performance.now()
    for (const user of users) late.push((await untilLeave(watcher, user, 'expired', start)) - leaseMs)
    ghosts += (await room.who()).size
    for (const user of users) expect(leavesOf(watcher, user)).toHaveLength(1)
  }
  report('instance killed: ghosts', { rounds, ghosts, slowestMs: Math.round(Math.max(...late) + leaseMs), leaseMs })
  expect(ghosts).toBe(0)
  expect(Math.max(...late)).toBeLessThan(lateMs)
}, 600_000)

test('a client that vanishes without a FIN leaves once its lease expires', async () => {
  const workload = new Workload({ urls: deployment.urls, isSubscribed: deployment.isSubscribed, writers: 2 })
  await workload.start()
  const room = new Room(b, workload.room)
  const late: number[] = []
  let ghosts = 0
  for (let round = 0; round < rounds; round++) {
    const proxy = await TestProxy.start(a.port)
    const watcher = await follow(room)
    const user = `vanishing-${round}`
    const stream = await openStream(`http://127.0.0.1:${proxy.port}${room.path}/sse?user=${user}&ack=1`)
    streams.push(stream)
    let isConnected = true
    let acks = 0
    const acknowledging = (async () => {
      for await (const event of stream) {
        if (event.type !== 'ping' || !isConnected) continue
        acks++
        expect((await room.alive({ user })).status).toBe(204)
      }
    })()
    await room.put(user, 1, 1)
    // Acknowledges heartbeats for longer than a lease.
    await stream.until(() => acks > (leaseMs / 300) * 1.2)
    expect(leavesOf(watcher, user)).toEqual([])
    isConnected = false
    proxy.swallow('commands', 'replies')
    proxy.swallow('commands', 'requests')
    const start = performance.now()
    late.push((await untilLeave(watcher, user, 'expired', start)) - leaseMs)
    expect(leavesOf(watcher, user)).toHaveLength(1)
    if ((await room.who()).has(user)) ghosts++
    stream.close()
    watcher.close()
    await acknowledging
    await proxy.stop()
    await workload.catchUp()
  }
  await workload.finish('client vanished without FIN', rounds)
  report('client vanished: ghosts', { rounds, ghosts, slowestMs: Math.round(Math.max(...late) + leaseMs), leaseMs })
  expect(ghosts).toBe(0)
  expect(Math.max(...late)).toBeLessThan(lateMs)
}, 600_000)

test('a collaborator with tabs on two instances leaves only after the last tab closes', async () => {
  const room = new Room(a)
  const watcher = await follow(room)
  const tabs = [await follow(room, { user: 'alice' }), await follow(room.at(b), { user: 'alice' })]
  await room.put('alice', 1, 1)
  tabs[0]?.close()
  await leaseExpires(room, watcher)
  expect(leavesOf(watcher, 'alice')).toEqual([])
  tabs[1]?.close()
  const ms = await untilLeave(watcher, 'alice', 'closed', performance.now())
  expect(ms).toBeLessThan(graceMs + lateMs)
  await leaseExpires(room, watcher)
  expect(leavesOf(watcher, 'alice')).toHaveLength(1)
  report('last of two tabs closed', { graceMs, leftAfterMs: Math.round(ms) })
})

test('a reload does not cause a leave event', async () => {
  const reloads = process.env.FAULT_ROUNDS ? 200 : 20
  const room = new Room(a)
  const watcher = await follow(room)
  let tab = await follow(room, { user: 'alice' })
  await room.put('alice', 1, 1)
  for (let i = 0; i < reloads; i++) {
    tab.close()
    tab = await follow(room.at(i % 2 ? a : b), { user: 'alice' })
  }
  await leaseExpires(room, watcher)
  const flickers = leavesOf(watcher, 'alice').length
  report('reloads', { reloads, flickers })
  expect(flickers).toBe(0)
  expect((await room.who()).has('alice')).toBe(true)
}, 120_000)

test('an idle collaborator with a stream remains, and a service without a stream leaves when it stops posting', async () => {
  const room = new Room(a)
  const watcher = await follow(room)
  await follow(room.at(b), { user: 'idle' })
  await room.put('idle', 1, 1)
  await leaseExpires(room, watcher)
  await leaseExpires(room, watcher)
  expect(leavesOf(watcher, 'idle')).toEqual([])
  expect((await room.who()).has('idle')).toBe(true)
})

let services = 0

/** Waits for the length of a lease: a service posts once, and its lease expires. */
async function leaseExpires(room: Room, watcher: TestStream): Promise<void> {
  const user = `service-${services++}`
  await room.put(user, 0, 0)
  const ms = await untilLeave(watcher, user, 'expired', performance.now())
  expect(ms).toBeLessThan(leaseMs + lateMs)
  expect(leavesOf(watcher, user)).toHaveLength(1)
}
