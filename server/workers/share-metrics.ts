/**
 * A worker's side of the metrics: it reports its own, and reads those of all workers through the primary process.
 */
import type { Worker } from 'node:cluster'
import type { ShareMetrics } from '../http/metrics.ts'
import { type FromWorker, sendTo, type ToWorker } from './messages.ts'

/** `onError` receives the error if this worker's own metrics can't be read. */
export function shareMetrics(worker: Worker, onError: (error: unknown) => void): ShareMetrics {
  const send = (message: FromWorker) => sendTo(worker, message)
  return own => {
    const waiting: ((text: string | null) => void)[] = []
    worker.on('message', (message: ToWorker) => {
      if (message.type === 'colocate:collect') {
        const { round } = message
        own().then(values => send({ type: 'colocate:own-metrics', round, values }), onError)
      } else if (message.type === 'colocate:all-metrics') {
        for (const resolve of waiting.splice(0)) resolve(message.text)
      }
    })
    return async () => {
      const text = await new Promise<string | null>(resolve => {
        // Requests that arrive together share one answer.
        if (waiting.push(resolve) === 1) send({ type: 'colocate:read-metrics' })
      })
      if (text === null) throw new Error('the metrics of the workers could not be added up')
      return text
    }
  }
}
