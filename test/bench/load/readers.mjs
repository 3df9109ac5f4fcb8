/**
 * The readers: raw sockets that share one buffer. Of what they get they look at the stamps alone.
 *
 * An event counts if it was due after `countFrom`: what is still under way of an earlier step does not.
 */
import { connect } from 'node:net'
import { Histogram } from './histogram.mjs'
import { isStamp, needle, nowUs, publisherAt, seqAt, stampLength, timeAt } from './stamp.mjs'

const bufferBytes = 256 * 1024
/** What may be left of a stamp that goes on in the next read. */
const maxCarry = stampLength - 1
/** Connections that are being opened at a time. */
const opening = 128
const newline = 10
const connectMs = 30_000

export class Readers {
  /** Delivered: in all of the step, and how many arrived inside its window. */
  delivered = 0
  arrived = 0
  /** Events that came twice or after a later one of the same publisher. */
  disordered = 0
  /** Streams that ended though nobody asked for it. */
  ended = 0
  delays = new Histogram()
  countFrom = 0
  windowFrom = 0
  windowTo = 0
  /** Called for each reader's first event that makes it have as many as it waits for. */
  onEnough = null
  enough = Number.POSITIVE_INFINITY
  #all = []
  #buffer = Buffer.allocUnsafeSlow(maxCarry + bufferBytes + needle.length)
  #target = this.#buffer.subarray(maxCarry, maxCarry + bufferBytes)
  #publishers
  #isClosing = false

  constructor(publishers) {
    this.#publishers = publishers
  }

  get count() {
    return this.#all.length
  }

  /** Opens `count` streams, spread over the rooms in turn; `headersOf` gives more lines of a room's request. */
  async open(port, count, rooms, headersOf = () => '') {
    let next = 0
    const worker = async () => {
      while (next < count) {
        const i = next++
        await this.#openOne(port, `r${i % rooms}`, headersOf(i % rooms))
      }
    }
    await Promise.all(Array.from({ length: Math.min(opening, count) }, worker))
  }

  begin(countFrom, windowFrom, windowTo) {
    this.delivered = this.arrived = this.disordered = 0
    this.delays = new Histogram()
    Object.assign(this, { countFrom, windowFrom, windowTo })
    for (const reader of this.#all) reader.got = 0
  }

  close() {
    this.#isClosing = true
    for (const { socket } of this.#all) socket.destroy()
  }

  #openOne(port, room, headers) {
    return new Promise((resolve, reject) => {
      const reader = { socket: null, head: '', carry: null, got: 0, last: new Int32Array(this.#publishers).fill(-1) }
      const onRead = length => {
        if (reader.head === null) {
          this.#read(reader, length)
          return true
        }
        const rest = this.#readHead(reader, length)
        if (rest < 0) return true
        if (!/^HTTP\/1\.1 200 /.test(reader.head)) {
          reject(new Error(`a stream was answered ${reader.head.split('\r\n')[0]}`))
          return false
        }
        reader.head = null
        clearTimeout(timer)
        this.#all.push(reader)
        resolve()
        if (rest > 0) this.#read(reader, rest)
        return true
      }
      const socket = connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        onread: { buffer: this.#target, callback: onRead },
      })
      reader.socket = socket
      const timer = setTimeout(() => socket.destroy(new Error('a stream was not answered')), connectMs)
      socket.once('error', reject)
      socket.once('close', () => {
        clearTimeout(timer)
        if (!this.#isClosing) this.ended++
        reject(new Error('a stream was closed before it began'))
      })
      socket.write(
        `GET /rooms/${room}/location/sse HTTP/1.1\r\nHost: localhost:${port}\r\nAccept: text/event-stream\r\n${headers}\r\n`,
      )
    })
  }

  /** Bytes after the head, moved to where reading begins; -1 while the head goes on. */
  #readHead(reader, length) {
    const before = reader.head.length
    reader.head += this.#target.latin1Slice(0, length)
    const end = reader.head.indexOf('\r\n\r\n')
    if (end < 0) return -1
    const used = end + 4 - before
    this.#target.copyWithin(0, used, length)
    return length - used
  }

  #read(reader, length) {
    const bytes = this.#buffer
    const end = maxCarry + length
    let from = maxCarry
    if (reader.carry !== null) {
      from -= reader.carry.length
      reader.carry.copy(bytes, from)
    }
    // What an earlier read left behind is not searched: a needle of our own ends it.
    needle.copy(bytes, end)
    const arrivedAt = nowUs()
    const isInWindow = arrivedAt >= this.windowFrom && arrivedAt < this.windowTo
    let last = -1
    let shortest = 0
    for (;;) {
      // Events of a room are mostly of one length. None is skipped: two don't fit into the shortest that was seen.
      const guess = last + shortest
      const isGuess = shortest > 0 && guess + stampLength <= end && isStamp(bytes, guess)
      const at = isGuess ? guess : bytes.indexOf(needle, from)
      if (at + stampLength > end) break
      if (isGuess || isStamp(bytes, at)) {
        if (last >= 0 && (shortest === 0 || at - last < shortest)) shortest = at - last
        last = at
        from = at + stampLength
        this.#count(reader, bytes, at, arrivedAt, isInWindow)
      } else from = at + needle.length
    }
    const isWhole = bytes[end - 1] === newline
    reader.carry = isWhole ? null : Buffer.from(bytes.subarray(Math.max(from, end - maxCarry), end))
  }

  #count(reader, bytes, at, arrivedAt, isInWindow) {
    const due = timeAt(bytes, at)
    if (due < this.countFrom) return
    const p = publisherAt(bytes, at)
    const seq = seqAt(bytes, at)
    if (seq <= reader.last[p]) this.disordered++
    reader.last[p] = seq
    this.delivered++
    if (isInWindow) this.arrived++
    if (due >= this.windowFrom && due < this.windowTo) this.delays.add(arrivedAt - due)
    if (++reader.got === this.enough) this.onEnough?.()
  }
}
