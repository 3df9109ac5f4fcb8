/**
 * Moves many bots through a room. One request moves all of them.
 */
import { setTimeout } from 'node:timers/promises'
import { publishBatch } from './publish.js'

const { COLOCATE_URL = 'http://127.0.0.1:3000', ROOM = 'bots', BOTS = '200', INTERVAL_MS = '250' } = process.env
const url = `${COLOCATE_URL}/rooms/${encodeURIComponent(ROOM)}/location`
/** The server accepts at most this many locations in one request. */
const maxBatch = 1000

const bots = Array.from({ length: Number(BOTS) }, (_, index) => ({
  user: `bot-${index}`,
  name: `Bot ${index}`,
  x: index % 20,
  y: Math.floor(index / 20),
}))
const batches = []
for (let start = 0; start < bots.length; start += maxBatch) batches.push(bots.slice(start, start + maxBatch))

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopping.abort())

function step() {
  for (const bot of bots) {
    bot.x = Math.max(0, bot.x + Math.round(Math.random() * 2 - 1))
    bot.y = Math.max(0, bot.y + Math.round(Math.random() * 2 - 1))
  }
}

/** One request is in flight at a time. A slow server slows the bots down, and no queue grows. */
async function move({ signal }) {
  console.log(`${bots.length} bots move in ${url}`)
  for (let next = performance.now(); ; ) {
    step()
    for (const batch of batches) await publishBatch(url, batch, signal)
    next = Math.max(next + Number(INTERVAL_MS), performance.now())
    await setTimeout(next - performance.now(), undefined, { signal })
  }
}

/** Without this, the bots would stay until their leases end, 30 seconds after the last move. */
async function leave() {
  for (const { user } of bots) await fetch(`${url}/${user}`, { method: 'DELETE' }).catch(() => {})
  console.log('The bots have left.')
}

try {
  await move(stopping)
} catch (error) {
  if (error.name !== 'AbortError') throw error
  await leave()
}
