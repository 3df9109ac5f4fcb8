/**
 * better-sse as in its guide: a channel for each room, on plain node `http`.
 */
import { createServer } from 'node:http'
import { createChannel, createSession } from 'better-sse'
import { bodyOf, listening, roomOf, rooms } from './common.mjs'

const room = rooms(() => ({ channel: createChannel(), history: [] }))

const server = createServer(async (req, res) => {
  const { channel, history } = room(roomOf(req.url))
  if (req.method === 'GET') {
    const session = await createSession(req, res)
    const since = session.lastId === '' ? Number.POSITIVE_INFINITY : Number(session.lastId)
    for (const { id, location } of history) if (id > since) session.push(location, 'message', `${id}`)
    channel.register(session)
    return
  }
  const body = await bodyOf(req)
  for (const location of Array.isArray(body) ? body : [body]) {
    const id = (history.at(-1)?.id ?? 0) + 1
    history.push({ id, location })
    if (history.length > 1_000) history.shift()
    channel.broadcast(location, 'message', { eventId: `${id}` })
  }
  res.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
})
listening(server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }))
