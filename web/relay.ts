/**
 * The relay's page: a question, and the answer as it arrives.
 *
 * A POST begins a run; whoever reads it, this page before and after a reload, reads it by GET from its first event on.
 */
import { byId } from './elements.ts'
import { json, refusalOf } from './requests.ts'

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
const CLOSED = 2
/** The page may be served below some path. */
const at = (path: string) => new URL(path, document.baseURI).href
const prompt = byId('prompt') as HTMLInputElement
const send = byId('send') as HTMLButtonElement
const answer = byId('answer')
let run: string | undefined
let source: EventSource | undefined

byId('ask').addEventListener('submit', event => {
  event.preventDefault()
  void ask(prompt.value)
})
byId('stop').addEventListener('click', () => void stop())

const last = remembered()
if (last) {
  prompt.value = last.prompt
  read(last.run)
}

async function ask(question: string): Promise<void> {
  source?.close()
  answer.textContent = ''
  send.disabled = true
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
    read(begun)
  } catch (error) {
    show('failed', error instanceof TypeError ? 'The server cannot be reached.' : (error as Error).message)
  }
  send.disabled = false
}

async function answered<T>(asked: Promise<Response>): Promise<T> {
  const response = await asked
  if (response.status === 404) throw new Error('This server has no demonstration: it has it in open mode alone.')
  if (!response.ok) throw new Error((await refusalOf(response)).detail)
  return (await response.json()) as T
}

/** From its first event on, whatever was read before. */
function read(id: string): void {
  run = id
  answer.textContent = ''
  show('answering')
  const reading = new EventSource(at(`forward-sse/${id}`))
  source = reading
  reading.onmessage = ({ data }) => {
    if (data === '[DONE]') end('done')
    else answer.append((JSON.parse(data) as Piece).choices?.[0]?.delta?.content ?? '')
  }
  reading.addEventListener('relay-error', ({ data }) => end('failed', (JSON.parse(data) as { detail: string }).detail))
  reading.onopen = () => show('answering')
  reading.onerror = () => {
    // With nothing left to read it is closed for good: the run is over, or nobody knows it any more.
    if (reading.readyState === CLOSED) end(answer.textContent === '' ? 'idle' : 'done')
    else show('reconnecting')
  }
}

async function stop(): Promise<void> {
  end('stopped')
  await fetch(at(`forward-sse/${run}`), { method: 'DELETE' }).catch(() => {})
}

function end(status: Status, problem = ''): void {
  source?.close()
  show(status, problem)
}

function show(status: Status, problem = ''): void {
  const element = byId('status')
  element.dataset.status = status
  element.textContent = status
  byId('stop').hidden = status !== 'answering' && status !== 'reconnecting'
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
