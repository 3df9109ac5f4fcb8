/**
 * The kinds of measurement. Each takes the server's port and pid and its own parameters, and returns figures.
 */
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { Publishers } from './publishers.mjs'
import { Readers } from './readers.mjs'
import { redisCommands } from './redis-commands.mjs'
import { bodyOf, location, nowUs } from './stamp.mjs'
import { busy, step } from './step.mjs'
import { cpuMs, memoryBytes, ownLoad } from './usage.mjs'

/** The rates between which a ramp searches. */
const maxRate = 50_000
const minRate = 2

export const jobs = {
  /** Finds the highest rate at which all events arrive and p99 is low enough: multiplies until it fails, then bisects. */
  async ramp({ from, growth, p99Ms, bisections, tries, warmMs, ms, drainMs, withinMs, ...job }) {
    const load = await open(job)
    const lateAt = performance.now() + withinMs
    const isLate = () => performance.now() > lateAt
    let isCapped = false
    const attempt = async rate => {
      for (let attempt = 1; ; attempt++) {
        const result = await step(load, { rate, warmMs, ms, drainMs })
        const isGood = result.isWhole && result.p99 !== null && result.p99 <= p99Ms
        if (isGood) return result
        if (attempt >= tries || isLate()) {
          isCapped = result.generator >= busy
          return null
        }
      }
    }
    // V8 is still compiling the code of a server that has just started.
    await step(load, { rate: Math.min(from, 800), warmMs: 0, ms: 500, drainMs })
    let best = await attempt(from)
    let low = from
    let high = null
    if (best === null) {
      high = from
      while (best === null && low > minRate && !isLate()) {
        high = low
        low = Math.max(minRate, Math.round(low / 2))
        best = await attempt(low)
      }
    } else {
      while (high === null && low * growth <= maxRate && !isLate()) {
        const better = await attempt(low * growth)
        if (better) {
          best = better
          low *= growth
        } else high = low * growth
      }
    }
    // The time or the highest rate ended the search, not the server.
    if (best && high === null) isCapped = true
    for (let i = 0; best && high !== null && i < bisections && !isLate(); i++) {
      const middle = Math.round(Math.sqrt(low * high))
      const better = await attempt(middle)
      if (better) {
        best = better
        low = middle
      } else high = middle
    }
    load.close()
    return { rate: best?.rate ?? 0, perSecond: best?.perSecond ?? 0, p99: best?.p99 ?? null, isCapped }
  },

  /** Measures one fixed rate. */
  async steady({ rate, warmMs, ms, ...job }) {
    const load = await open(job)
    const result = await step(load, { rate, warmMs, ms, drainMs: 4_000, givesUp: false })
    load.close()
    const { perSecond, wanted, p50, p99, cpu, cpuUs, lost, generator } = result
    return { perSecond, wanted, p50, p99, cpu, cpuUs, lost, isCapped: generator >= busy }
  },

  /** Measures the memory and the CPU of open streams without events. */
  async idle({ port, pid, readers: count, ms }) {
    const readers = new Readers(1)
    // The first streams make the server load and compile code, which must not count towards the memory of a stream.
    await readers.open(port, Math.min(200, count), 1)
    await setTimeout(500)
    const before = memoryBytes(pid)
    await readers.open(port, count, 1)
    await setTimeout(1_000)
    const cpu = cpuMs(pid)
    await setTimeout(ms)
    const after = memoryBytes(pid)
    const figures = {
      kbEach: before === null ? null : (after - before) / 1_024 / count,
      cpu: cpu === null ? null : (cpuMs(pid) - cpu) / ms,
      streams: count,
      ended: readers.ended,
    }
    readers.close()
    return figures
  },

  /** All readers resume at once, each `behind` events behind. */
  async resumes({ port, rooms, readers: count, behind, redisPort }) {
    const readers = new Readers(rooms)
    const ids = []
    const watchers = []
    for (let room = 0; room < rooms; room++) watchers.push(firstId(port, room, ids))
    await Promise.all(watchers.map(({ isOpen }) => isOpen))
    let answered = 0
    const publishers = new Publishers(port, rooms, () => answered++)
    const publish = async (from, to) => {
      for (let seq = from; seq < to; seq++) {
        for (let room = 0; room < rooms; room++) {
          publishers.post(room, { room, body: location(`u${room}`, nowUs(), seq, room) })
        }
      }
      while (publishers.waiting > 0) await setTimeout(2)
    }
    await publish(0, 1)
    await Promise.all(watchers.map(({ hasId }) => hasId))
    const missedFrom = nowUs()
    await publish(1, 1 + behind)
    await setTimeout(200)

    readers.begin(missedFrom, 0, 0)
    readers.enough = behind
    const commandsBefore = await redisCommands(redisPort)
    const own = ownLoad()
    const start = performance.now()
    let done = 0
    const all = new Promise(resolve => {
      readers.onEnough = () => {
        if (++done === count) resolve(performance.now() - start)
      }
    })
    const opened = readers.open(port, count, rooms, room => `Last-Event-ID: ${ids[room]}\r\n`)
    const tookMs = await Promise.race([all, opened.then(() => setTimeout(20_000, null))])
    const generator = own()
    const commandsAfter = await redisCommands(redisPort)
    readers.close()
    publishers.close()
    for (const { close } of watchers) close()
    const commands = commandsAfter === null ? null : commandsAfter - commandsBefore
    return { tookMs, commands, refused: publishers.refused, answered, isCapped: generator >= busy }
  },

  /** Sends POSTs as fast as they are answered, with `batch` locations in each. */
  async posts({ port, pid, connections, batch = 1, warmMs, ms }) {
    const readers = new Readers(connections)
    await readers.open(port, 1, 1)
    const seqs = new Int32Array(connections)
    let isOver = false
    const next = p => publishers.post(p, { p, room: 0, body: bodyOf(p, nowUs(), seqs, batch) })
    const publishers = new Publishers(port, connections, ({ p }) => isOver || next(p))
    for (let p = 0; p < connections; p++) next(p)
    await setTimeout(warmMs)
    const [answered, at, own, cpu] = [publishers.answered, performance.now(), ownLoad(), cpuMs(pid)]
    await setTimeout(ms)
    const generator = own()
    const tookMs = performance.now() - at
    const perSecond = ((publishers.answered - answered) * batch * 1_000) / tookMs
    isOver = true
    const { refused, refusal } = publishers
    const used = cpu === null ? null : (cpuMs(pid) - cpu) / tookMs
    publishers.close()
    readers.close()
    if (refused > 0) throw new Error(`${refused} POSTs were refused: ${refusal}`)
    return { perSecond, cpu: used, isCapped: generator >= busy }
  },
}

