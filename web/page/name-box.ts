/**
 * The box above the sheet that names the selected cell or range. The user can type another name and press Enter to go there.
 */
import { type Place, parseCells } from './cells.ts'

export class NameBox {
  readonly #input: HTMLInputElement
  #name = ''

  constructor(input: HTMLInputElement, onPick: (from: Place, to: Place) => void) {
    this.#input = input
    input.addEventListener('focus', () => input.select())
    input.addEventListener('blur', () => this.#reset())
    input.addEventListener('input', () => input.removeAttribute('aria-invalid'))
    input.addEventListener('keydown', event => {
      if (event.isComposing) return
      if (event.key === 'Escape') input.blur()
      if (event.key !== 'Enter') return
      const cells = parseCells(input.value)
      if (cells) onPick(cells.from, cells.to)
      else input.setAttribute('aria-invalid', 'true')
    })
  }

  show(name: string): void {
    this.#name = name
    if (this.#input !== document.activeElement) this.#reset()
  }

  #reset(): void {
    this.#input.removeAttribute('aria-invalid')
    this.#input.value = this.#name
  }
}
