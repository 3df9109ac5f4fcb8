/**
 * A real Firefox, driven by WebDriver BiDi: opens tabs, runs scripts in them and closes them.
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

export interface FirefoxTab {
  /** Runs an expression in the tab. Resolves with the JSON of what it returns. */
  evaluate<T>(expression: string): Promise<T>
  close(): Promise<void>
}

export class Firefox {
  readonly #socket: WebSocket
  readonly #stop: () => Promise<void>
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #nextId = 1

  private constructor(socket: WebSocket, stop: () => Promise<void>) {
    this.#socket = socket
    this.#stop = stop
    socket.addEventListener('message', ({ data }) => {
      const answer: Answer = JSON.parse(String(data))
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
      return firefox
    } catch (error) {
      await stop()
      throw error
    }
  }

  async open(url: string): Promise<FirefoxTab> {
    const { context } = await this.#send('browsingContext.create', { type: 'tab' })
    await this.#send('browsingContext.navigate', { context, url, wait: 'complete' })
    return {
      evaluate: async expression => {
        const { result, exceptionDetails } = await this.#send('script.evaluate', {
          expression: `(async () => JSON.stringify((await (${expression})) ?? null))()`,
          target: { context },
          awaitPromise: true,
        })
        if (exceptionDetails) throw new Error((exceptionDetails as { text: string }).text)
        return JSON.parse((result as { value: string }).value)
      },
      close: async () => void (await this.#send('browsingContext.close', { context })),
    }
  }

  async stop(): Promise<void> {
    this.#socket.close()
    await this.#stop()
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
