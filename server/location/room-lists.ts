/**
 * The lists of rooms' locations, as JSON. Requests share the work: a huge room is read and encoded at most for a twentieth of the
 * time, however often it is listed, so that listing it does not slow down other rooms.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Broker, beginning, compareIds, type EventId, type Latest } from '../broker/broker.ts'
import type { Hub } from '../hub/hub.ts'
import { locationOf } from './location.ts'

interface List {
  bytes: Buffer
  /** The room's version when the read started. */
  version: number
  startedAt: number
  /** How long the list is served without another read. */
  maxAgeMs: number
}

interface Room {
  /** Grows with each change that this instance has answered. A list must not be older than one. */
  version: number
  list: List | undefined
  reading: Promise<void> | undefined
}

/** A list is served for this many times as long as it took to encode, but never for longer than `maxAgeMs`. */
const restFactor = 20
const maxAgeMs = 1_000
/** How long a list waits for this instance's copy to receive an event that this instance has published. */
const copyWaitMs = 100
const copyLookMs = 5
/** Lists of at least this size are sent at a limited rate, so that other requests are answered between them. */
const largeBytes = 64 * 1024
const largeBytesPerMs = 100_000

export class RoomLists {
  readonly #broker: Broker
  readonly #hub: Hub
  readonly #isStoreAway: () => boolean
  /** The rooms that were listed in the last second. */
  readonly #rooms = new Map<string, Room>()
  /** The heads that this instance has answered, of each room: in this second, and in the one before. */
  #heads = new Map<string, EventId>()
  #olderHeads = new Map<string, EventId>()
  #headsEndAt = 0
  /** When the next large list may be answered. */
  #nextLargeAt = 0

  /** `isStoreAway`: then there is no list, although this instance may have a copy. */
  constructor(broker: Broker, hub: Hub, isStoreAway: () => boolean) {
    this.#broker = broker
    this.#hub = hub
    this.#isStoreAway = isStoreAway
  }

  /** Notes a change that is about to be answered. `head` is the room's head after it. */
  changed(room: string, head: EventId): void {
    const now = performance.now()
    if (now >= this.#headsEndAt) {
      this.#olderHeads = this.#heads
      this.#heads = new Map()
      this.#headsEndAt = now + maxAgeMs
    }
    this.#heads.set(room, head)
    const listed = this.#rooms.get(room)
    if (listed) listed.version++
  }

  /** Rejects with `Unavailable`. */
  async get(name: string): Promise<Buffer> {
    await this.#turn(this.#rooms.get(name)?.list?.bytes.length ?? 0)
    const room = this.#room(name)
    const { version } = room
    let hasWaited = false
    for (;;) {
      const { list } = room
      // A list that this request has waited for is fresh, even if reading it took longer than `maxAgeMs`.
      const isFresh = list && (hasWaited || performance.now() - list.startedAt <= list.maxAgeMs)
      if (list && isFresh && list.version >= version) return list.bytes
      room.reading ??= this.#read(name, room).finally(() => {
        room.reading = undefined
      })
      await room.reading
      hasWaited = true
    }
  }

  /** Waits for the turn of a list of about that size. */
  async #turn(bytes: number): Promise<void> {
    if (bytes < largeBytes) return
    const now = performance.now()
    const at = Math.max(now, this.#nextLargeAt)
    this.#nextLargeAt = at + bytes / largeBytesPerMs
    await delay(at - now)
  }

  #room(name: string): Room {
    const known = this.#rooms.get(name)
    if (known) return known
    const room: Room = { version: 0, list: undefined, reading: undefined }
    this.#rooms.set(name, room)
    setTimeout(() => this.#rooms.delete(name), maxAgeMs).unref()
    return room
  }

  async #read(name: string, room: Room): Promise<void> {
    const restMs = room.list ? room.list.startedAt + room.list.maxAgeMs - performance.now() : 0
    if (restMs > 0) await delay(restMs)
    const { version } = room
    const startedAt = performance.now()
    const latest = (await this.#copy(name)) ?? (await this.#broker.latest(name))
    const encodingAt = performance.now()
    const bytes = encode(name, latest)
    const encodeMs = performance.now() - encodingAt
    room.list = {
      bytes,
      version,
      startedAt,
      maxAgeMs: Math.min(maxAgeMs, encodingAt - startedAt + restFactor * encodeMs),
    }
  }

  /** This instance's own copy, once it has every event that this instance has answered. */
  async #copy(name: string): Promise<Latest | undefined> {
    if (this.#isStoreAway()) return undefined
    const answered = this.#heads.get(name) ?? this.#olderHeads.get(name) ?? beginning
    for (let waited = 0; waited < copyWaitMs; waited += copyLookMs) {
      const copy = await this.#hub.latest(name, maxAgeMs)
      if (!copy || compareIds(copy.head, answered) >= 0) return copy
      await delay(copyLookMs)
    }
    return undefined
  }
}

function encode(room: string, { head, entries }: Latest): Buffer {
  const locations = entries.map(({ key, value, id }) => locationOf(key, value, id)).join(',')
  return Buffer.from(`{"room":${JSON.stringify(room)},"lastEventId":"${head}","locations":[${locations}]}`)
}
