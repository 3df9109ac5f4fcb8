/**
 * Shows the collaborators of a room in every part of the page: list, avatars, sheet, edges and announcements.
 */
import type { Collaborator, Room } from '../client/index.ts'
import { Announcer } from './announcer.ts'
import { Avatars } from './avatars.ts'
import { Edges } from './edges.ts'
import { byId } from './elements.ts'
import { Follower } from './follower.ts'
import type { Grid } from './grid.ts'
import { IdleWatch } from './idle.ts'
import { Markers } from './markers.ts'
import { Roster } from './roster.ts'
import type { Meta } from './selection.ts'

/** The page still shows a collaborator for so long after their page has closed: after a reload it is back at once. */
const LINGER_MS = 1500
/** The maximum number of changes in one rendering. With more, users would notice the delay. */
const MAX_CHANGES = 40
const IDLE_CHECK_MS = 5000

export interface PeopleOptions {
  root: HTMLElement
  scroller: HTMLElement
  grid: Grid
  /** Shows the user's own selection. */
  onFindSelf(): void
  renderSoon(): void
}

export class People {
  readonly follower: Follower
  readonly #options: PeopleOptions
  readonly #markers: Markers
  readonly #roster: Roster
  readonly #avatars: Avatars
  readonly #edges: Edges
  readonly #announcer = new Announcer(byId('news'))
  readonly #idle: IdleWatch
  readonly #shown = new Map<string, Collaborator>()
  /** Who is in the room, as it was announced. */
  readonly #known = new Set<string>()
  /** Until when a collaborator who has left is still shown. */
  readonly #lingering = new Map<string, number>()
  /** The collaborators whose latest change is not shown yet, the longest waiting first. */
  readonly #changed = new Set<string>()
  #others: readonly Collaborator[] = []
  #me: string | undefined

  constructor(options: PeopleOptions) {
    const { root, scroller, grid } = options
    this.#options = options
    const pick = (user: string) => this.#pick(user)
    this.#markers = new Markers(root, grid)
    this.#roster = new Roster(byId('roster'), pick)
    this.#avatars = new Avatars(byId('avatars'), pick)
    this.#edges = new Edges(byId('edges'), user => this.#scrollTo(user))
    this.#idle = new IdleWatch((user, isIdle) => {
      for (const part of [this.#markers, this.#roster, this.#avatars]) part.setIdle(user, isIdle)
    })
    setInterval(() => this.#idle.check(), IDLE_CHECK_MS)
    this.follower = new Follower({
      scroller,
      grid,
      announcer: this.#announcer,
      onChange: user => {
        this.#markers.follow(user)
        this.#roster.follow(user)
        this.#avatars.show(this.#others, user)
      },
    })
  }

  /** A collaborator has left. */
  linger(user: string): void {
    this.#lingering.set(user, Date.now() + LINGER_MS)
    setTimeout(this.#options.renderSoon, LINGER_MS)
  }

  get isCrowded(): boolean {
    return this.#markers.isCrowded
  }

  /** Shows what has changed since the last call; in a busy room, the rest in the next frames. */
  show({ self, others }: Room<Meta>): void {
    this.#me = self?.user
    // An anonymous user has no id before the server's first answer.
    const present = new Map(others.concat(self?.user ? self : []).map(each => [each.user, each]))
    for (const collaborator of present.values())
      if (this.#shown.get(collaborator.user) !== collaborator) this.#changed.add(collaborator.user)
    this.#setChanged(present)
    this.#announce(present)
    for (const user of this.#shown.keys())
      if (!present.has(user) && !((this.#lingering.get(user) ?? 0) > Date.now())) this.#remove(user)
    this.#others = [...this.#shown.values()].filter(({ user }) => user !== this.#me)
    this.#markers.finish()
    this.#roster.sort()
    this.#avatars.show(this.#others, this.follower.user)
    this.#edges.show(this.#others, this.#options.grid.viewport.visible)
    byId('count').textContent = String(this.#roster.size)
  }

  #announce(present: Map<string, Collaborator>): void {
    if (this.#known.size === 0 && present.size > 0) this.#announcer.enter(present.size)
    else for (const { user, name } of present.values()) if (!this.#known.has(user)) this.#announcer.join(user, name)
    for (const user of present.keys()) this.#known.add(user)
  }

  /** Shows the longest waiting changes first, so that the changes of every collaborator are shown. */
  #setChanged(present: Map<string, Collaborator>): void {
    const users = [this.#me ?? '', this.follower.user ?? '', ...this.#changed].filter(user => this.#changed.has(user))
    for (const user of new Set(users.slice(0, MAX_CHANGES))) {
      const collaborator = present.get(user)
      if (collaborator) this.#set(collaborator)
      this.#changed.delete(user)
    }
    if (this.#changed.size > 0) this.#options.renderSoon()
  }

  /** Other cells are rendered. */
  refresh(): void {
    this.#markers.refresh()
    this.#edges.show(this.#others, this.#options.grid.viewport.visible)
  }

  #set(collaborator: Collaborator): void {
    const { user } = collaborator
    const isMine = user === this.#me
    this.#shown.set(user, collaborator)
    this.#markers.set(collaborator, isMine)
    this.#roster.set(collaborator, isMine)
    // The user is never idle on their own page, and cannot follow themselves.
    if (isMine) return
    this.#idle.see(collaborator)
    this.follower.see(collaborator)
  }

  #remove(user: string): void {
    this.#announcer.leave(user, this.#shown.get(user)?.name ?? user)
    for (const part of [this.#markers, this.#roster, this.#idle]) part.remove(user)
    this.#lingering.delete(user)
    this.#shown.delete(user)
    this.#known.delete(user)
    this.#changed.delete(user)
    if (this.follower.user === user) this.follower.stop()
  }

  #pick(user: string): void {
    const collaborator = this.#shown.get(user)
    if (!collaborator) return
    // After a click, the sheet gets the focus for the next arrow key. With the keyboard, the button keeps it.
    if (!document.activeElement?.matches(':focus-visible')) this.#options.grid.takeFocus()
    if (user !== this.#me) return this.follower.toggle(collaborator)
    this.follower.stop()
    this.#options.onFindSelf()
  }

  #scrollTo(user: string): void {
    const collaborator = this.#shown.get(user)
    this.follower.stop()
    if (collaborator) this.follower.reveal(collaborator)
  }
}
