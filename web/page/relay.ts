/**
 * The relay's demonstration page: sends a question, and shows the answer while it streams.
 *
 * A POST starts a run. The page then reads the run by GET from its first event on, also after a reload.
 */
import { backoffMs, isFinal, json, refusalOf } from '../client/index.ts'
import { byId } from './elements.ts'

type RunStatus = 'idle' | 'asking' | 'answering' | 'reconnecting' | 'done' | 'stopped' | 'failed'

/** The last question of this tab and its run. */
interface SavedRun {
  prompt: string
  /** The run's id. */
  run: string
}

/** One chunk of a streamed chat completion, in OpenAI's format. */
interface CompletionChunk {
  choices?: { delta?: { content?: string } }[]
}

const STORAGE_KEY = 'colocate relay'
const RETRY_MIN_MS = 1000
const RETRY_MAX_MS = 15_000
/** The server may serve the page below a path. */
const urlOf = (path: string) => new URL(path, document.baseURI).href
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

const saved = loadRun()
if (saved) {
  prompt.value = saved.prompt
  show('answering')
  readRun(saved.run)
}

async function ask(question: string): Promise<void> {
  closeSource()
  answer.textContent = ''
  // Not `disabled`: a disabled button loses the focus.
  send.ariaDisabled = 'true'
  show('asking')
  try {
    const targetUrl = await demonstrationUrl()
    const body = { messages: [{ role: 'user', content: question }], stream: true }
    const abortController = new AbortController()
    const { signal } = abortController
    const response = await fetch(urlOf('forward-sse'), { ...json({ targetUrl, body }), signal })
    if (!response.ok) throw new Error((await refusalOf(response)).detail)
    const id = response.headers.get('location')?.split('/').at(-1) ?? ''
    // The run goes on without this response: the server stores its events in the log.
    abortController.abort()
    saveRun({ prompt: question, run: id })
    show('answering')
    readRun(id)
  } catch (error) {
    show('failed', error instanceof TypeError ? 'The server is not reachable.' : (error as Error).message)
  }
  send.ariaDisabled = 'false'
}

async function demonstrationUrl(): Promise<string> {
  const response = await fetch(urlOf('demonstration'))
  if (response.status === 404) throw new Error('This server has no demonstration upstream: only open mode provides it.')
  if (!response.ok) throw new Error((await refusalOf(response)).detail)
  const { targetUrl } = (await response.json()) as { targetUrl: string }
  return targetUrl
}

/** Reads a run from its first event. The page keeps the old text until that event arrives. */
function readRun(id: string): void {
  const opened = new EventSource(urlOf(`forward-sse/${id}`))
  let lastEventId = ''
  run = id
  source = opened
  opened.addEventListener('message', () => answer.replaceChildren(), { once: true })
  opened.onmessage = message => {
    failures = 0
    lastEventId = message.lastEventId
    if (message.data === '[DONE]') end('done')
    else answer.append((JSON.parse(message.data) as CompletionChunk).choices?.[0]?.delta?.content ?? '')
  }
  opened.addEventListener('relay-error', ({ data }) => end('failed', (JSON.parse(data) as { detail: string }).detail))
  opened.onopen = () => show('answering')
  opened.onerror = () => {
    show('reconnecting')
    // In any other state the source reconnects by itself.
    if (opened.readyState === EventSource.CLOSED) void handleClosed(opened, id, lastEventId)
  }
}

/** Any status but 200 closes an `EventSource`, which hides the status. The page requests the URL again to read it. */
async function handleClosed(closed: EventSource, id: string, lastEventId: string): Promise<void> {
  const waitMs = backoffMs(failures++, RETRY_MIN_MS, RETRY_MAX_MS)
  const headers = { accept: 'text/event-stream', 'last-event-id': lastEventId }
  const abortController = new AbortController()
  const { signal } = abortController
  const response = await fetch(urlOf(`forward-sse/${id}`), { headers, signal }).catch(() => undefined)
  const isRefused = response && (isFinal(response) || response.status === 404)
  const refusal = isRefused ? await refusalOf(response) : undefined
  abortController.abort()
  // The user may have stopped the run or sent another question in the meantime.
  if (closed !== source) return
  // The run is over without `[DONE]` and without an error: another request has stopped it.
  if (response?.status === 204) end('stopped')
  else if (refusal) end('failed', refusal.detail)
  else setTimeout(() => closed === source && readRun(id), waitMs)
}

async function stop(): Promise<void> {
  end('stopped')
  await fetch(urlOf(`forward-sse/${run}`), { method: 'DELETE' }).catch(() => {})
}

function end(status: RunStatus, problem = ''): void {
  closeSource()
  show(status, problem)
}

function closeSource(): void {
  source?.close()
  source = undefined
}

function show(status: RunStatus, problem = ''): void {
  const element = byId('status')
  element.dataset.status = status
  element.textContent = status
  const button = byId('stop')
  const isOver = status !== 'answering' && status !== 'reconnecting'
  // A hidden button loses the focus. The focus moves to the answer, not to the form: a key that is still pressed would
  // submit the question again.
  if (isOver && document.activeElement === button) answer.focus()
  button.hidden = isOver
  byId('notice').hidden = problem === ''
  byId('notice').textContent = problem
}

/** If the browser forbids storage, the page starts empty after a reload. */
function loadRun(): SavedRun | undefined {
  try {
    const { prompt: question, run: id } = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? '{}') as Partial<SavedRun>
    return typeof question === 'string' && typeof id === 'string' ? { prompt: question, run: id } : undefined
  } catch {
    return undefined
  }
}

function saveRun(saved: SavedRun): void {
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(saved))
  } catch {}
}
