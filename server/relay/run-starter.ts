/**
 * Starts the runs of this instance, one for each `Idempotency-Key`, and ends them when the server closes.
 */
import { nanoid } from 'nanoid'
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import { consume } from '../http/limits/rate-limit.ts'
import { problemOf } from '../http/problem.ts'
import type { IdempotencyKeys, KeyState, KeyUse } from './idempotency-keys.ts'
import { Run, type RunCall, type RunOptions } from './run.ts'
import { type Reason, topicOf } from './run-log.ts'

export interface RunStarterOptions {
  runs: RunOptions
  keys: IdempotencyKeys
  /** Runs per minute for each caller, and the limiter that has as many points. */
  runsPerMinute: number
  limiter: RateLimiterAbstract
  onBegin(origin: string): void
  onEnd(origin: string, reason: Reason, durationMs: number): void
}

/** A request for a run. */
export interface RunRequest {
  /** Tells callers apart. */
  caller: string
  /** The caller's `sub`, to which the run belongs. */
  sub: string | undefined
  call: RunCall
  key: KeyUse | undefined
}

/** The run that a request gets. */
export interface FoundRun {
  id: string
  topic: string
  /** The run, if this request started it; undefined if another one did. */
  started: Run | undefined
}

export class RunStarter {
  readonly #options: RunStarterOptions
  readonly #runs = new Map<Run, Promise<Reason>>()
  /** The runs among them whose upstream has answered. */
  readonly #answered = new Set<Run>()

  constructor(options: RunStarterOptions) {
    this.#options = options
  }

  get runsByState(): { calling: number; running: number } {
    return { calling: this.#runs.size - this.#answered.size, running: this.#answered.size }
  }

  /** Resolves with the run of the request's key, or with a run that it has started. Rejects with a `Problem`. */
  async start(request: RunRequest): Promise<FoundRun> {
    const { caller, sub, key } = request
    for (;;) {
      if (!key) await this.#count(caller)
      const state: KeyState = key ? await this.#find(key, caller) : { run: undefined, seq: 0 }
      if (state.run !== undefined) return { id: state.run, topic: topicOf(state.run, sub), started: undefined }
      const mayCall = async (id: string) => !key || this.#take(key, id, state.seq, caller)
      const found = await this.#begin(request, mayCall)
      if (found) return found
    }
  }

  /** Resolves with the state of a key. If the key is free, the caller may start a run. */
  async #find(key: KeyUse, caller: string): Promise<KeyState> {
    const { keys, limiter } = this.#options
    const state = await keys.find(key)
    if (state.run !== undefined) return state
    const used = await limiter.get(caller)
    if (!used || used.remainingPoints > 0) return state
    // The last call may be the one of this key, by a request that was faster.
    const later = await keys.find(key)
    if (later.run === undefined) await this.#count(caller)
    return later
  }

  /** Only the request that takes the key counts towards the rate. */
  async #take(key: KeyUse, id: string, seq: number, caller: string): Promise<boolean> {
    const isTaken = await this.#options.keys.take(key, id, seq)
    if (isTaken) await this.#count(caller)
    return isTaken
  }

  /** Rejects with a 429 `Problem` if the caller has started too many runs. */
  #count(caller: string): Promise<void> {
    const { limiter, runsPerMinute } = this.#options
    const policy = { name: 'relay', quota: runsPerMinute, seconds: 60 }
    return consume(limiter, caller, 1, policy, `Too many runs: at most ${runsPerMinute} per minute for each caller.`)
  }

  /** Begins a run and calls its upstream if `mayCall` resolves with true. */
  async #begin({ sub, call }: RunRequest, mayCall: (id: string) => Promise<boolean>): Promise<FoundRun | undefined> {
    const id = nanoid()
    const topic = topicOf(id, sub)
    const run = await Run.begin(topic, this.#options.runs)
    try {
      if (!(await mayCall(id))) {
        void run.cancel()
        return undefined
      }
    } catch (error) {
      void run.cancel(problemOf(error))
      throw error
    }
    this.#relay(run, call)
    return { id, topic, started: run }
  }

  #relay(run: Run, call: RunCall): void {
    const { onBegin, onEnd } = this.#options
    const { origin } = call.upstream
    let startedAt: number | undefined
    const onAnswer = () => {
      startedAt = performance.now()
      this.#answered.add(run)
      onBegin(origin)
    }
    const ended = run.relay(call, onAnswer)
    this.#runs.set(run, ended)
    void ended.then(reason => {
      this.#runs.delete(run)
      this.#answered.delete(run)
      if (startedAt !== undefined) onEnd(origin, reason, performance.now() - startedAt)
    })
  }

  /** Ends every run of this instance. Resolves once their ends are in the log. */
  async close(): Promise<void> {
    for (const run of this.#runs.keys()) run.stop('drained')
    await Promise.all(this.#runs.values())
  }
}
