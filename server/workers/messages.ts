/**
 * What the workers and the primary process, which starts them, send each other.
 */
import type { Worker } from 'node:cluster'
import type { MetricValues } from '../http/metrics.ts'

export type FromWorker =
  | { type: 'colocate:listening' }
  /** Asks for the metrics of all workers. */
  | { type: 'colocate:read-metrics' }
  | { type: 'colocate:own-metrics'; round: number; values: MetricValues }

export type ToWorker =
  /** Asks for the worker's own metrics. */
  | { type: 'colocate:collect'; round: number }
  /** `text` is null if the metrics could not be combined. */
  | { type: 'colocate:all-metrics'; text: string | null }

/** Sends to the process at the other end. A message to a process that has ended is dropped. */
export function sendTo(worker: Worker, message: FromWorker | ToWorker): void {
  worker.send(message, undefined, undefined, () => {})
}
