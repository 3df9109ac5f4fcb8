/**
 * A minimal server that publishes, subscribes and writes. It must fail the fault tests that the real server passes.
 *
 * It never verifies a subscription: ioredis restores it after a reconnect. It resumes with all entries whose ids are higher
 * than the last event id, without checking that this entry still exists.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Redis } from 'ioredis'

export interface NaiveServer {
  url: string
  stop(): Promise<void>
}

export async function startNaive(redisUrl: string): Promise<NaiveServer> {
  const commands = new Redis(redisUrl).on('error', () => {})
  const subscriber = new Redis(redisUrl).on('error', () => {})
  const readers = new Map<string, Set<ServerResponse>>()
  subscriber.on('message', (room, frame) => {
    for (const reader of readers.get(room) ?? []) reader.write(frame)
  })

  const publish = async (room: string, req: IncomingMessage, res: ServerResponse) => {
    const location = JSON.parse(await text(req))
    const id = await commands.xadd(`naive:${room}`, '*', 'location', JSON.stringify(location))
    await commands.hset(`naive:${room}:latest`, location.user, JSON.stringify(location))
    await commands.publish(room, frameOf(id ?? '', location))
    res.end(JSON.stringify({ id, user: location.user }))
  }

  const follow = async (room: string, req: IncomingMessage, res: ServerResponse) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const lastEventId = req.headers['last-event-id']?.toString()
    if (lastEventId) {
      const entries = await commands.xrange(`naive:${room}`, `(${lastEventId}`, '+')
      res.write(`data: ${JSON.stringify({ type: 'resumed', missed: entries.length })}\n\n`)
      for (const [id, [, location = '']] of entries) res.write(frameOf(id, JSON.parse(location)))
    } else {
      const [[head] = ['0-0']] = await commands.xrevrange(`naive:${room}`, '+', '-', 'COUNT', 1)
      const locations = Object.values(await commands.hgetall(`naive:${room}:latest`)).map(value => JSON.parse(value))
      res.write(`id: ${head}\ndata: ${JSON.stringify({ type: 'snapshot', reason: 'joined', locations })}\n\n`)
    }
    const responses = readers.get(room) ?? new Set()
    readers.set(room, responses.add(res))
    if (responses.size === 1) await subscriber.subscribe(room)
    res.on('close', () => responses.delete(res))
  }

  const server = createServer(async (req, res) => {
    const [, , room = '', , sse] = (req.url ?? '').split(/[/?]/)
    try {
      if (req.method === 'POST') await publish(room, req, res)
      else if (sse === 'sse') await follow(room, req, res)
      else res.end(JSON.stringify({ locations: [] }))
    } catch {
      res.writeHead(500).end('{}')
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections()
      server.close()
      commands.disconnect()
      subscriber.disconnect()
    },
  }
}

function frameOf(id: string, location: object): string {
  return `id: ${id}\ndata: ${JSON.stringify({ type: 'location', ...location })}\n\n`
}
