/**
 * A client that writes down what it sees, and can say of it whether anything was lost, repeated or out of order.
 */
import { EventEmitter, once } from 'node:events'
import { type ClientRequest, get } from 'node:http'
import { createParser } from 'eventsource-parser'
import { fold } from '../../web/client/fold.ts'
import type { Location, RoomEvent } from '../../web/wire.ts'
import { byId } from './client.ts'

/** What was read since a snapshot: the events that followed it without a break, as far as the reader was told. */
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
const beginning = '0-0'
const timeoutMs = 30_000
const comeBackMs = 100

export class Reader {
  readonly segments: Segment[] = []
  readonly locations = new Map<string, Location>()
  lastEventId = ''
  resets = 0
  resumes = 0
  isOpen = false
  /** Where it reads. */
  server = ''
  readonly #changes = new EventEmitter()
  #request: ClientRequest | undefined
  #isPending = false
  #again: NodeJS.Timeout | undefined

  /** Opens the room's stream at a server, from where the last one ended. */
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

  /** Opens it, and again whenever it ends, a moment later and wherever `server` says; until it is dropped. */
  stay(server: () => string, room: string, query = ''): void {
    this.drop()
    this.open(server(), room, query)
    this.#again = setInterval(() => {
      if (!this.#isPending && !this.isOpen) this.open(server(), room, query)
    }, comeBackMs)
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

  /** Resolves as soon as it is so, looked at whenever something happened here; rejects when that takes too long. */
  async until(isSo: () => boolean): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs)
    while (!isSo()) await once(this.#changes, 'change', { signal: timeout })
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
   * Judges what was read by the ids that were answered, in order; of what came before a reset only what was read is judged.
   * Events that nobody was answered (a leave, a reply that was lost) must only be in order.
   */
  judge(log: readonly string[]): Verdict {
    const verdict = { lost: 0, dup: 0, disorder: 0 }
    const places = new Map(log.map((id, place) => [id, place]))
    this.segments.forEach(({ base, ids }, i) => {
      const isLast = i === this.segments.length - 1
      const seen = new Set<string>()
      // The answers may be of several logs. One that lost all begins at 0-0 again: with the first event that was read.
      const first = base === beginning && i > 0 ? (places.get(ids[0] ?? '') ?? log.length) : placeAfter(log, base)
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

/** Where in the log the first id stands that is above `id`. */
function placeAfter(log: readonly string[], id: string): number {
  let [from, to] = [0, log.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (byId(log[middle] ?? '', id) <= 0) from = middle + 1
    else to = middle
  }
  return from
}
