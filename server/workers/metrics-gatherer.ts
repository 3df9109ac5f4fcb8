/**
 * Combines the metrics of all workers into one text, which the worker that received the request sends. The sums keep
 * the counters of workers that have ended: Prometheus takes a counter that decreases for a restart and counts from zero
 * again.
 */
import type { Worker } from 'node:cluster'
import { AggregatorRegistry } from 'prom-client'
import type { MetricValues } from '../http/metrics.ts'
import { type FromWorker, sendTo } from './messages.ts'

/** How long a worker may take to report. After that, the counters of its last report are used. */
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
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null
    })
    // Combining fails if a worker that started after an upgrade has a metric of another type.
    const text = await this.#reading.catch(() => null)
    sendTo(worker, { type: 'colocate:all-metrics', text })
  }

  async #read(): Promise<string> {
    const round = ++this.#round
    await Promise.all([...this.#reports.keys()].map(worker => this.#update(worker, round)))
    const running = [...this.#reports.values()]
    const ended = await AggregatorRegistry.aggregate(this.#ended.splice(0)).getMetricsAsJSON()
    this.#ended.push(ended)
    return AggregatorRegistry.aggregate([...running, ended]).metrics()
  }

  /** Resolves once the worker has reported or ended, or has taken too long. */
  #update(worker: Worker, round: number): Promise<void> {
    return new Promise(resolve => {
      const finish = () => {
        clearTimeout(timer)
        worker.off('message', onMessage)
        worker.off('exit', finish)
        resolve()
      }
      const onMessage = (message: FromWorker) => {
        if (message.type !== 'colocate:own-metrics' || message.round !== round) return
        this.#reports.set(worker, message.values)
        finish()
      }
      const timer = setTimeout(() => {
        this.#reports.set(worker, countersOf(this.#reports.get(worker) ?? []))
        finish()
      }, reportMs)
      worker.on('message', onMessage)
      worker.on('exit', finish)
      sendTo(worker, { type: 'colocate:collect', round })
    })
  }
}

/** Returns the metrics that only increase. */
function countersOf(values: MetricValues): MetricValues {
  return values.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))
}
