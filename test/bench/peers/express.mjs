/**
 * The usual implementation: Express, ioredis, a Redis channel for each room, one `res.write` for each delivery, and a
 * Redis stream for each room, from which a returning reader gets the missed events.
 */
import express from 'express'
import { Redis } from 'ioredis'
import { listening, rooms } from './common.mjs'

const redis = new Redis(process.env.REDIS_URL)
const subscriber = new Redis(process.env.REDIS_URL)
const readersOf = rooms(name => {
  subscriber.subscribe(name)
  return new Set()
})
const frameOf = (id, data) => `id: ${id}\ndata: ${data}\n\n`

subscriber.on('message', (name, message) => {
  const { id, location } = JSON.parse(message)
  const frame = frameOf(id, JSON.stringify(location))
  for (const res of readersOf(name)) res.write(frame)
})

const app = express()
app.use(express.json({ limit: '1mb' }))

app.get('/rooms/:room/location/sse', async (req, res) => {
  const { room } = req.params
  res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
  res.flushHeaders()
  const since = req.get('Last-Event-ID')
  if (since) {
    for (const [id, [, data]] of await redis.xrange(`log:${room}`, `(${since}`, '+')) res.write(frameOf(id, data))
  }
  const readers = readersOf(room)
  readers.add(res)
  res.on('close', () => readers.delete(res))
})

app.post('/rooms/:room/location', async (req, res) => {
  const { room } = req.params
  for (const location of Array.isArray(req.body) ? req.body : [req.body]) {
    const id = await redis.xadd(`log:${room}`, 'MAXLEN', '~', 1_000, '*', 'data', JSON.stringify(location))
    await redis.publish(room, JSON.stringify({ id, location }))
  }
  res.json({})
})

listening(app.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }))
