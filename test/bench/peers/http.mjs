/**
 * Plain node `http`: rooms in memory, one `res.write` for each delivery.
 */
import { createServer } from 'node:http'
import { bodyOf, listening, roomOf, rooms } from './common.mjs'

const head = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' }
const room = rooms(() => ({ readers: new Set(), history: [] }))

const server = createServer(async (req, res) => {
  const { readers, history } = room(roomOf(req.url))
  if (req.method === 'GET') {
    res.writeHead(200, head)
    res.flushHeaders()
    const since = Number(req.headers['last-event-id'] ?? Number.POSITIVE_INFINITY)
    for (const { id, frame } of history) if (id > since) res.write(frame)
    readers.add(res)
    res.on('close', () => readers.delete(res))
    return
  }
  const body = await bodyOf(req)
  for (const location of Array.isArray(body) ? body : [body]) {
    const id = (history.at(-1)?.id ?? 0) + 1
    const frame = `id: ${id}\ndata: ${JSON.stringify(location)}\n\n`
    history.push({ id, frame })
    if (history.length > 1_000) history.shift()
    for (const reader of readers) reader.write(frame)
  }
  res.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
})
listening(server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }))
