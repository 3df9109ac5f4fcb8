/**
 * The listeners of one room. A listener that throws stops no other listener.
 */
import type { RoomListeners } from './types.ts'

type Listener = (...args: never[]) => void

interface Listeners<Meta extends object> extends RoomListeners<Meta> {
  /** Anything changed. */
  change(): void
}

export class RoomEvents<Meta extends object> {
  readonly #listeners = new Map<string, Set<{ listener: Listener }>>()
  #depth = 0
  #hasChanged = false

  readonly on = <Type extends keyof Listeners<Meta>>(type: Type, listener: Listeners<Meta>[Type]): (() => void) => {
    // A new object for each call, so that one listener can be added twice.
    const entry = { listener: listener as Listener }
    const entries = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, entries.add(entry))
    return () => void entries.delete(entry)
  }

  readonly subscribe = (listener: () => void) => this.on('change', listener)

  /** Runs `change`, and then calls the subscribers once if it reported a change. */
  batch(change: () => void): void {
    this.#depth++
    try {
      change()
    } finally {
      if (--this.#depth === 0 && this.#hasChanged) {
        this.#hasChanged = false
        this.emit('change')
      }
    }
  }

  changed(): void {
    this.#hasChanged = true
  }

  emit<Type extends keyof Listeners<Meta>>(type: Type, ...args: Parameters<Listeners<Meta>[Type]>): void {
    for (const { listener } of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(...(args as unknown as never[]))
      } catch (error) {
        // Reports the error, as the DOM does. The next listener is still called.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
