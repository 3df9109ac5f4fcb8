/**
 * Two bots that show what the sheet does, as long as the user is alone in it.
 *
 * They are ordinary clients in this page, with streams of their own. A lock lets one tab of this browser run them at a time,
 * and bots of another browser are recognized by their ids.
 */
import { type Collaborator, joinRoom, type Room } from '../client/index.ts'
import { ADA, MAX, PREFIX, type Script, type Step } from './bot-scripts.ts'
import type { Meta } from './selection.ts'

const LOCK = 'colocate bots'

export interface BotOptions {
  room: string
  url: URL
}

export class Bots {
  readonly #options: BotOptions
  #others: readonly Collaborator[] = []
  /** Ends the bots that this tab runs or is about to run. */
  #ending: AbortController | undefined

  constructor(options: BotOptions) {
    this.#options = options
    // A page that holds a lock can't enter the back/forward cache.
    addEventListener('pagehide', () => this.stop())
  }

  /** Call whenever the collaborators change, with all but the user. */
  see(others: readonly Collaborator[]): void {
    this.#others = others
    if (!others.every(isBot)) this.stop()
    else if (!this.#ending) void this.#start()
  }

  stop(): void {
    this.#ending?.abort()
    this.#ending = undefined
  }

  async #start(): Promise<void> {
    const ending = new AbortController()
    const { signal } = ending
    this.#ending = ending
    // Waits while another tab of this browser runs them. Locks need a secure context, as loopback is.
    const whenAlone = async () => {
      if (!signal.aborted && this.#others.length === 0)
        await Promise.all([ADA, MAX].map(script => this.#run(script, signal)))
    }
    await navigator.locks?.request(LOCK, { signal }, whenAlone).catch(error => {
      if (!signal.aborted) throw error
    })
    if (this.#ending === ending) this.#ending = undefined
  }

  async #run({ user, name, color, steps }: Script, signal: AbortSignal): Promise<void> {
    const { room: roomName, url } = this.#options
    const [first] = steps
    const location = first && { x: first.x, y: first.y }
    const room: Room<Meta> = joinRoom(roomName, { url, user, name, color, location, shareStream: false, signal })
    // A full room, for example, is closed to the bots.
    for (let index = 0; !signal.aborted && room.status !== 'closed'; index++) {
      const { x, y, to, editing, ms } = steps[index % steps.length] as Step
      const meta = to || editing ? { ...(to && { to }), ...(editing && { editing }) } : null
      if (!document.hidden) room.move({ x, y, meta })
      await pause(ms, signal)
    }
    await room.leave()
  }
}

/** Bots do not count as users, whichever tab runs them. */
export const isBot = ({ user }: Collaborator) => user.startsWith(PREFIX)

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
