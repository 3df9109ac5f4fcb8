/**
 * The listeners of one room. A listener that throws stops no other listener.
 */
import type { ColocateError } from './errors.ts'
import type { RoomChange, RoomListeners, RoomStatus } from './types.ts'

/** What an iterator keeps for a consumer that is slower than the room; the oldest change is dropped first. */
const KEPT_MAX = 1_000

type Listener = (...args: never[]) => void

export class RoomEvents<Meta extends object> {
  readonly #subscribers = new Set<{ listener: () => void }>()
  readonly #listeners = new Map<string, Set<{ listener: Listener }>>()
  readonly #iterators = new Set<Kept<Meta>>()
  #depth = 0
  #hasChanged = false

  subscribe(listener: () => void): () => void {
    // An entry of its own, so that a listener can be subscribed twice.
    const entry = { listener }
    this.#subscribers.add(entry)
    return () => void this.#subscribers.delete(entry)
  }

  on<Type extends keyof RoomListeners<Meta>>(type: Type, listener: RoomListeners<Meta>[Type]): () => void {
    const entry = { listener: listener as Listener }
    const entries = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, entries.add(entry))
    return () => void entries.delete(entry)
  }

  /** Runs `change`, and then calls the subscribers once if it reported a change. */
  batch(change: () => void): void {
    this.#depth++
    try {
      change()
    } finally {
      if (--this.#depth === 0 && this.#hasChanged) {
        this.#hasChanged = false
        for (const { listener } of [...this.#subscribers]) call(listener)
      }
    }
  }

  changed(): void {
    this.#hasChanged = true
  }

  change(change: RoomChange<Meta>): void {
    this.#emit(change.type, change)
    for (const { changes, wake } of this.#iterators) {
      changes.push(change)
      if (changes.length > KEPT_MAX) changes.shift()
      wake?.()
    }
  }

  status(status: RoomStatus, error?: ColocateError): void {
    this.#emit('status', status, error)
    if (status !== 'closed') return
    for (const kept of this.#iterators) {
      kept.end = { error }
      kept.wake?.()
    }
  }

  error(error: ColocateError): void {
    this.#emit('error', error)
  }

  iterate(isOver: boolean): AsyncIterator<RoomChange<Meta>, undefined, undefined> {
    const kept: Kept<Meta> = { changes: [] }
    if (isOver) kept.end = { error: undefined }
    this.#iterators.add(kept)
    return this.#read(kept)
  }

  async *#read(kept: Kept<Meta>): AsyncGenerator<RoomChange<Meta>, undefined, undefined> {
    try {
      for (;;) {
        const change = kept.changes.shift()
        if (change) yield change
        else if (kept.end?.error) throw kept.end.error
        else if (kept.end) return undefined
        else
          await new Promise<void>(resolve => {
            kept.wake = resolve
          })
      }
    } finally {
      this.#iterators.delete(kept)
    }
  }

  #emit(type: string, ...args: unknown[]): void {
    for (const { listener } of [...(this.#listeners.get(type) ?? [])]) call(() => listener(...(args as never[])))
  }
}

/** What one iterator has not read yet. */
interface Kept<Meta extends object> {
  changes: RoomChange<Meta>[]
  end?: { error: ColocateError | undefined }
  wake?: () => void
}

/** As the DOM does: the error is reported, and the next listener is called. */
function call(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
