/**
 * Turns keys and pointers into the user's selection and edits.
 */
import type { Budget } from './budget.ts'
import type { Cell } from './cell.ts'
import { cellOf, clampToSheet, type Place } from './cells.ts'
import { type EditEnd, Editor } from './editor.ts'
import type { Grid } from './grid.ts'
import { targetOf } from './keys.ts'
import { watchPointer } from './pointer.ts'
import { isSameSelection, type Selection } from './selection.ts'

export interface ControlOptions {
  root: HTMLElement
  grid: Grid
  content: Budget
  hintId: string
  selection: Selection
  /** The user selected something else, or started or ended an edit. */
  onSelect(selection: Selection): void
  /** The user pressed Escape, and there was nothing else to end. */
  onEscape(): void
}

export class Controls {
  readonly #options: ControlOptions
  readonly #grid: Grid
  readonly #editor: Editor
  #selection: Selection

  constructor(options: ControlOptions) {
    const { root, grid, hintId, selection } = options
    this.#options = options
    this.#grid = grid
    this.#selection = { ...selection, isEditing: false }
    this.#editor = new Editor(hintId, (cell, end) => this.#onEditEnd(cell, end))
    grid.select(this.#selection)
    watchPointer(root, grid, {
      onMove: place => this.move(place),
      onExtend: place => this.extend(place),
      onEdit: () => this.#edit(),
    })
    document.addEventListener('keydown', event => {
      const isForSheet = event.target === document.body || root.contains(event.target as Node)
      if (isForSheet && !event.altKey && !event.metaKey && !this.#editor.isActive) this.#onKey(event)
    })
  }

  get selection(): Selection {
    return this.#selection
  }

  move(place: Place): void {
    this.#editor.commit()
    this.#select({ at: place, to: undefined, isEditing: false })
    this.#grid.focus()
  }

  /** Selects the range from the user's cell to `to`. */
  extend(to: Place): void {
    this.#editor.commit()
    const at = cellOf(this.#selection.at) ?? to
    const isSingle = at.x === to.x && at.y === to.y
    this.#select({ at, to: isSingle ? undefined : to, isEditing: false })
    this.#grid.viewport.reveal(to)
    this.#grid.takeFocus()
  }

  /** Shows a selection that another tab of the user has published. */
  follow(selection: Selection): void {
    this.#selection = { ...selection, isEditing: false }
    this.#editor.commit()
    this.#grid.select(this.#selection)
  }

  #onKey(event: KeyboardEvent): void {
    const { at, to } = this.#selection
    const { key, ctrlKey, shiftKey } = event
    const { content, onEscape } = this.#options
    const here = cellOf(at) ?? this.#grid.current
    const target = targetOf(key, ctrlKey, {
      from: shiftKey ? (to ?? here) : here,
      page: this.#grid.viewport.pageRows,
      isFilled: place => content.isFilled(place),
    })
    if (target && shiftKey) this.extend(target)
    else if (target) this.move(target)
    else if (key === 'F2' || (key === 'Enter' && !ctrlKey)) this.#edit()
    else if (key === 'Delete' || key === 'Backspace') this.#write(here, '')
    else if (key === 'Escape' && to) this.move(here)
    else if (key === 'Escape') onEscape()
    // One character, or the first key of an input method.
    else if (!ctrlKey && ([...key].length === 1 || key === 'Process')) return this.#edit('')
    else return
    event.preventDefault()
  }

  #edit(text?: string): void {
    const cell = this.#grid.cellAt(this.#selection.at)
    if (!cell || this.#editor.isActive) return
    this.#select({ ...this.#selection, isEditing: true })
    this.#grid.viewport.reveal(cell.place)
    this.#editor.start(cell, text ?? this.#options.content.text(cell.place))
  }

  #onEditEnd({ place }: Cell, { text, dx, dy }: EditEnd): void {
    if (text !== undefined) this.#write(place, text)
    // Another tab of the user may have moved the user away meanwhile.
    if (!this.#selection.isEditing) return
    this.#select({ ...this.#selection, isEditing: false })
    if (dx !== 0 || dy !== 0) this.move(clampToSheet({ x: place.x + dx, y: place.y + dy }))
    else if (document.activeElement instanceof HTMLInputElement) this.#grid.focus()
  }

  #write(place: Place, text: string): void {
    const { content } = this.#options
    if (content.text(place) !== text) content.set(place, text)
    this.#grid.refresh()
  }

  #select(selection: Selection): void {
    const isSame = isSameSelection(selection, this.#selection)
    this.#selection = selection
    this.#grid.select(selection)
    if (!isSame) this.#options.onSelect(selection)
  }
}
