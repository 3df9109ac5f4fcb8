/** Clients that exhaust sockets, file descriptors or time: the server keeps running and serves the other clients. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Room, untilReady } from '../support/rooms.ts'
import { startServer, type TestServer } from '../support/server.ts'
import type { TestStream } from '../support/streams.ts'

let server: TestServer
let room: Room
let stream: TestStream
/** The kept connection of a well-behaved client. */
let agent: Agent
beforeAll(async () => {
  server = await startServer()
  room = new Room(server)
  agent = new Agent({ keepAlive: true, maxSockets: 1 })
  stream = await room.follow()
  await stream.next('snapshot')
  await post()
})
afterAll(async () => {
  agent.destroy()
  stream.close()
  await server.stop()
})

let x = 0
/** Publishes over the kept connection, and waits until the open stream receives the event. */
async function post(): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const req = request({ port: server.port, host: '127.0.0.1', path: room.path, method: 'POST', agent, headers })
  req.end(JSON.stringify({ user: 'alice', x: ++x, y: 0 }))
  const [response] = await once(req, 'response')
  let text = ''
  for await (const part of response) text += part
  expect(response.statusCode).toBe(200)
  await stream.next('location', ({ id }) => id === JSON.parse(text).id)
}

interface Attempt {
  socket: Socket
  /** Resolves once it is connected or refused. */
  begun: Promise<unknown>
  ended: Promise<unknown>
}

function attempt(i: number): Attempt {
  // One source address has too few ports for all attempts.
  const socket = connect({ port: server.port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (i % 8)}` })
  const ended = new Promise(resolve => socket.once('close', resolve))
  const begun = Promise.race([new Promise(resolve => socket.once('connect', resolve)), ended])
  socket.on('error', () => {})
  socket.resume()
  return { socket, begun, ended }
}

describe('the server serves well-behaved clients', () => {
  test('while others send their headers and bodies slowly, and cuts the slow ones off', async () => {
    const head = `POST ${room.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`
    const beginnings = [
      '',
      'G',
      head,
      `${head}Content-Length: 100\r\n\r\n`,
      `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"x":`,
    ]
    const startedAt = performance.now()
    const slow = Array.from({ length: 200 }, (_, i) => ({
      ...attempt(i),
      beginning: beginnings[i % beginnings.length] ?? '',
    }))
    for (const { socket, beginning } of slow) socket.write(beginning)
    // Half of them continue with one byte per second.
    const trickle = setInterval(() => {
      for (const { socket, beginning } of slow.filter((_, i) => i % 2))
        if (socket.writable && beginning) socket.write('x')
    }, 1_000)
    await post()
    await Promise.all(slow.map(({ ended }) => ended))
    clearInterval(trickle)
    await post()
    process.stdout.write(
      `slow: clients=${slow.length} cut off after ${Math.round((performance.now() - startedAt) / 1_000)} s at most\n`,
    )
    expect(server.child.exitCode).toBeNull()
  }, 40_000)

  test('while 30,000 connections are attempted', async () => {
    const total = 30_000
    const maxOpen = 6_000
    const open: Attempt[] = []
    for (let i = 0; i < total; i += 500) {
      const wave = Array.from({ length: 500 }, (_, k) => attempt(i + k))
      await Promise.all(wave.map(({ begun }) => begun))
      open.push(...wave)
      for (const { socket } of open.splice(0, open.length - maxOpen)) socket.destroy()
      if (i % 5_000 === 0) await post()
    }
    await post()
    expect((await room.who()).get('alice')?.x).toBe(x)
    for (const { socket } of open) socket.destroy()
    await Promise.all(open.map(({ ended }) => ended))
    expect(server.child.exitCode).toBeNull()
    process.stdout.write(`connections attempted=${total}, up to ${maxOpen} open at a time; served meanwhile=${x}\n`)
  }, 120_000)

  test('while it has no file descriptors left, and accepts new clients once it has closed the idle connections', async () => {
    await promisify(execFile)('prlimit', ['--pid', `${server.child.pid}`, '--nofile=256:256'])
    const idle = Array.from({ length: 1_000 }, (_, i) => attempt(i))
    await Promise.all(idle.map(({ begun }) => begun))
    let refused = 0
    for (const { ended } of idle) void ended.then(() => refused++)
    for (let i = 0; i < 20; i++) await post()
    const refusedAtOnce = refused
    await Promise.all(idle.map(({ ended }) => ended))
    await untilReady(server, true)
    await post()
    expect((await room.who()).get('alice')?.x).toBe(x)
    expect(server.child.exitCode).toBeNull()
    process.stdout.write(
      `256 file descriptors: attempted=${idle.length} refused at once=${refusedAtOnce}, the others when idle\n`,
    )
    expect(refusedAtOnce).toBeGreaterThan(600)
  }, 40_000)
})
