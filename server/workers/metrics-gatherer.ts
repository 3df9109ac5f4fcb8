/**
 * The metrics of all workers as one text, for the worker that took the request. Counters of a worker that has ended stay in
 * the sums: Prometheus would take a smaller sum for a restart, and count everything again.
 */
import type { Worker } from 'node:cluster'
import { AggregatorRegistry } from 'prom-client'
import type { MetricValues } from '../http/metrics.ts'
import { type FromWorker, sendTo } from './messages.ts'

/** How long a worker may take to report. One that takes longer counts with the counters that it reported last. */
const reportMs = 1_000

export class MetricsGatherer {
  /** What each running worker reported last. */
  readonly #reports = new Map<Worker, MetricValues>()
  /** Counters of workers that have ended. */
  #ended: MetricValues[] = []
  #round = 0
  #reading: Promise<string> | null = null

  /** Adds a worker that listens. */
  add(worker: Worker): void {
    this.#reports.set(worker, [])
    worker.on('message', ({ type }: FromWorker) => {
      if (type === 'colocate:read-metrics') void this.#answer(worker)
    })
    worker.once('exit', () => {
      this.#ended.push(countersOf(this.#reports.get(worker) ?? []))
      this.#reports.delete(worker)
    })
  }

  async #answer(worker: Worker): Promise<void> {
    this.#reading ??= this.#read()
    const text = await this.#reading
    this.#reading = null
    sendTo(worker, { type: 'colocate:all-metrics', text })
  }

  async #read(): Promise<string> {
    const round = ++this.#round
    const values = await Promise.all([...this.#reports.keys()].map(worker => this.#report(worker, round)))
    const ended = this.#ended.splice(0)
    const sum = await AggregatorRegistry.aggregate(ended).getMetricsAsJSON()
    this.#ended.push(sum)
    return AggregatorRegistry.aggregate([...values, sum]).metrics()
  }

  #report(worker: Worker, round: number): Promise<MetricValues> {
    return new Promise(resolve => {
      const finish = (values: MetricValues | undefined) => {
        clearTimeout(timer)
        worker.off('message', onMessage)
        worker.off('exit', onExit)
        resolve(values ?? [])
      }
      const onMessage = (message: FromWorker) => {
        if (message.type !== 'colocate:own-metrics' || message.round !== round) return
        this.#reports.set(worker, message.values)
        finish(message.values)
      }
      // The counters of a worker that has ended are added with the others of that kind.
      const onExit = () => finish(undefined)
      const timer = setTimeout(() => finish(countersOf(this.#reports.get(worker) ?? [])), reportMs)
      worker.on('message', onMessage)
      worker.on('exit', onExit)
      sendTo(worker, { type: 'colocate:collect', round })
    })
  }
}

/** What only grows. */
function countersOf(values: MetricValues): MetricValues {
  return values.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))
}
