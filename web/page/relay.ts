/**
 * The relay's page: a question, and the answer as it arrives.
 *
 * A POST begins a run; whoever reads it, this page before and after a reload, reads it by GET from its first event on.
 */
import { backoffMs, isFinal, json, refusalOf } from '../client/index.ts'
import { byId } from './elements.ts'

type Status = 'idle' | 'asking' | 'answering' | 'reconnecting' | 'done' | 'stopped' | 'failed'

/** What this tab asked last. */
interface Asked {
  prompt: string
  /** The run's id. */
  run: string
}

/** An answer's piece, as OpenAI and the demonstration have it. */
interface Piece {
  choices?: { delta?: { content?: string } }[]
}

const KEY = 'colocate relay'
const AGAIN_MIN_MS = 1000
const AGAIN_MAX_MS = 15_000
/** The page may be served below some path. */
const at = (path: string) => new URL(path, document.baseURI).href
const prompt = byId('prompt') as HTMLInputElement
const send = byId('send')
const answer = byId('answer')
let run: string | undefined
let source: EventSource | undefined
let failures = 0

byId('ask').addEventListener('submit', event => {
  event.preventDefault()
  if (send.ariaDisabled !== 'true') void ask(prompt.value)
})
byId('stop').addEventListener('click', () => void stop())

const last = remembered()
if (last) {
  prompt.value = last.prompt
  show('answering')
  read(last.run)
}

async function ask(question: string): Promise<void> {
  leave()
  answer.textContent = ''
  // Not `disabled`, which would take the focus away from it.
  send.ariaDisabled = 'true'
  show('asking')
  try {
    const { targetUrl } = await answered<{ targetUrl: string }>(fetch(at('demonstration')))
    const body = { messages: [{ role: 'user', content: question }], stream: true }
    const hangUp = new AbortController()
    const response = await fetch(at('forward-sse'), { ...json({ targetUrl, body }), signal: hangUp.signal })
    if (!response.ok) throw new Error((await refusalOf(response)).detail)
    const begun = response.headers.get('location')?.split('/').at(-1) ?? ''
    // The run is the log's from here on.
    hangUp.abort()
    remember({ prompt: question, run: begun })
    show('answering')
    read(begun)
  } catch (error) {
    show('failed', error instanceof TypeError ? 'The server cannot be reached.' : (error as Error).message)
  }
  send.ariaDisabled = 'false'
}

async function answered<T>(asked: Promise<Response>): Promise<T> {
  const response = await asked
  if (response.status === 404) throw new Error('This server has no demonstration: it has it in open mode alone.')
  if (!response.ok) throw new Error((await refusalOf(response)).detail)
  return (await response.json()) as T
}

/** From its first event on; what was read before stays until that is here. */
function read(id: string): void {
  const reading = new EventSource(at(`forward-sse/${id}`))
  let lastEventId = ''
  run = id
  source = reading
  reading.addEventListener('message', () => answer.replaceChildren(), { once: true })
  reading.onmessage = message => {
    failures = 0
    lastEventId = message.lastEventId
    if (message.data === '[DONE]') end('done')
    else answer.append((JSON.parse(message.data) as Piece).choices?.[0]?.delta?.content ?? '')
  }
  reading.addEventListener('relay-error', ({ data }) => end('failed', (JSON.parse(data) as { detail: string }).detail))
  reading.onopen = () => show('answering')
  reading.onerror = () => {
    show('reconnecting')
    // Any other state is a pause after which the source comes back by itself.
    if (reading.readyState === EventSource.CLOSED) void learnWhy(reading, id, lastEventId)
  }
}

/** A source is closed for good by any status but 200, and hides which. Whoever asks the same sees it. */
async function learnWhy(reading: EventSource, id: string, lastEventId: string): Promise<void> {
  const waitMs = backoffMs(failures++, AGAIN_MIN_MS, AGAIN_MAX_MS)
  const headers = { accept: 'text/event-stream', 'last-event-id': lastEventId }
  const hangUp = new AbortController()
  const asked = fetch(at(`forward-sse/${id}`), { headers, signal: hangUp.signal })
  const response = await asked.catch(() => undefined)
  const isRefused = response && (isFinal(response) || response.status === 404)
  const refusal = isRefused ? await refusalOf(response) : undefined
  hangUp.abort()
  // Meanwhile it may have been stopped, or something else asked.
  if (reading !== source) return
  // Over, with neither its last event nor an error: so ends only what was stopped.
  if (response?.status === 204) end('stopped')
  else if (refusal) end('failed', refusal.detail)
  else setTimeout(() => reading === source && read(id), waitMs)
}

async function stop(): Promise<void> {
  end('stopped')
  await fetch(at(`forward-sse/${run}`), { method: 'DELETE' }).catch(() => {})
}

function end(status: Status, problem = ''): void {
  leave()
  show(status, problem)
}

function leave(): void {
  source?.close()
  source = undefined
}

function show(status: Status, problem = ''): void {
  const element = byId('status')
  element.dataset.status = status
  element.textContent = status
  const button = byId('stop')
  const isOver = status !== 'answering' && status !== 'reconnecting'
  // Hidden it would lose the focus; in the form a key that is still held would ask again.
  if (isOver && document.activeElement === button) answer.focus()
  button.hidden = isOver
  byId('notice').hidden = problem === ''
  byId('notice').textContent = problem
}

/** A browser may forbid storage; then a reload begins with nothing. */
function remembered(): Asked | undefined {
  try {
    const { prompt: question, run: begun } = JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Partial<Asked>
    return typeof question === 'string' && typeof begun === 'string' ? { prompt: question, run: begun } : undefined
  } catch {
    return undefined
  }
}

function remember(asked: Asked): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(asked))
  } catch {}
}
