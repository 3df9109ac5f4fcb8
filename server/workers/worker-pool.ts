/**
 * The workers of one address, in the primary process: starts them, replaces those that crash, and ends them together.
 */
import type { Worker } from 'node:cluster'
import { once } from 'node:events'
import type { Logger } from 'pino'
import type { FromWorker } from './messages.ts'
import { closePendingConnections } from './pending-connections.ts'

export interface WorkerPoolOptions {
  count: number
  log: Logger
  /** Starts a process. */
  fork(): Worker
  /** A worker accepts connections. */
  onListening(worker: Worker): void
  /**
   * Called when the first worker ends before it listens. The other workers would fail in the same way, so they are not
   * started. The worker has already printed the reason.
   */
  onFailure(code: number): void
}

/**
 * The delay before a crashed worker is replaced. It doubles, up to the maximum, if the replacement crashes soon, too.
 */
const [minRestartMs, maxRestartMs] = [100, 10_000]
/** If a worker ran for at least this long, the delay starts at the minimum again. */
const steadyMs = 30_000

export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #workers = new Set<Worker>()
  #hasListened = false
  #isEnding = false

  constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  /**
   * Starts one worker, and the others after it listens. An error that affects every worker, such as a port in use, is
   * therefore reported only once.
   */
  start(): void {
    this.#start(0)
  }

  /**
   * Ends all workers by SIGTERM, and those that still run after `withinMs` by SIGKILL. Rejects when not all of them ended in
   * order.
   */
  async close(withinMs: number): Promise<void> {
    this.#isEnding = true
    const exits = [...this.#workers].map(worker => once(worker, 'exit'))
    for (const worker of this.#workers) worker.kill('SIGTERM')
    const timer = setTimeout(() => this.kill(), withinMs)
    const outcomes = await Promise.all(exits)
    clearTimeout(timer)
    // SIGTERM itself ends a worker that has not listened yet.
    const isInOrder = ([code, signal]: (number | string | null)[]) => code === 0 || signal === 'SIGTERM'
    if (!outcomes.every(isInOrder)) throw new Error('not every worker ended in order')
  }

  kill(): void {
    this.#isEnding = true
    for (const worker of this.#workers) worker.kill('SIGKILL')
  }

  #start(crashes: number): void {
    const worker = this.#options.fork()
    const startedAt = performance.now()
    this.#workers.add(worker)
    closePendingConnections(worker)
    worker.on('message', ({ type }: FromWorker) => {
      if (type === 'colocate:listening') this.#onListening(worker)
    })
    const onEnd = (code: number | null, signal: string | null) => {
      this.#workers.delete(worker)
      if (this.#isEnding) return
      if (!this.#hasListened) return this.#options.onFailure(code ?? 1)
      const isSteady = performance.now() - startedAt >= steadyMs
      this.#replace(worker, { code, signal }, isSteady ? 0 : crashes)
    }
    worker.once('exit', onEnd)
    worker.on('error', error => {
      this.#options.log.error({ err: error }, 'worker failed')
      // If the system could not start a process, for example because there are too many, `exit` is not emitted.
      if (worker.process.pid === undefined) onEnd(null, null)
    })
  }

  #onListening(worker: Worker): void {
    this.#options.onListening(worker)
    if (this.#hasListened) return
    this.#hasListened = true
    for (let i = 1; i < this.#options.count; i++) this.#start(0)
  }

  #replace({ process: { pid } }: Worker, end: { code: number | null; signal: string | null }, crashes: number): void {
    const restartMs = Math.min(maxRestartMs, minRestartMs * 2 ** crashes)
    this.#options.log.error({ worker: pid, ...end, restartMs }, 'worker ended; another one replaces it')
    setTimeout(() => {
      if (!this.#isEnding) this.#start(crashes + 1)
    }, restartMs)
  }
}
