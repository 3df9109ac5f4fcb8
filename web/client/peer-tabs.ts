/**
 * Knows which other tabs share. Each tab holds a lock of its own while it shares, and every other tab requests that lock.
 * When the browser grants the request, the tab no longer shares. A message would not be enough, because Firefox drops the
 * last message of a page that closes.
 */
export class PeerTabs {
  readonly #name: string
  readonly #ids = new Set<string>()
  #sharing: AbortController | undefined

  /** `name` begins the name of every tab's lock. */
  constructor(name: string) {
    this.#name = name
  }

  get size(): number {
    return this.#ids.size
  }

  /** Acquires the lock of this tab. Resolves once the tab holds it. Do not send messages to other tabs before that. */
  join(id: string): Promise<void> {
    const sharing = new AbortController()
    this.#sharing = sharing
    return new Promise(resolve => {
      void navigator.locks.request(this.#lockOf(id), () => {
        resolve()
        return new Promise<void>(release => sharing.signal.addEventListener('abort', () => release()))
      })
    })
  }

  /** Another tab is there. */
  add(id: string): void {
    const signal = this.#sharing?.signal
    if (!signal || this.#ids.has(id)) return
    this.#ids.add(id)
    const isGone = () => void this.#ids.delete(id)
    // Rejects when this tab no longer shares.
    navigator.locks.request(this.#lockOf(id), { signal }, isGone).catch(isGone)
  }

  /** Releases the lock of this tab. */
  leave(): void {
    this.#sharing?.abort()
    this.#sharing = undefined
  }

  #lockOf(id: string): string {
    return `${this.#name} ${id}`
  }
}
