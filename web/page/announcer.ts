/**
 * Announces joins and leaves in a live region for screen readers. It does not announce moves.
 */
const MAX_NAMES = 3

const list = new Intl.ListFormat('en', { type: 'conjunction' })

export class Announcer {
  readonly #region: HTMLElement
  #joined: string[] = []
  #left: string[] = []
  #hasEntered = false

  constructor(region: HTMLElement) {
    this.#region = region
  }

  join(name: string): void {
    this.#joined.push(name)
  }

  leave(name: string): void {
    this.#left.push(name)
  }

  /**
   * Announces all joins and leaves since the last call. The first call announces only how many users are in the room.
   */
  announce(userCount: number): void {
    const sentences: string[] = []
    if (!this.#hasEntered && userCount > 0)
      sentences.push(userCount === 1 ? 'You are the only user in this room.' : `${userCount} users are in this room.`)
    else {
      if (this.#joined.length > 0) sentences.push(`${listOf(this.#joined)} joined.`)
      if (this.#left.length > 0) sentences.push(`${listOf(this.#left)} left.`)
    }
    this.#hasEntered ||= userCount > 0
    this.#joined = []
    this.#left = []
    if (sentences.length > 0) this.#region.textContent = sentences.join(' ')
  }
}

const listOf = (names: string[]) => (names.length > MAX_NAMES ? `${names.length} users` : list.format(names))