/**
 * Opens readers and publishers. Each answered POST adds the deliveries that it must cause to `expected`: one for each of
 * its locations and each reader of the room.
 */
async function open({ port, pid, readers: count, rooms, batch = 1, publishers: publisherCount }) {
  const readers = new Readers(publisherCount)
  await readers.open(port, count, rooms)
  const load = { readers, rooms, batch, pid, expected: 0, sent: 0, seqs: new Int32Array(publisherCount) }
  load.publishers = new Publishers(port, publisherCount, () => {
    load.expected += (batch * count) / rooms
  })
  load.close = () => {
    load.publishers.close()
    readers.close()
  }
  return load
}

/** Opens a stream, reads it as text until it contains the id of its first location, and keeps it open. */
function firstId(port, room, ids) {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  let opened
  const isOpen = new Promise(resolve => {
    opened = resolve
  })
  const hasId = new Promise((resolve, reject) => {
    socket.on('data', chunk => {
      if (ids[room] !== undefined) return
      text += chunk.toString('latin1')
      if (text.includes('\r\n\r\n')) opened()
      const event = text.split('\n\n').find(part => part.includes('"seq":10000000'))
      const id = event && /(?:^|\n)id: ?(.*)/.exec(event)?.[1]
      if (!id) return
      ids[room] = id.trim()
      text = ''
      resolve()
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('a stream ended before its first event')))
  })
  // It is awaited only after all streams are open; until then, a rejection must not end the process.
  hasId.catch(() => {})
  socket.write(
    `GET /rooms/r${room}/location/sse HTTP/1.1\r\nHost: localhost:${port}\r\nAccept: text/event-stream\r\n\r\n`,
  )
  return { isOpen, hasId, close: () => socket.destroy() }
}
