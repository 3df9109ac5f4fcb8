/**
 * The state of the connection in words, the reasons for a trouble, and a button to try again.
 */
import type { ColocateError, RoomStatus, Transport } from '../client/index.ts'
import { byId } from './elements.ts'

const WORDS = {
  connecting: 'Connecting…',
  live: 'Live',
  reconnecting: 'Connection lost, trying again…',
  offline: 'Offline',
}

/** Each cause has its own text in the notice, so clearing one cause keeps the others' texts. */
type Cause = 'offline' | 'move' | 'polling'

export class ConnectionView {
  readonly #notices: Partial<Record<Cause, string | undefined>> = {}
  readonly #serverUrl: URL

  constructor(serverUrl: URL, onRetry: () => void) {
    this.#serverUrl = serverUrl
    byId('retry').addEventListener('click', onRetry)
  }

  showStatus(status: RoomStatus, error?: ColocateError): void {
    const shown = status === 'closed' ? 'offline' : status
    const element = byId('status')
    element.dataset.status = shown
    element.textContent = WORDS[shown]
    this.#set('offline', error?.detail)
    const retry = byId('retry')
    // A hidden button loses the focus.
    if (document.activeElement === retry && shown === 'live') byId('here').focus()
    retry.hidden = shown !== 'offline' && shown !== 'reconnecting'
    this.#showBox()
  }

  showTransport(transport: Transport): void {
    const hint = `A proxy between this page and the server holds event streams back, so changes arrive only every 5 seconds. To find the cause, run: colocate doctor ${this.#serverUrl.href}`
    this.#set('polling', transport === 'polling' ? hint : undefined)
  }

  /** `undefined`: the last move was published. */
  showRefusedMove(error: ColocateError | undefined): void {
    this.#set('move', error && `Your move was not published: ${error.detail}`)
  }

  #set(cause: Cause, detail: string | undefined): void {
    this.#notices[cause] = detail
    const { offline, move, polling } = this.#notices
    const text = [offline, move, polling].filter(Boolean).join(' ')
    const notice = byId('notice')
    notice.hidden = text === ''
    if (notice.textContent !== text) notice.textContent = text
    this.#showBox()
  }

  #showBox(): void {
    byId('trouble').hidden = byId('notice').hidden && byId('retry').hidden
  }
}
