/**
 * Tells in one line, which is a live region for screen readers, who came, who left, and where the followed collaborator is.
 * A busy room must not interrupt the user all the time, so the line changes at most once in 5 seconds.
 */
const PAUSE_MS = 5000
const MAX_NAMES = 3

const list = new Intl.ListFormat('en', { type: 'conjunction' })

export class Announcer {
  readonly #region: HTMLElement
  #joined = new Map<string, string>()
  #left = new Map<string, string>()
  #followed = ''
  #size: number | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(region: HTMLElement) {
    this.#region = region
  }

  /** The first announcement is only how many users are in the room. */
  enter(userCount: number): void {
    this.#size = userCount
    this.#joined.clear()
    this.#announceSoon()
  }

  join(user: string, name: string): void {
    if (!this.#left.delete(user)) this.#joined.set(user, name)
    this.#announceSoon()
  }

  leave(user: string, name: string): void {
    if (!this.#joined.delete(user)) this.#left.set(user, name)
    this.#announceSoon()
  }

  /** Only the latest place is announced. */
  follow(name: string, place: string): void {
    this.#followed = `${name} is in ${place}.`
    this.#announceSoon()
  }

  #announceSoon(): void {
    if (this.#timer !== undefined) return
    // At once, but together with what else has changed.
    this.#timer = setTimeout(() => this.#announce())
  }

  #announce(): void {
    const sentences = [
      sizeOf(this.#size),
      changeOf(this.#joined, 'joined'),
      changeOf(this.#left, 'left'),
      this.#followed,
    ]
    const text = sentences.filter(Boolean).join(' ')
    this.#size = undefined
    this.#joined.clear()
    this.#left.clear()
    this.#followed = ''
    this.#timer = undefined
    if (text === '') return
    this.#region.textContent = text
    this.#timer = setTimeout(() => this.#announce(), PAUSE_MS)
  }
}

function sizeOf(userCount: number | undefined): string {
  if (userCount === undefined) return ''
  return userCount === 1 ? 'You are the only user in this room.' : `${userCount} users are in this room.`
}

function changeOf(users: Map<string, string>, verb: string): string {
  const names = [...users.values()]
  if (names.length === 0) return ''
  return `${names.length > MAX_NAMES ? `${names.length} users` : list.format(names)} ${verb}.`
}
