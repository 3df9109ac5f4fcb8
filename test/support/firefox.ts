/**
 * A real Firefox, driven by WebDriver BiDi: opens tabs, presses keys, clicks and runs scripts in them, and closes them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { WebSocket } from 'undici'

interface Answer {
  id: number
  type: 'success' | 'error'
  result: Record<string, unknown>
  message?: string
}

interface LogEvent {
  method: 'log.entryAdded'
  params: { level: string; text: string; source: { context: string } }
}

export interface FirefoxTab {
  /** Errors and warnings on the console, uncaught errors, and violations of the Content Security Policy. */
  errors: string[]
  /** Runs an expression in the tab. Resolves with the JSON of what it returns. */
  evaluate<T>(expression: string): Promise<T>
  /** Clicks the center of an element. */
  click(selector: string): Promise<void>
  /** Presses a key such as `a`, `F2` or `Shift+ArrowRight`. */
  press(key: string): Promise<void>
  close(): Promise<void>
}

/** The characters by which WebDriver names keys without a character. */
const KEYS: Record<string, string> = {
  Enter: '\uE007',
  Shift: '\uE008',
  ArrowLeft: '\uE012',
  ArrowUp: '\uE013',
  ArrowRight: '\uE014',
  ArrowDown: '\uE015',
  F2: '\uE032',
}

export class Firefox {
  readonly #socket: WebSocket
  readonly #stop: () => Promise<void>
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  readonly #errors = new Map<string, string[]>()
  #nextId = 1

  private constructor(socket: WebSocket, stop: () => Promise<void>) {
    this.#socket = socket
    this.#stop = stop
    socket.addEventListener('message', ({ data }) => {
      const answer: Answer | LogEvent = JSON.parse(String(data))
      if ('method' in answer) return this.#onLog(answer)
      this.#waiting.get(answer.id)?.(answer)
      this.#waiting.delete(answer.id)
    })
  }

  static async start(): Promise<Firefox> {
    const profile = await mkdtemp(join(tmpdir(), 'colocate-firefox-'))
    const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port=0', 'about:blank']
    const child = spawn('firefox-esr', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const stop = async () => {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null && child.pid) await once(child, 'exit')
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    }
    try {
      const socket = new WebSocket(`${await addressOf(child)}/session`)
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve)
        socket.addEventListener('error', () => reject(new Error('Firefox does not accept the connection.')))
      })
      const firefox = new Firefox(socket, stop)
      await firefox.#send('session.new', { capabilities: {} })
      await firefox.#send('session.subscribe', { events: ['log.entryAdded'] })
      await firefox.#send('script.addPreloadScript', {
        functionDeclaration: `() => addEventListener('securitypolicyviolation', event =>
          console.error('violated: ' + event.violatedDirective))`,
      })
      return firefox
    } catch (error) {
      await stop()
      throw error
    }
  }

  /** Opens a tab, or a window with one tab: a tab is hidden once another one is opened in its window. */
  async open(url: string, type: 'tab' | 'window' = 'tab'): Promise<FirefoxTab> {
    const { context } = (await this.#send('browsingContext.create', { type })) as { context: string }
    const errors: string[] = []
    this.#errors.set(context, errors)
    await this.#send('browsingContext.navigate', { context, url, wait: 'complete' })
    const act = (source: object) => this.#send('input.performActions', { context, actions: [source] })
    return {
      errors,
      evaluate: async expression => {
        const { result, exceptionDetails } = await this.#send('script.evaluate', {
          expression: `(async () => JSON.stringify((await (${expression})) ?? null))()`,
          target: { context },
          awaitPromise: true,
        })
        if (exceptionDetails) throw new Error((exceptionDetails as { text: string }).text)
        return JSON.parse((result as { value: string }).value)
      },
      click: async selector => {
        const locator = { type: 'css', value: selector }
        const { nodes } = await this.#send('browsingContext.locateNodes', { context, locator })
        const [node] = nodes as { sharedId: string }[]
        if (!node) throw new Error(`There is no ${selector}.`)
        const origin = { type: 'element', element: { sharedId: node.sharedId } }
        const move = { type: 'pointerMove', x: 0, y: 0, origin }
        const [down, up] = ['pointerDown', 'pointerUp'].map(each => ({ type: each, button: 0 }))
        await act({ type: 'pointer', id: 'mouse', actions: [move, down, up] })
      },
      press: async key => {
        const values = key.split('+').map(each => KEYS[each] ?? each)
        const downs = values.map(value => ({ type: 'keyDown', value }))
        const ups = values.map(value => ({ type: 'keyUp', value })).reverse()
        await act({ type: 'key', id: 'keyboard', actions: [...downs, ...ups] })
      },
      close: async () => void (await this.#send('browsingContext.close', { context })),
    }
  }

  async stop(): Promise<void> {
    this.#socket.close()
    await this.#stop()
  }

  #onLog({ params: { level, text, source } }: LogEvent): void {
    if (['error', 'warn'].includes(level)) this.#errors.get(source.context)?.push(text)
  }

  async #send(method: string, params: object): Promise<Record<string, unknown>> {
    const id = this.#nextId++
    const answered = new Promise<Answer>(resolve => this.#waiting.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params }))
    const { type, result, message } = await answered
    if (type === 'error') throw new Error(`${method}: ${message}`)
    return result
  }
}

/** Firefox prints where it listens. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', error => reject(new Error(`Debian: apt-get install firefox-esr (${error.message})`)))
    child.once('exit', code => reject(new Error(`Firefox ended with ${code}.`)))
    if (!child.stderr) return
    createInterface(child.stderr).on('line', line => {
      const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? []
      if (address) resolve(address)
    })
  })
}
