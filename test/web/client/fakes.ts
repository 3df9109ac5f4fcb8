/** An event source and a server that do what a test says. */
import { jest } from '@jest/globals'

export class FakeSource {
  static opened: FakeSource[] = []
  static get last(): FakeSource {
    const last = FakeSource.opened.at(-1)
    if (!last) throw new Error('no event source was opened')
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

  /** As the HTML standard has it, an event without an id carries the last one that there was. */
  say(data: unknown, id = this.#lastEventId): void {
    if (this.readyState === 2) return
    this.readyState = 1
    this.#lastEventId = id
    const text = typeof data === 'string' ? data : JSON.stringify(data)
    this.onmessage?.({ data: text, lastEventId: id } as MessageEvent)
  }

  /** `dead`: the answer had another status than 200, and the source gives up. */
  fail(how: 'pause' | 'dead'): void {
    this.readyState = how === 'dead' ? 2 : 0
    this.onerror?.(new Event('error'))
  }
}

export const EventSource = FakeSource as unknown as typeof globalThis.EventSource

export const snapshot = (...locations: object[]) => ({ type: 'snapshot', reason: 'joined', locations })

/** A `fetch` that answers as `route` says; undefined is a network error. */
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
