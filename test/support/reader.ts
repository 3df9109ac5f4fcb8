/**
 * A client that records the events that it receives and judges whether any was lost, repeated or out of order.
 */
import { EventEmitter, once } from 'node:events'
import { type ClientRequest, get } from 'node:http'
import { createParser } from 'eventsource-parser'
import type { Location, RoomEvent } from '../../web/wire.ts'
import { byId } from './client.ts'
import { fold } from './fold.ts'

/** The events after a snapshot, up to the next snapshot. By the contract there is no gap between them. */
interface Segment {
  base: string
  ids: string[]
}

export interface Verdict {
  lost: number
  dup: number
  disorder: number
}

/** The head of an empty log. */
const emptyLogHead = '0-0'
const timeoutMs = 30_000
const reconnectMs = 100

export class Reader {
  readonly segments: Segment[] = []
  readonly locations = new Map<string, Location>()
  lastEventId = ''
  resets = 0
  resumes = 0
  isOpen = false
  /** The server of the current stream. */
  server = ''
  readonly #changes = new EventEmitter()
  #request: ClientRequest | undefined
  #isPending = false
  #again: NodeJS.Timeout | undefined

  /** Opens the room's stream at a server, and resumes after the last event. */
  open(server: string, room: string, query = ''): void {
    this.#close()
    this.server = server
    this.#isPending = true
    const headers = this.lastEventId ? { 'Last-Event-ID': this.lastEventId } : {}
    const request = get(`${server}/rooms/${room}/location/sse?${query}`, { headers, agent: false })
    this.#request = request
    const parser = createParser({
      onEvent: ({ id, data }) => {
        if (this.#request === request) this.#receive(id, JSON.parse(data))
      },
    })
    const ended = () => {
      if (this.#request !== request) return
      this.isOpen = this.#isPending = false
      this.#changes.emit('change')
    }
    request.on('response', response => {
      if (this.#request !== request) return
      this.#isPending = false
      this.isOpen = response.statusCode === 200
      response
        .setEncoding('utf8')
        .on('data', text => parser.feed(text))
        .on('close', ended)
        .on('error', ended)
    })
    request.on('error', ended)
  }

  /** Opens the stream and reopens it a moment after each end, at the address that `server` returns, until `drop`. */
  stay(server: () => string, room: string, query = ''): void {
    this.drop()
    this.open(server(), room, query)
    this.#again = setInterval(() => {
      if (!this.#isPending && !this.isOpen) this.open(server(), room, query)
    }, reconnectMs)
  }

  drop(): void {
    clearInterval(this.#again)
    this.#close()
  }

  #close(): void {
    this.#request?.destroy()
    this.#request = undefined
    this.isOpen = false
  }

  /** Resolves once `condition` holds. It is checked after every event and every end. Rejects after a timeout. */
  async until(condition: () => boolean): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs)
    while (!condition()) await once(this.#changes, 'change', { signal: timeout })
  }

  #receive(id: string | undefined, event: RoomEvent): void {
    if (id !== undefined) this.lastEventId = id
    if (event.type === 'snapshot') {
      if (event.reason !== 'joined') this.resets++
      this.segments.push({ base: id ?? '', ids: [] })
    } else if (event.type === 'resumed') this.resumes++
    else if (id !== undefined) this.segments.at(-1)?.ids.push(id)
    fold(this.locations, event)
    this.#changes.emit('change')
  }

  /**
   * Compares the received events with `log`, the sorted ids that POSTs were answered with. Before a reset, events may be
   * missing after the last received one. Events that are not in `log` (a leave, a lost reply) must only be in order.
   */
  judge(log: readonly string[]): Verdict {
    const verdict = { lost: 0, dup: 0, disorder: 0 }
    const places = new Map(log.map((id, place) => [id, place]))
    this.segments.forEach(({ base, ids }, i) => {
      const isLast = i === this.segments.length - 1
      const seen = new Set<string>()
      // The ids may be of several logs. A log that lost all events restarts at 0-0: judge from the first received event.
      const first = base === emptyLogHead && i > 0 ? (places.get(ids[0] ?? '') ?? log.length) : placeAfter(log, base)
      let newest = base
      let end = first
      for (const id of ids) {
        if (seen.has(id)) verdict.dup++
        else if (byId(id, newest) <= 0) verdict.disorder++
        else newest = id
        seen.add(id)
        end = Math.max(end, (places.get(id) ?? -1) + 1)
      }
      if (isLast) end = log.length
      for (let at = first; at < end; at++) if (!seen.has(log[at] ?? '')) verdict.lost++
    })
    return verdict
  }
}

/** Returns the index of the first id in the log that is above `id`. */
function placeAfter(log: readonly string[], id: string): number {
  let [from, to] = [0, log.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (byId(log[middle] ?? '', id) <= 0) from = middle + 1
    else to = middle
  }
  return from
}
