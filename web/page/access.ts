/**
 * The access token, where the server requires one: from the page's URL, else from the user.
 *
 * The token is removed from the address bar, because people share what is there. The tab keeps it for a reload.
 */
import type { TokenRequest } from '../client/index.ts'
import { byId } from './elements.ts'

const STORAGE_KEY = 'colocate token'

const QUESTIONS: Record<TokenRequest['reason'], string> = {
  start: 'This room requires an access token.',
  expiring: 'Your access token expires now. Enter a new one to stay in the room.',
  refused: 'Your access token has expired or is not valid. Enter a new one to go on.',
}

export class Access {
  #asking: Promise<string> | undefined

  /** The token from the URL, or from before a reload. */
  take(fromUrl: string | undefined): string | undefined {
    if (fromUrl === undefined) return stored()
    store(fromUrl)
    const url = new URL(location.href)
    url.searchParams.delete('access_token')
    history.replaceState(history.state, '', url)
    return fromUrl
  }

  /** Asks the user. Several calls at once ask one question. */
  ask(reason: TokenRequest['reason']): Promise<string> {
    byId('access-reason').textContent = QUESTIONS[reason]
    this.#asking ??= this.#show().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  #show(): Promise<string> {
    const form = byId('access') as HTMLFormElement
    const field = byId('token') as HTMLInputElement
    form.hidden = false
    return new Promise(resolve => {
      form.onsubmit = event => {
        event.preventDefault()
        const token = field.value.trim()
        if (token === '') return
        field.value = ''
        form.hidden = true
        store(token)
        resolve(token)
      }
    })
  }
}

function stored(): string | undefined {
  try {
    return sessionStorage.getItem(STORAGE_KEY) ?? undefined
  } catch {
    return undefined
  }
}

function store(token: string): void {
  try {
    sessionStorage.setItem(STORAGE_KEY, token)
  } catch {}
}
