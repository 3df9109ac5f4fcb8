/**
 * A lock that one tab holds: the leader. When the leader closes or crashes, the next tab receives the lock.
 */
export interface LeaderLockOptions {
  name: string
  onLead(): void
  /** Another tab took the lock away. */
  onStolen(): void
}

export class LeaderLock {
  readonly #options: LeaderLockOptions
  #queue: AbortController | undefined
  #release: (() => void) | undefined

  constructor(options: LeaderLockOptions) {
    this.#options = options
  }

  get isHeld(): boolean {
    return this.#release !== undefined
  }

  /** Waits for the lock behind the tabs that wait already. */
  queue(): void {
    const queue = new AbortController()
    this.#queue = queue
    void this.#request({ signal: queue.signal })
  }

  /** Takes the lock from the tab that holds it. */
  steal(): void {
    this.#queue?.abort()
    void this.#request({ steal: true })
  }

  release(): void {
    this.#queue?.abort()
    this.#release?.()
    this.#release = undefined
  }

  /** Whether another tab holds the lock or waits for it. */
  async isShared(): Promise<boolean> {
    const { name } = this.#options
    const { held = [], pending = [] } = await navigator.locks.query()
    return [...held, ...pending].filter(lock => lock.name === name).length > 1
  }

  async #request(options: LockOptions): Promise<void> {
    const { name, onLead, onStolen } = this.#options
    let release: (() => void) | undefined
    try {
      await navigator.locks.request(name, options, () => {
        if (options.signal?.aborted) return undefined
        return new Promise<void>(resolve => {
          release = resolve
          this.#release = resolve
          onLead()
        })
      })
    } catch (error) {
      if ((error as Error).name !== 'AbortError') throw error
      // If the lock was not held, this tab itself aborted the request.
      if (!release || this.#release !== release) return
      this.#release = undefined
      onStolen()
    }
  }
}
