/**
 * The text field in the cell that the user edits. The text stays in this tab: Colocate tells others only that the user edits.
 */
import type { Cell } from './cell.ts'
import { cellName } from './cells.ts'
import { element } from './elements.ts'

/** Where the selection goes after an edit. */
export interface EditEnd {
  /** Undefined: the edit was cancelled. */
  text: string | undefined
  dx: number
  dy: number
}

export class Editor {
  readonly #onEnd: (cell: Cell, end: EditEnd) => void
  readonly #hintId: string
  #cell: Cell | undefined
  #input: HTMLInputElement | undefined

  /** `hintId` is the element that says where the text stays. */
  constructor(hintId: string, onEnd: (cell: Cell, end: EditEnd) => void) {
    this.#hintId = hintId
    this.#onEnd = onEnd
  }

  get isActive(): boolean {
    return this.#input !== undefined
  }

  /**
   * A key press that starts the edit is typed into the field, because the field has the focus before the character
   * arrives.
   */
  start(cell: Cell, text: string): void {
    if (this.#input) return
    const input = element('input', {
      class: 'editor',
      'aria-label': `Text of ${cellName(cell.place)}`,
      'aria-describedby': this.#hintId,
      autocomplete: 'off',
      maxlength: '200',
    }) as HTMLInputElement
    input.value = text
    this.#cell = cell
    this.#input = input
    input.addEventListener('keydown', event => this.#onKey(event))
    input.addEventListener('blur', () => this.commit())
    cell.element.append(input)
    input.focus({ preventScroll: true })
  }

  commit(dx = 0, dy = 0): void {
    this.#end({ text: this.#input?.value, dx, dy })
  }

  #onKey(event: KeyboardEvent): void {
    // Keys of an input method belong to it.
    if (event.isComposing) return
    const back = event.shiftKey ? -1 : 1
    if (event.key === 'Enter') this.commit(0, back)
    else if (event.key === 'Tab') this.commit(back, 0)
    else if (event.key === 'Escape') this.#end({ text: undefined, dx: 0, dy: 0 })
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  #end(end: EditEnd): void {
    const [cell, input] = [this.#cell, this.#input]
    if (!cell || !input) return
    // Before the field is removed, because its removal is a blur.
    this.#cell = undefined
    this.#input = undefined
    this.#onEnd(cell, end)
    input.remove()
  }
}
