/**
 * The collaborators' markers in the sheet. Only those in rendered cells are in the document.
 *
 * Several collaborators in one cell have their outlines side by side and one flag. A flag folds after a moment; in a crowded
 * sheet, flags show only on request, because they would cover the cells.
 */
import type { Collaborator } from '../client/index.ts'
import type { Cell } from './cell.ts'
import { overlap, type Place } from './cells.ts'
import { FlagTimer } from './flag-timer.ts'
import type { Grid } from './grid.ts'
import { Marker } from './marker.ts'
import { animateArrival, animateMove } from './motion.ts'
import { selectedArea } from './selection.ts'

/** With more flags than this in the visible part, they show only on hover, on focus, and while following. */
const CROWDED = 20

export class Markers {
  readonly #root: HTMLElement
  readonly #grid: Grid
  readonly #markers = new Map<string, Marker>()
  readonly #byCell = new Map<Cell, Set<Marker>>()
  readonly #unstacked = new Set<Cell>()
  readonly #flags = new FlagTimer()
  #followed: string | undefined
  #opened: Cell | undefined
  /** Whether flags show only on request. */
  isCrowded = false
  #moves = 0

  constructor(root: HTMLElement, grid: Grid) {
    this.#root = root
    this.#grid = grid
    for (const type of ['pointerover', 'focusin']) root.addEventListener(type, event => this.#openAt(event))
  }

  /** Call `finish` after the last change. */
  set(collaborator: Collaborator, isMine: boolean): void {
    const known = this.#markers.get(collaborator.user)
    const marker = known ?? new Marker(collaborator, isMine)
    this.#markers.set(collaborator.user, marker)
    const from = known?.place
    const isNews = marker.update(collaborator)
    if (isNews || !known) marker.since = ++this.#moves
    this.#place(marker)
    if (!marker.cell || (!isNews && known)) return
    this.#unstacked.add(marker.cell)
    if (this.isCrowded) return
    this.#flags.show(marker)
    if (from) animateMove(marker.element, from, marker.place as Place)
    else animateArrival(marker.element)
  }

  remove(user: string): void {
    const marker = this.#markers.get(user)
    if (marker) this.#put(marker, undefined)
    this.#markers.delete(user)
  }

  /** Places all markers again, because other cells are rendered. */
  refresh(): void {
    for (const marker of this.#markers.values()) this.#place(marker)
    this.finish()
  }

  finish(): void {
    if (this.#grid.pin(this.#pins)) for (const marker of this.#markers.values()) this.#place(marker)
    const isCrowded = this.#byCell.size > CROWDED
    if (isCrowded !== this.isCrowded) {
      this.isCrowded = isCrowded
      this.#root.classList.toggle('crowded', isCrowded)
      for (const cell of this.#byCell.keys()) this.#unstacked.add(cell)
    }
    for (const cell of this.#unstacked) this.#stack(cell)
    this.#unstacked.clear()
  }

  setIdle(user: string, isIdle: boolean): void {
    this.#markers.get(user)?.toggle('idle', isIdle)
  }

  /** Keeps the flag of this collaborator open. */
  follow(user: string | undefined): void {
    for (const each of [this.#followed, user]) {
      const marker = each === undefined ? undefined : this.#markers.get(each)
      marker?.toggle('followed', each === user)
      if (marker?.cell) this.#unstacked.add(marker.cell)
    }
    this.#followed = user
    this.finish()
  }

  /** Opens the flag of the cell with the pointer or the focus. In a crowded sheet, other cells show no flag. */
  #openAt({ target }: Event): void {
    const element = (target as Element).closest<HTMLElement>('[role=gridcell]')
    const cell = [...this.#byCell.keys()].find(each => each.element === element)
    for (const each of [this.#opened, cell]) if (each) this.#unstacked.add(each)
    this.#opened = cell
    if (this.isCrowded) this.finish()
  }

  /** The range's first cell stays in the document while a part of the range is visible. */
  get #pins(): Place[] {
    const { rendered } = this.#grid.viewport
    return [...this.#markers.values()].flatMap(({ selection, place }) => {
      const area = selection.to && selectedArea(selection)
      return place && area && overlap(area, rendered) ? [place] : []
    })
  }

  #place(marker: Marker): void {
    this.#put(marker, this.#grid.cellAt(marker.selection.at))
    if (marker.cell) marker.outline(this.#grid.viewport)
  }

  #put(marker: Marker, cell: Cell | undefined): void {
    const before = marker.cell
    if (before === cell) return
    marker.cell = cell
    if (before) {
      const others = this.#byCell.get(before)
      others?.delete(marker)
      if (others?.size === 0) this.#byCell.delete(before)
      this.#unstacked.add(before)
    }
    if (!cell) return marker.element.remove()
    const others = this.#byCell.get(cell) ?? new Set()
    this.#byCell.set(cell, others.add(marker))
    this.#unstacked.add(cell)
    cell.element.append(marker.element)
  }

  /**
   * Sorts the markers of a cell: first the followed collaborator, then the others by their last change, the latest
   * first. The user's own marker is last, because the user knows their own cell.
   */
  #stack(cell: Cell): void {
    const markers = [...(this.#byCell.get(cell) ?? [])]
    if (markers.length === 0) this.#grid.release(cell)
    const followed = this.#markers.get(this.#followed ?? '')
    const rankOf = (marker: Marker) => (marker === followed ? 0 : marker.isMine ? 2 : 1)
    const sorted = markers.sort((a, b) => rankOf(a) - rankOf(b) || b.since - a.since)
    const isOpen = !this.isCrowded || cell === this.#opened || sorted[0] === followed
    for (const [slot, marker] of sorted.entries()) marker.stack(slot, sorted.length, isOpen)
    // An outline in its own cell needs no layer above the others, and in a busy room hundreds of layers are slow.
    const hasMore = sorted.length > 1 || sorted.some(({ selection }) => selection.to)
    cell.isRaised = sorted.length > 0 && (isOpen || hasMore)
    const names = sorted.map(({ name, selection }) => (selection.isEditing ? `${name} is editing` : name))
    // As the flag says it.
    cell.people = sorted.length > 1 ? [`+${sorted.length - 1}`, ...names] : names
  }
}
