/**
 * `/metrics`: for whoever may see it, or for everyone who reaches a port of its own.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { writeHead } from './head.ts'
import type { Metrics } from './metrics.ts'
import { answerError, Problem } from './problem.ts'

export async function sendMetrics(res: ServerResponse, metrics: Metrics): Promise<void> {
  const { contentType, text } = await metrics.show()
  writeHead(res, 200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' }).end(text)
}

/** The admin port's one page. */
export function adminRoutes(metrics: Metrics, log: Logger): RequestListener {
  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    const isAsked = /^(GET|HEAD)$/.test(req.method ?? '') && /^\/metrics(\?|$)/.test(req.url ?? '')
    if (!isAsked) throw new Problem(404, 'There is only GET /metrics here.')
    await sendMetrics(res, metrics)
  }
  return (req, res) => void answer(req, res).catch(error => answerError(error, req, res, log))
}
