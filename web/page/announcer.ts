/**
 * Says aloud, for those who listen rather than look, who came and who left; not every move.
 */
const NAMED_MAX = 3

const list = new Intl.ListFormat('en', { type: 'conjunction' })

export class Announcer {
  readonly #region: HTMLElement
  #joined: string[] = []
  #left: string[] = []
  #entered = false

  constructor(region: HTMLElement) {
    this.#region = region
  }

  join(name: string): void {
    this.#joined.push(name)
  }

  leave(name: string): void {
    this.#left.push(name)
  }

  /** One sentence for all that came together. Those who are here when I come did not join just now. */
  say(here: number): void {
    const sentences: string[] = []
    if (!this.#entered && here > 0) sentences.push(here === 1 ? 'Only you are here.' : `${here} people are here.`)
    else {
      if (this.#joined.length > 0) sentences.push(`${who(this.#joined)} joined.`)
      if (this.#left.length > 0) sentences.push(`${who(this.#left)} left.`)
    }
    this.#entered ||= here > 0
    this.#joined = []
    this.#left = []
    if (sentences.length > 0) this.#region.textContent = sentences.join(' ')
  }
}

const who = (names: string[]) => (names.length > NAMED_MAX ? `${names.length} people` : list.format(names))
