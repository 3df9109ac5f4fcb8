/**
 * Following a collaborator: the visible part of the sheet goes where they go, until the user moves.
 */
import type { Collaborator } from '../client/index.ts'
import type { Announcer } from './announcer.ts'
import { cellOf } from './cells.ts'
import { byId, prefersReducedMotion } from './elements.ts'
import type { Grid } from './grid.ts'
import { flash } from './motion.ts'
import { selectionName, selectionOf } from './selection.ts'

export interface FollowerOptions {
  scroller: HTMLElement
  grid: Grid
  announcer: Announcer
  onChange(user: string | undefined): void
}

export class Follower {
  readonly #options: FollowerOptions
  #user: string | undefined
  #place = ''
  #name = ''

  constructor(options: FollowerOptions) {
    this.#options = options
    // Only the user's own scrolling sends these events. The page's scrolling does not.
    for (const type of ['wheel', 'touchmove', 'pointerdown'])
      options.scroller.addEventListener(type, () => this.stop(), { passive: true })
    byId('unfollow').addEventListener('click', () => {
      this.stop()
      options.grid.focus()
    })
  }

  get user(): string | undefined {
    return this.#user
  }

  /** Follows a collaborator. Again for the same one: stops. */
  toggle(collaborator: Collaborator): void {
    const isSame = collaborator.user === this.#user
    this.stop()
    if (isSame) return
    this.#user = collaborator.user
    this.#options.onChange(collaborator.user)
    this.see(collaborator)
  }

  stop(): void {
    if (this.#user === undefined) return
    this.#user = undefined
    this.#place = ''
    this.#name = ''
    byId('following').hidden = true
    this.#options.onChange(undefined)
  }

  /** The followed collaborator has moved or has another name. */
  see(collaborator: Collaborator): void {
    if (collaborator.user !== this.#user) return
    const place = selectionName(selectionOf(collaborator))
    if (place === this.#place && collaborator.name === this.#name) return
    this.#place = place
    this.#name = collaborator.name
    byId('followed').textContent = collaborator.name
    byId('following').hidden = false
    this.#options.announcer.follow(collaborator.name, place)
    this.reveal(collaborator)
  }

  /** Scrolls to a collaborator once. */
  reveal(collaborator: Collaborator): void {
    const { grid, scroller } = this.#options
    const cell = cellOf(collaborator)
    if (!cell) return
    // On a low screen, the sheet itself may be out of view.
    scroller.scrollIntoView({ block: 'nearest' })
    grid.viewport.reveal(cell, { isCentered: true, isSmooth: !prefersReducedMotion() })
    const found = grid.cellAt(cell)?.element
    if (found) flash(found)
  }
}
