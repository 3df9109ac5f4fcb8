/**
 * The listeners of one room. A listener that throws stops no other listener.
 */
import type { RoomListeners } from './types.ts'

type Listener = (...args: never[]) => void

export class RoomEvents<Meta extends object> {
  readonly #subscribers = new Set<{ listener: () => void }>()
  readonly #listeners = new Map<string, Set<{ listener: Listener }>>()
  #depth = 0
  #hasChanged = false

  readonly subscribe = (listener: () => void): (() => void) => {
    // An entry of its own, so that a listener can be subscribed twice.
    const entry = { listener }
    this.#subscribers.add(entry)
    return () => void this.#subscribers.delete(entry)
  }

  readonly on = <Type extends keyof RoomListeners<Meta>>(
    type: Type,
    listener: RoomListeners<Meta>[Type],
  ): (() => void) => {
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

  emit<Type extends keyof RoomListeners<Meta>>(type: Type, ...args: Parameters<RoomListeners<Meta>[Type]>): void {
    for (const { listener } of [...(this.#listeners.get(type) ?? [])])
      call(() => listener(...(args as unknown as never[])))
  }
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
