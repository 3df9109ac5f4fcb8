/**
 * A client that writes down what it sees, and can say of it whether anything was lost, repeated or out of order.
 */
import { EventEmitter, once } from 'node:events'
import { type ClientRequest, get } from 'node:http'
import { createParser } from 'eventsource-parser'
import { fold } from '../../web/fold.ts'
import type { Location, RoomEvent } from '../../web/wire.ts'

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

const patienceMs = 30_000

export class Reader {
  readonly segments: Segment[] = []
  readonly locations = new Map<string, Location>()
  lastEventId = ''
  resets = 0
  resumes = 0
  isOpen = false
  readonly #changes = new EventEmitter()
  #request: ClientRequest | undefined

  /** Opens the room's stream at a server, from where the last one ended. */
  open(server: string, room: string, query = ''): void {
    this.drop()
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
      this.isOpen = false
      this.#changes.emit('change')
    }
    request.on('response', response => {
      this.isOpen = response.statusCode === 200
      response
        .setEncoding('utf8')
        .on('data', text => parser.feed(text))
        .on('close', ended)
        .on('error', ended)
    })
    request.on('error', ended)
  }

  drop(): void {
    this.#request?.destroy()
    this.#request = undefined
    this.isOpen = false
  }

  /** Resolves as soon as it is so, looked at whenever something happened here; rejects when that takes too long. */
  async until(isSo: () => boolean): Promise<void> {
    const timeout = AbortSignal.timeout(patienceMs)
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

  /** Judges what was read by the log's ids in order; of what came before a reset only what was read is judged. */
  judge(log: readonly string[]): Verdict {
    const verdict = { lost: 0, dup: 0, disorder: 0 }
    const places = new Map(log.map((id, place) => [id, place]))
    this.segments.forEach(({ base, ids }, i) => {
      const isLast = i === this.segments.length - 1
      const seen = new Set<string>()
      let place = places.get(base) ?? -1
      const first = place + 1
      for (const id of ids) {
        const at = places.get(id) ?? -1
        if (seen.has(id)) verdict.dup++
        else if (at < place) verdict.disorder++
        seen.add(id)
        place = Math.max(place, at)
      }
      const end = isLast ? log.length : place + 1
      for (let at = first; at < end; at++) if (!seen.has(log[at] ?? '')) verdict.lost++
    })
    return verdict
  }
}
