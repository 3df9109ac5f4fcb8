/**
 * The user's name, which they can change in place.
 *
 * The page keeps a new name: in the URL if the URL says who the user is, else in the browser for every tab of the anonymous
 * user.
 */
const STORAGE_KEY = 'colocate name'
const MAX_LENGTH = 64

export interface NameFieldOptions {
  /** Whether the URL has a user or a name. */
  isNamedByUrl: boolean
  onRename(name: string): void
}

export class NameField {
  readonly #input: HTMLInputElement
  readonly #options: NameFieldOptions
  /** The name in the room's log. */
  #name = ''

  constructor(input: HTMLInputElement, options: NameFieldOptions) {
    this.#input = input
    this.#options = options
    input.maxLength = MAX_LENGTH
    input.addEventListener('change', () => this.#rename())
    input.addEventListener('focus', () => input.select())
    input.addEventListener('keydown', event => {
      if (event.isComposing) return
      if (event.key === 'Escape') input.value = this.#name
      if (event.key === 'Enter' || event.key === 'Escape') input.blur()
    })
    addEventListener('storage', ({ key, newValue }) => {
      if (key === STORAGE_KEY && newValue && !options.isNamedByUrl) options.onRename(newValue)
    })
  }

  /** The name that the anonymous user has chosen in this browser. */
  static stored(): string | undefined {
    try {
      return localStorage.getItem(STORAGE_KEY) ?? undefined
    } catch {
      return undefined
    }
  }

  show(name: string): void {
    if (name === this.#name) return
    this.#name = name
    if (this.#input !== document.activeElement) this.#input.value = name
  }

  #rename(): void {
    const name = this.#input.value.trim()
    if (name === '' || name === this.#name) {
      this.#input.value = this.#name
      return
    }
    this.#options.onRename(name)
    try {
      if (!this.#options.isNamedByUrl) localStorage.setItem(STORAGE_KEY, name)
    } catch {}
    if (!this.#options.isNamedByUrl) return
    const url = new URL(location.href)
    url.searchParams.set('name', name)
    history.replaceState(history.state, '', url)
  }
}
