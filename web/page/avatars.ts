/**
 * The first few collaborators as round buttons with initials. A click follows the collaborator.
 */
import type { Collaborator } from '../client/index.ts'
import { safeColor, textColorOn } from './colors.ts'
import { element } from './elements.ts'

const MAX_SHOWN = 5

interface Avatar {
  button: HTMLElement
  looks: string
}

export class Avatars {
  readonly #root: HTMLElement
  readonly #onPick: (user: string) => void
  readonly #avatars = new Map<string, Avatar>()
  readonly #more = element('span', { class: 'avatar-more' })

  constructor(root: HTMLElement, onPick: (user: string) => void) {
    this.#root = root
    this.#onPick = onPick
    root.setAttribute('role', 'group')
    root.setAttribute('aria-label', 'Follow a user')
    root.append(this.#more)
  }

  /** `others` in the order in which they came. */
  show(others: readonly Collaborator[], followed: string | undefined): void {
    const shown = others.slice(0, MAX_SHOWN)
    const isFollowedShown = shown.some(({ user }) => user === followed)
    const other = isFollowedShown ? undefined : others.find(({ user }) => user === followed)
    if (other) shown.splice(-1, 1, other)
    const users = new Set(shown.map(({ user }) => user))
    for (const [user, { button }] of this.#avatars) {
      if (users.has(user)) continue
      button.remove()
      this.#avatars.delete(user)
    }
    for (const collaborator of shown) this.#set(collaborator, collaborator.user === followed)
    const more = others.length - shown.length
    this.#more.textContent = more > 0 ? `+${more}` : ''
  }

  setIdle(user: string, isIdle: boolean): void {
    this.#avatars.get(user)?.button.classList.toggle('idle', isIdle)
  }

  #set({ user, name, color }: Collaborator, isFollowed: boolean): void {
    const avatar = this.#avatars.get(user) ?? this.#add(user)
    const looks = `${isFollowed} ${color} ${name}`
    if (avatar.looks === looks) return
    avatar.looks = looks
    const { button } = avatar
    // By the stylesheet, because they are not the button's name.
    button.dataset.initials = initialsOf(name)
    button.title = `Follow ${name}`
    button.setAttribute('aria-label', `Follow ${name}`)
    button.setAttribute('aria-pressed', String(isFollowed))
    button.style.setProperty('--color', safeColor(color))
    button.style.setProperty('--ink', textColorOn(color))
  }

  #add(user: string): Avatar {
    const button = element('button', { type: 'button', class: 'avatar', 'data-avatar': user })
    button.addEventListener('click', () => this.#onPick(user))
    this.#root.insertBefore(button, this.#more)
    const avatar = { button, looks: '' }
    this.#avatars.set(user, avatar)
    return avatar
  }
}

/** The first letters of the first and the last word. */
function initialsOf(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean)
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map(word => [...(word ?? '')][0])
  return letters.join('').toUpperCase() || ([...name][0] ?? '')
}
