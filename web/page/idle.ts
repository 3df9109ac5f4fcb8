/**
 * Who has not moved for a minute. A collaborator who is idle stays in the room.
 *
 * `at` is by the clock of the room's log. It counts only for a collaborator that the page sees for the first time; from then
 * on, the page's own clock tells when a change came.
 */
import type { Collaborator } from '../client/index.ts'

const IDLE_MS = 60_000

interface Activity {
  at: number
  /** By the page's clock. */
  since: number
  isIdle: boolean
}

export class IdleWatch {
  readonly #onChange: (user: string, isIdle: boolean) => void
  readonly #activities = new Map<string, Activity>()

  constructor(onChange: (user: string, isIdle: boolean) => void) {
    this.#onChange = onChange
  }

  see({ user, at }: Collaborator): void {
    const known = this.#activities.get(user)
    if (known?.at === at) return
    const since = known ? Date.now() : Math.min(at, Date.now())
    const activity = { at, since, isIdle: known?.isIdle ?? false }
    this.#activities.set(user, activity)
    this.#update(user, activity)
  }

  remove(user: string): void {
    this.#activities.delete(user)
  }

  /** Call every few seconds. */
  check(): void {
    for (const [user, activity] of this.#activities) this.#update(user, activity)
  }

  #update(user: string, activity: Activity): void {
    const isIdle = Date.now() - activity.since > IDLE_MS
    if (isIdle === activity.isIdle) return
    activity.isIdle = isIdle
    this.#onChange(user, isIdle)
  }
}
