/**
 * The readers: raw sockets that share one buffer. They search the received bytes for stamps only.
 *
 * An event counts if it was due after `countFrom`, so that late events of an earlier step do not count.
 */
import { connect } from 'node:net'
import { Histogram } from './histogram.mjs'
import { isStamp, needle, nowUs, publisherAt, seqAt, stampLength, timeAt } from './stamp.mjs'

const bufferBytes = 256 * 1024
/** The most bytes of a stamp that can precede its continuation in the next read. */
const maxCarry = stampLength - 1
/** How many connections are opened at the same time. */
const opening = 128
const newline = 10
const connectMs = 30_000

export class Readers {
  /** Deliveries in the whole step, and those that arrived inside its window. */
  delivered = 0
  arrived = 0
  /** Events that arrived twice or after a later event of the same publisher. */
  disordered = 0
  /** Streams that ended before `close` was called. */
  ended = 0
  delays = new Histogram()
  countFrom = 0
  windowFrom = 0
  windowTo = 0
  /** Called when a reader has received `enough` events. */
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

  /** Opens `count` streams in the rooms, in turn. `headersOf` returns further header lines for a room's request. */
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

  /** Returns the number of bytes after the head, which it moves to the start of the buffer, or -1 before the head's end. */
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
    // A needle after the last byte ends the search, so that it does not reach the bytes of an earlier read.
    needle.copy(bytes, end)
    const arrivedAt = nowUs()
    const isInWindow = arrivedAt >= this.windowFrom && arrivedAt < this.windowTo
    let last = -1
    let shortest = 0
    for (;;) {
      // Most events of a room have one length. A guess skips no event: two do not fit into the shortest distance so far.
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
