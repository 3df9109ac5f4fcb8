/** A fake EventSource and a fake fetch that a test controls. */
import { jest } from '@jest/globals'

export class FakeSource {
  static opened: FakeSource[] = []
  static get last(): FakeSource {
    const last = FakeSource.opened.at(-1)
    if (!last) throw new Error('the client has not opened an event source')
    return last
  }

  readonly url: string
  readyState = 0
  onmessage: ((message: MessageEvent) => void) | null = null
  onerror: ((event: Event) => void) | null = null
  #lastEventId = ''

  constructor(url: string) {
    this.url = url
    FakeSource.opened.push(this)
  }

  close(): void {
    this.readyState = 2
  }

  /**
   * Dispatches a message. By default it repeats the last event id, as the HTML standard specifies for an event without
   * one.
   */
  emit(data: unknown, id = this.#lastEventId): void {
    if (this.readyState === 2) return
    this.readyState = 1
    this.#lastEventId = id
    const text = typeof data === 'string' ? data : JSON.stringify(data)
    this.onmessage?.({ data: text, lastEventId: id } as MessageEvent)
  }

  /**
   * `reconnecting`: the source retries by itself. `closed`: the response had a status other than 200, which is final.
   */
  fail(state: 'reconnecting' | 'closed'): void {
    this.readyState = state === 'closed' ? 2 : 0
    this.onerror?.(new Event('error'))
  }
}

export const EventSource = FakeSource as unknown as typeof globalThis.EventSource

export const snapshot = (...locations: object[]) => ({ type: 'snapshot', reason: 'joined', locations })

/** A `fetch` that returns the response of `route`. Undefined is a network error. */
export function fakeFetch(route: (url: string, init: RequestInit) => Response | undefined) {
  return jest.fn(async (url: unknown, init: RequestInit = {}) => {
    const response = route(String(url), init)
    if (!response) throw new TypeError('Failed to fetch')
    return response
  }) as unknown as jest.MockedFunction<typeof globalThis.fetch>
}

export const problem = (status: number, detail: string, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ title: 'Problem', status, detail }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  })
