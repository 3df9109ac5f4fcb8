/**
 * For each edge of the sheet's visible part, a button that shows who is beyond it. A click scrolls to the nearest one.
 */
import type { Collaborator } from '../client/index.ts'
import { type Area, cellOf, contains, placeName } from './cells.ts'
import { element } from './elements.ts'

const SIDES = {
  top: ['↑', 'above'],
  left: ['←', 'to the left'],
  right: ['→', 'to the right'],
  bottom: ['↓', 'below'],
} as const
type Side = keyof typeof SIDES

interface Distance {
  collaborator: Collaborator
  distance: number
}

export class Edges {
  readonly #buttons = new Map<Side, { button: HTMLElement; nearest: Collaborator | undefined; text: string }>()

  /** Calls `onPick` with the collaborator to scroll to. */
  constructor(root: HTMLElement, onPick: (user: string) => void) {
    for (const side of Object.keys(SIDES) as Side[]) {
      const button = element('button', { type: 'button', class: `edge ${side}`, 'data-edge': side })
      button.hidden = true
      button.addEventListener('click', () => {
        const { nearest } = this.#buttons.get(side) ?? {}
        if (nearest) onPick(nearest.user)
      })
      root.append(button)
      this.#buttons.set(side, { button, nearest: undefined, text: '' })
    }
  }

  show(others: readonly Collaborator[], visible: Area): void {
    const bySide: Record<Side, Distance[]> = { top: [], left: [], right: [], bottom: [] }
    for (const collaborator of others) {
      const found = sideOf(collaborator, visible)
      if (found) bySide[found.side].push({ collaborator, distance: found.distance })
    }
    for (const side of Object.keys(SIDES) as Side[]) this.#show(side, bySide[side])
  }

  #show(side: Side, people: Distance[]): void {
    const entry = this.#buttons.get(side)
    if (!entry) return
    const nearest = people.reduce<Distance | undefined>((a, b) => (a && a.distance <= b.distance ? a : b), undefined)
    entry.nearest = nearest?.collaborator
    const [arrow, where] = SIDES[side]
    const who = people.length === 1 ? nearest?.collaborator.name : `${people.length} people`
    const text = nearest ? `${arrow} ${who}` : ''
    if (text === entry.text) return
    entry.text = text
    const { button } = entry
    button.hidden = text === ''
    const at = nearest && placeName(nearest.collaborator)
    button.title = nearest ? `${who} ${where}; go to ${nearest.collaborator.name} in ${at}` : ''
    button.replaceChildren(element('span', {}, arrow), ' ', element('bdi', { dir: 'auto' }, who))
  }
}

/** The edge beyond which a collaborator is furthest away. Undefined: they are visible, or outside the sheet. */
function sideOf(collaborator: Collaborator, visible: Area): { side: Side; distance: number } | undefined {
  const cell = cellOf(collaborator)
  if (!cell || contains(visible, cell)) return undefined
  const beyond: [Side, number][] = [
    ['top', visible.top - cell.y],
    ['bottom', cell.y - visible.bottom],
    ['left', visible.left - cell.x],
    ['right', cell.x - visible.right],
  ]
  const [side, distance] = beyond.reduce((a, b) => (a[1] >= b[1] ? a : b))
  return { side, distance }
}
