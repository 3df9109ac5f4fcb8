/**
 * The relay's demonstration page: sends a question, and shows the answer while it streams.
 *
 * A POST starts a run. The page then reads the run by GET from its first event on, also after a reload.
 */
import { FatalError, openStream } from '../client/stream.ts'
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

const RETRY_MS = 1000
const STORAGE_KEY = 'colocate relay'
/** The server may serve the page below a path. */
const urlOf = (path: string) => new URL(path, document.baseURI).href
const prompt = byId('prompt') as HTMLInputElement
const send = byId('send')
const answer = byId('answer')
let run: string | undefined
/** Ends the stream that the page reads. */
let reading = new AbortController()

byId('ask').addEventListener('submit', event => {
  event.preventDefault()
  if (send.ariaDisabled !== 'true') void ask(prompt.value)
})
byId('stop').addEventListener('click', () => void stop())

const saved = loadRun()
if (saved) {
  prompt.value = saved.prompt
  show('answering')
  void readRun(saved.run)
}

async function ask(question: string): Promise<void> {
  reading.abort()
  answer.textContent = ''
  // Not `disabled`: a disabled button loses the focus.
  send.ariaDisabled = 'true'
  show('asking')
  try {
    const targetUrl = await demonstrationUrl()
    const id = await startRun({ targetUrl, body: { messages: [{ role: 'user', content: question }], stream: true } })
    saveRun({ prompt: question, run: id })
    show('answering')
    void readRun(id)
  } catch (error) {
    show('failed', error instanceof TypeError ? 'The server is not reachable.' : (error as Error).message)
  }
  send.ariaDisabled = 'false'
}

async function demonstrationUrl(): Promise<string> {
  const response = await fetch(urlOf('demonstration'))
  if (response.status === 404) throw new Error('This server has no demonstration upstream: only open mode provides it.')
  if (!response.ok) throw new Error(`The server answered HTTP ${response.status}.`)
  const { targetUrl } = (await response.json()) as { targetUrl: string }
  return targetUrl
}

/** Returns the id of the run. It goes on without this response: the server stores its events in the log. */
async function startRun(request: object): Promise<string> {
  const abortController = new AbortController()
  const response = await fetch(urlOf('forward-sse'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal: abortController.signal,
  })
  if (!response.ok) throw new Error(((await response.json()) as { detail: string }).detail)
  const id = response.headers.get('location')?.split('/').at(-1) ?? ''
  abortController.abort()
  return id
}

/** Reads a run from its first event. The page keeps the old text until that event arrives. */
async function readRun(id: string): Promise<void> {
  reading.abort()
  reading = new AbortController()
  const { signal } = reading
  const onRetry = (error: Error | undefined) => {
    show('reconnecting')
    // The server may have another log now: the page reads the run from its start.
    if (error) throw error
  }
  const events = openStream(urlOf(`forward-sse/${id}`), { signal, onRetry })
  run = id
  let text: string | undefined
  try {
    for await (const { event, data } of events) {
      if (event === 'relay-error') return end('failed', (JSON.parse(data) as { detail: string }).detail)
      if (data === '[DONE]') return end('done')
      text = (text ?? '') + ((JSON.parse(data) as CompletionChunk).choices?.[0]?.delta?.content ?? '')
      answer.textContent = text
      show('answering')
    }
    // The run is over without `[DONE]` and without an error: another request has stopped it.
    end('stopped')
  } catch (error) {
    // The user has stopped the run or sent another question.
    if (signal.aborted) return
    if (error instanceof FatalError) end('failed', error.message)
    else setTimeout(() => signal.aborted || void readRun(id), RETRY_MS * (1 + Math.random()))
  }
}

async function stop(): Promise<void> {
  end('stopped')
  await fetch(urlOf(`forward-sse/${run}`), { method: 'DELETE' }).catch(() => {})
}

function end(status: RunStatus, problem = ''): void {
  reading.abort()
  show(status, problem)
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
