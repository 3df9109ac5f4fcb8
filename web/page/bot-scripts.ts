/**
 * What the two bots do, over and over.
 */
import type { Place } from './cells.ts'

/** The ids of bots begin so, whichever tab runs them. */
export const PREFIX = 'bot-'

export interface Step extends Place {
  to?: Place
  editing?: boolean
  /** How long the bot stays. */
  ms: number
}

export interface Script {
  user: string
  name: string
  color: string
  steps: Step[]
}

export const ADA: Script = {
  user: `${PREFIX}ada`,
  name: 'Ada (bot)',
  color: '#d6336c',
  steps: [
    { x: 2, y: 4, ms: 1800 },
    { x: 3, y: 4, ms: 1200 },
    { x: 3, y: 4, editing: true, ms: 3200 },
    { x: 3, y: 5, ms: 1400 },
    { x: 3, y: 7, ms: 1600 },
    { x: 4, y: 7, ms: 2600 },
    { x: 1, y: 6, ms: 2200 },
  ],
}

export const MAX: Script = {
  user: `${PREFIX}max`,
  name: 'Max (bot)',
  color: '#0c8599',
  steps: [
    { x: 1, y: 8, ms: 1500 },
    { x: 2, y: 3, ms: 1200 },
    { x: 2, y: 3, to: { x: 2, y: 6 }, ms: 700 },
    { x: 2, y: 3, to: { x: 3, y: 9 }, ms: 3600 },
    { x: 2, y: 10, ms: 2400 },
    { x: 0, y: 9, ms: 2000 },
  ],
}
